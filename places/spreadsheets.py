"""Places from a spreadsheet and into one: what would change is told first, and all of it is written or nothing.

A row is a place by its hexadecimal index. Columns that a sheet lacks stay as they are; an empty cell empties its field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crawler.sources.base import plain_text
from crawler.spreadsheet import SpreadsheetError, as_text, table, write_table
from errors import UserError
from places import people, place_rows
from places.models import Alias, Collection, Place
from places.place_rows import COLUMNS, HEADINGS, Row, Values

BATCH = 1000  # rows that are compared and written together
SHOWN = 500  # changes and errors that are kept to be shown
FIELDS = [name for name in COLUMNS if name not in ("index", "slug", "aliases", "collections")]


@dataclass(frozen=True)
class Limits:
    """How large a sheet may be: rows, bytes, and bytes once an .xlsx is unpacked."""

    rows: int = 200_000
    size: int = 100 * 2**20
    unpacked: int = 1000 * 2**20


USUAL = Limits()


@dataclass(frozen=True)
class Change:
    """What a row does to one place: ``fields`` are (column, before, after), empty for a new one."""

    number: int
    place: Place
    new: bool
    fields: list[tuple[str, str, str]]


@dataclass
class Report:
    """What came of a sheet, or would come of it: counts of rows, and the first ``SHOWN`` changes and errors.

    ``digest`` stands for every change that was found: two runs with the same one do the same.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    wrong: int = 0
    changes: list[Change] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    digest: str = ""
    seen: Any = field(default_factory=hashlib.sha256, repr=False)

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return self.new + self.changed + self.unchanged + self.wrong

    def add(self, change: Change) -> None:
        """Count a change; the first of them are kept."""
        self.seen.update(repr((change.place.slug, change.new, change.fields)).encode())
        if change.new:
            self.new += 1
        else:
            self.changed += 1
        if len(self.changes) < SHOWN:
            self.changes.append(change)

    def refuse(self, number: int, sentence: str) -> None:
        """Count a row that cannot be taken."""
        self.wrong += 1
        if len(self.errors) < SHOWN:
            self.errors.append((number, sentence))


def no_news(report: Report) -> None:
    """Tell nobody."""


def run(
    path: Path,
    by: User | None = None,
    *,
    write: bool,
    expected: str = "",
    limits: Limits = USUAL,
    on_progress: Callable[[Report], None] = no_news,
) -> Report:
    """Compare a sheet with the places and, with ``write``, take it over: all of it, or nothing if a row is wrong.

    ``expected`` is the digest of the report that somebody agreed to. Raises SpreadsheetError for a file that
    cannot be read, UserError ``changed_meanwhile`` where it would do something else by now.
    """
    report = Report()
    try:
        with transaction.atomic():
            for rows in _batches(_rows(path, report, limits)):
                _take(rows, report, by, write=write)
                on_progress(report)
            report.digest = report.seen.hexdigest()
            if expected and report.digest != expected:
                raise UserError("changed_meanwhile", "Places were changed meanwhile. Please look at the changes again.")
            if write and report.wrong:
                transaction.set_rollback(True)
            elif write:
                _finish(path, report, by)
    except IntegrityError as error:
        raise UserError(
            "changed_meanwhile", "Somebody else changed places at the same time. Nothing was written; please try again."
        ) from error
    return report


def export(path: Path, places: QuerySet[Place]) -> None:
    """Write places as a sheet that ``run`` reads. Text that a spreadsheet would run stays text."""
    write_table(path, _sheet(places.order_by("pk").prefetch_related("aliases", "collections")))


def _sheet(places: QuerySet[Place]) -> Iterator[Iterable[str | float]]:
    yield COLUMNS
    yield from map(place_rows.cells_of, places.iterator(chunk_size=BATCH))


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _rows(path: Path, report: Report, limits: Limits) -> Iterator[Row]:
    """Yield the rows that can be understood, each index once; the others go into the report."""
    lines = table(path, limits.rows, limits.size, limits.unpacked)
    number, headings = next(lines, (0, []))
    columns = _columns(path, number, headings)
    seen: dict[int, int] = {}
    for number, cells in lines:
        try:
            row = place_rows.read(
                number, {name: cells[at] if at < len(cells) else None for name, at in columns.items()}
            )
            if (before := seen.setdefault(row.index, number)) != number:
                about = {"index": f"{row.index:04X}", "row": before}
                raise ValueError(_("The index %(index)s is that of row %(row)d too.") % about)
        except ValueError as error:
            report.refuse(number, str(error))
            continue
        yield row


def _columns(path: Path, number: int, headings: list[Any]) -> dict[str, int]:
    """Return where each column is, by the first row."""
    columns: dict[str, int] = {}
    unknown = []
    for at, heading in enumerate(map(as_text, headings)):
        name = HEADINGS.get(heading.casefold())
        if name in columns:
            raise SpreadsheetError(path, [(number, f"There are two columns for the {name}.")])
        if name:
            columns[name] = at
        elif heading:
            unknown.append(heading[:40])
    lacking = [name for name in ("index", "name") if name not in columns]
    if unknown or lacking:
        about = [_("There is no column called %(name)r here.") % {"name": name} for name in unknown]
        about += [_("The column %(name)r is missing.") % {"name": name} for name in lacking]
        known = _("Columns are: %(names)s.") % {"names": ", ".join(COLUMNS)}
        raise SpreadsheetError(path, [(number, " ".join([*about[:5], known]))])
    return columns


