"""Exports: places, decisions, manifests and feedback as tables, however many rows, in little memory.

Rows are read a batch at a time, from one key to the next, so neither this process nor the database keeps a whole
table, and a client that takes its time holds no connection.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from places import database, denying
from places.models import Decision, Feedback, Picture, Place

BATCH = 2000  # rows
FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
ZIP = "application/zip"
# What a spreadsheet would take for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")

Column = Callable[[Any], Any]
Progress = Callable[[int], object]


def no_news(rows: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Table:
    """One kind of rows: who may have them, which they are, and what of them; a column is read off a row."""

    permission: str
    found: Callable[[], QuerySet[Any]]
    columns: dict[str, Column]

    def rows(self, on_batch: Progress = no_news) -> Iterator[list[Any]]:
        """Yield the cells of every row, by the row's key; between batches the connection is free."""
        last = None
        while True:
            found = self.found().order_by("pk")
            batch = list((found if last is None else found.filter(pk__gt=last))[:BATCH])
            database.give_back()
            for row in batch:
                yield [read(row) for read in self.columns.values()]
            on_batch(len(batch))
            if len(batch) < BATCH:
                return
            last = batch[-1].pk

    def count(self) -> int:
        """Return how many rows there are now."""
        return self.found().count()


def _same(*names: str) -> dict[str, Column]:
    """Return columns that are called like what they read."""
    return {name: attrgetter(name) for name in names}


def text(table: Table, kind: str, on_batch: Progress = no_news) -> Iterator[bytes]:
    """Yield a table as ``csv`` or ``jsonl``, some kilobytes at a time; ``on_batch`` is told how many rows came."""
    if kind == "csv":
        yield from _joined(_csv(table, on_batch))
    else:
        rows = (dict(zip(table.columns, cells, strict=True)) for cells in table.rows(on_batch))
        lines = (json.dumps(row, ensure_ascii=False, default=_plain) + "\n" for row in rows)
        yield from _joined(lines)


def archive(tables: dict[str, Table], on_batch: Progress = no_news) -> Iterator[bytes]:
    """Yield a zip file with tables, each in every format, while it is made."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, table in tables.items():
            for kind in FORMATS:
                with packed.open(f"{name}.{kind}", "w", force_zip64=True) as file:
                    for part in text(table, kind, on_batch):
                        file.write(part)
                        yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Takes what is written to it and gives it away; it cannot go back."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        """Whether it takes anything."""
        return True

    def write(self, data: Any) -> int:
        """Take ``data``."""
        self._written += data
        return len(data)

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        given, self._written = bytes(self._written), bytearray()
        return given


def _csv(table: Table, on_batch: Progress) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line)
    yield "\ufeff"  # Excel takes it for Latin-1 otherwise
    for cells in chain([list(table.columns)], table.rows(on_batch)):
        writer.writerow([inert(cell) for cell in cells])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def inert(value: Any) -> Any:
    """Return a cell that no spreadsheet runs."""
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, str):
        value = value.replace("\x00", "")
        return f"'{value}" if value.startswith(FORMULA) else value
    return "" if value is None else _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value if isinstance(value, bool | int | float) else str(value)


def _joined(lines: Iterable[str], size: int = 64 * 1024) -> Iterator[bytes]:
    """Yield lines put together to pieces of about ``size`` characters."""
    waiting: list[str] = []
    length = 0
    for line in lines:
        waiting.append(line)
        length += len(line)
        if length >= size:
            yield "".join(waiting).encode()
            waiting, length = [], 0
    yield "".join(waiting).encode()


def _slug(name: str) -> Callable[[Any], str]:
    """Return what reads the slug of a place that a row may name."""
    return lambda row: place.slug if (place := getattr(row, name)) is not None else ""


def _user(name: str) -> Callable[[Any], str]:
    return lambda row: user.get_username() if (user := getattr(row, name)) is not None else ""


def _pictures() -> QuerySet[Picture]:
    """Return the gallery without what was taken down: that is gone from here, too."""
    last = Decision.objects.filter(picture=OuterRef("pk"), undone_at=None).order_by("-at", "-pk")
    return (
        denying.not_taken_down(Picture.objects.all())
        .select_related("place", "predicted")
        .defer("tone")
        .annotate(decided_by=Subquery(last.values("by__username")[:1]), decided_at=Subquery(last.values("at")[:1]))
    )


PLACES = Table(
    "places.view_place",
    lambda: Place.objects.select_related("merged_into").prefetch_related("aliases", "collections"),
    {
        **_same("index", "slug", "name", "name_ko", "local_name", "local_language"),
        "aliases": lambda place: [alias.name for alias in place.aliases.all()],
        **_same("country", "city", "continent", "latitude", "longitude", "query"),
        "collections": lambda place: [collection.slug for collection in place.collections.all()],
        "retired_at": attrgetter("retired_at"),
        "merged_into": _slug("merged_into"),
    },
)
DECISIONS = Table(
    "places.view_decision",
    lambda: Decision.objects.select_related("by", "from_place", "to_place"),
    {
        "at": attrgetter("at"),
        "by": _user("by"),
        "picture": attrgetter("picture_id"),
        "sha256": attrgetter("content_hash"),
        **_same("from_status", "to_status"),
        "from_place": _slug("from_place"),
        "to_place": _slug("to_place"),
        **_same("batch", "undone_at"),
    },
)
MANIFEST = Table(
    "places.view_picture",
    _pictures,
    {
        "id": attrgetter("pk"),
        "place": _slug("place"),
        **_same("status", "title", "source", "page_url", "licence", "author"),
        "sha256": attrgetter("content_hash"),
        **_same("width", "height"),
        "predicted": _slug("predicted"),
        **_same("predicted_kind", "confidence", "decided_by", "decided_at", "created_at"),
    },
)
# Never which search it was: who knows that may look at it.
FEEDBACK = Table(
    "places.view_feedback",
    lambda: Feedback.objects.select_related("answered", "place", "handled_by"),
    {
        "at": attrgetter("created_at"),
        "right": attrgetter("right"),
        "answered": _slug("answered"),
        "said": _slug("place"),
        "photo_given": attrgetter("kept"),
        "picture": attrgetter("picture_id"),
        **_same("outcome", "handled_at"),
        "handled_by": _user("handled_by"),
    },
)
TABLES = {"places": PLACES, "decisions": DECISIONS, "manifest": MANIFEST, "feedback": FEEDBACK}