def _take(rows: list[Row], report: Report, by: User | None, *, write: bool) -> None:
    """Compare a batch, and write it unless a row was wrong before."""
    known = Place.objects.filter(pk__in=[row.index for row in rows]).prefetch_related("aliases", "collections")
    known = known.select_for_update() if write else known
    places = {place.pk: place for place in known}
    taken = set(Place.objects.filter(slug__in=_slugs(rows)).values_list("slug", flat=True))
    collections = dict(Collection.objects.values_list("slug", "pk"))
    changes: list[tuple[Change, Values]] = []
    for row in rows:
        try:
            change, values = _compare(row, places.get(row.index), taken, collections)
        except ValueError as error:
            report.refuse(row.number, str(error))
            continue
        if change.new or change.fields:
            report.add(change)
            changes.append((change, values))
        else:
            report.unchanged += 1
    if write and not report.wrong:
        _write(changes, collections, by)


def _slugs(rows: Iterable[Row]) -> set[str]:
    """Return the slugs that new rows may want."""
    return {slug for row in rows for slug in (row.values.get("slug"), place_rows.usual_slug(row)) if slug}


def _compare(row: Row, place: Place | None, taken: set[str], collections: dict[str, int]) -> tuple[Change, Values]:
    """Return what a row does. Raises ValueError with a sentence."""
    if missing := sorted(row.values.get("collections", set()) - collections.keys()):
        there = ", ".join(sorted(collections))
        about = {"names": ", ".join(missing)[:80], "there": there}
        raise ValueError(_("There is no collection %(names)s; there are: %(there)s.") % about)
    if place is None:
        values = place_rows.fresh(row)
        if values["slug"] in taken:
            told = _("The slug %(slug)s is that of another place; give its index, or another slug.")
            raise ValueError(told % {"slug": values["slug"]})
        taken.add(values["slug"])
        plain = {name: value for name, value in values.items() if name not in ("aliases", "collections")}
        return Change(row.number, Place(pk=row.index, **plain), True, []), values
    _check_same(row, place)
    fields = [
        (name, _shown(before), _shown(after))
        for name, before, after in _pairs(row, place)
        if before != after
    ]  # fmt: skip
    for name, *_values in fields:
        if name in FIELDS:
            setattr(place, name, row.values[name])
    return Change(row.number, place, False, fields), row.values


def _check_same(row: Row, place: Place) -> None:
    """Raise ValueError when an index is that of another place than the row's, or of one that is retired."""
    slug, index = row.values.get("slug"), f"{row.index:04X}"
    if slug and slug != place.slug:
        told = _("The index %(index)s is that of %(slug)s; the slug of a place never changes.")
        raise ValueError(told % {"index": index, "slug": place.slug})
    names = {place.name, place.name_ko, place.local_name, *(alias.name for alias in place.aliases.all())}
    if not slug and row.values["name"].casefold() not in {name.casefold() for name in names}:
        told = _("The index %(index)s is that of %(name)s. To give it another name, give its slug too.")
        raise ValueError(told % {"index": index, "name": place.name})
    if place.retired_at is not None:
        raise ValueError(_("%(name)s is retired; please bring it back first.") % {"name": place.name})
    for name in ("country", "query"):
        if row.values.get(name, "x") == "":
            raise ValueError(_("The %(name)s must not be empty.") % {"name": name})


def _pairs(row: Row, place: Place) -> Iterator[tuple[str, Any, Any]]:
    """Yield column, what the place has, what the row says."""
    for name in FIELDS:
        if name in row.values:
            before = getattr(place, name)
            yield name, plain_text(before) if isinstance(before, str) else before, row.values[name]
    if "aliases" in row.values:
        yield "aliases", {alias.name: alias.language for alias in place.aliases.all()}, row.values["aliases"]
    if "collections" in row.values:
        yield "collections", {each.slug for each in place.collections.all()}, row.values["collections"]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return " | ".join(f"{language}: {name}" if language else name for name, language in value.items())
    return ", ".join(sorted(value)) if isinstance(value, set) else str(value)


def _write(changes: list[tuple[Change, Values]], collections: dict[str, int], by: User | None) -> None:
    """Write a batch of changes in a few statements, with a line of the trail for each."""
    Place.objects.bulk_create(
        [change.place for change, _values in changes],
        update_conflicts=True, unique_fields=["id"], update_fields=FIELDS,
    )  # fmt: skip
    renamed = [(change.place, values["aliases"]) for change, values in changes if "aliases" in values]
    Alias.objects.filter(place__in=[place for place, _names in renamed]).delete()
    Alias.objects.bulk_create(
        Alias(place=place, name=name, language=language) for place, names in renamed for name, language in names.items()
    )
    grouped = [(change.place, values["collections"]) for change, values in changes if "collections" in values]
    through = Place.collections.through
    through.objects.filter(place__in=[place for place, _slugs in grouped]).delete()
    through.objects.bulk_create(
        through(place_id=place.pk, collection_id=collections[slug]) for place, slugs in grouped for slug in slugs
    )
    if by is not None:
        _log(changes, by)


def _log(changes: list[tuple[Change, Values]], by: User) -> None:
    kind = ContentType.objects.get_for_model(Place)
    LogEntry.objects.bulk_create(
        LogEntry(
            user=by, content_type=kind, object_id=str(change.place.pk), object_repr=str(change.place),
            action_flag=ADDITION if change.new else CHANGE,
            change_message=_told(change),
        )
        for change, _values in changes
    )  # fmt: skip


def _told(change: Change) -> str:
    return "Imported." if change.new else f"Imported: {', '.join(name for name, *_values in change.fields)}."


def _finish(path: Path, report: Report, by: User | None) -> None:
    """See that places made elsewhere get ids that no row has taken."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('places_place', 'id'), GREATEST("
            "(SELECT MAX(id) FROM places_place), (SELECT last_value FROM places_place_id_seq)))"
        )
    people.log(by, None, f"Imported {path.name}: {report.new} new, {report.changed} changed.")
