"""What a model is trained on: what the curators approved, in three parts that never mix.

A place's approved pictures go by its slug. Approved pictures of whatever the model will not know (no place, a retired
one, one of another collection, one left out) are of unknown places; what was marked "not a place" is that. Pictures
that nobody decided may be trained on too where the model agrees with who collected them; none of them is held out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.core.files.storage import default_storage
from django.db.models import F, Q

from errors import UserError
from ml.calibrate import OTHER
from ml.datasets import LISTS
from places import denying, given
from places.models import ModelVersion, Picture, Place
from places.prelabelling import SURE_FROM

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from places.models import Collection

FEWEST = 5  # approved pictures of a place
NAMED = 10  # places in a message
TRAIN, CHOOSE, REPORT = PARTS = tuple(name.removesuffix(".txt") for name in LISTS)
HELD_OUT = 26  # of 256: a tenth to choose by, as many to report on
UNKNOWN, NOT_A_PLACE = OTHER
DECIDED = Q(status=Picture.Status.APPROVED) | Q(status=Picture.Status.NOT_A_PLACE)
AGREED = Q(status=Picture.Status.CANDIDATE, prelabelled=False, predicted=F("place"), confidence__gte=SURE_FROM)


class Item(NamedTuple):
    """A picture and what it is to teach."""

    pk: UUID
    image: str
    content_hash: str
    source: str
    label: str


@dataclass(frozen=True)
class Material:
    """Pictures by part, the places that are left out because they have too few, and how many nobody decided."""

    parts: dict[str, list[Item]]
    left_out: list[str] = field(default_factory=list)
    agreed: int = 0

    def counts(self) -> dict[str, Any]:
        """Return how much of what there is, as plain JSON values."""
        items = [item for part in self.parts.values() for item in part]
        labels = [item.label for item in items]
        visitors = {name: sum(item.source == "visitor" for item in part) for name, part in self.parts.items()}
        return {
            "pictures": len(items),
            "places": len(set(labels) - set(OTHER)),
            **{label: labels.count(label) for label in OTHER},
            **{name: len(part) for name, part in self.parts.items()},
            "visitors": visitors,
            "left_out": self.left_out,
            "agreed": self.agreed,
        }

    def write(self, folder: Path) -> None:
        """Write the lists that training and evaluation read: lines ``path label``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, part in self.parts.items():
            lines = [f"{default_storage.path(item.image)} {item.label}\n" for item in part]
            (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


def gather(collection: Collection | None, *, leave_out: bool = False, agreed: bool = False) -> Material:
    """Return what there is to train on, for a collection or for all current places.

    ``leave_out``: do without places that have too few approved pictures. ``agreed``: also train on undecided ones that
    the model takes for what they were collected as. Raises UserError ``too_little`` that names places with too few.
    """
    chosen = Place.objects.current().filter(**({"collections": collection} if collection else {}))
    by_place = {place.slug: place.name for place in chosen.order_by("name")}
    items = _items(set(by_place))
    few = _too_few(by_place, items)
    if leave_out:
        by_place = {slug: name for slug, name in by_place.items() if slug not in few}
        items = _items(set(by_place))
    _check(collection, by_place, {} if leave_out else few)
    left_out = sorted(name for name, _ in few.values()) if leave_out else []
    parts = _split(_balanced(items))
    more = _agreed(set(by_place), [*parts[CHOOSE], *parts[REPORT]]) if agreed else []
    parts[TRAIN] += more
    return Material(parts, left_out, len(more))


def _agreed(slugs: set[str], held_out: Iterable[Item]) -> list[Item]:
    """Return undecided pictures of which the serving model is as sure as for a pre-label, of the place they came as.

    Without those of visitors, who gave them for a curator to see, and near-copies of what is held out.
    """
    serving = ModelVersion.serving_places()
    if serving is None:
        return []
    held = Picture.objects.filter(pk__in=[item.pk for item in held_out]).exclude(copies=None)
    rows = Picture.objects.filter(AGREED, problem="", predicted_by=serving, place__slug__in=slugs)
    rows = denying.not_taken_down(rows.exclude(image="").exclude(source=given.SOURCE))
    rows = rows.exclude(copies__in=held.values("copies")).order_by("content_hash", "pk")
    return [Item(*row) for row in rows.values_list("pk", "image", "content_hash", "source", "place__slug")]


def _items(slugs: set[str]) -> list[Item]:
    """Return every picture that teaches a model of these places something."""
    rows = denying.not_taken_down(Picture.objects.filter(DECIDED, problem=""))
    rows = rows.exclude(image="").order_by("content_hash", "pk")
    fields = ("pk", "image", "content_hash", "source", "status", "place__slug")
    found = list(rows.values_list(*fields))
    named = Place.answering({slug for *_, slug in found if slug})
    items = []
    for pk, image, content_hash, source, status, slug in found:
        place = named.get(slug)
        label = place.slug if place is not None and place.slug in slugs else UNKNOWN
        label = NOT_A_PLACE if status == Picture.Status.NOT_A_PLACE else label
        items.append(Item(pk, image, content_hash, source, label))
    return items


def _too_few(by_place: dict[str, str], items: Iterable[Item]) -> dict[str, tuple[str, int]]:
    """Return the places with fewer than ``FEWEST`` pictures: slug, name and how many."""
    counts = dict.fromkeys(by_place, 0)
    for item in items:
        if item.label in counts:
            counts[item.label] += 1
    return {slug: (by_place[slug], count) for slug, count in counts.items() if count < FEWEST}


def _check(collection: Collection | None, by_place: dict[str, str], few: dict[str, tuple[str, int]]) -> None:
    if few:
        some = ", ".join(f"{name} ({count})" for name, count in list(few.values())[:NAMED])
        raise UserError(
            "too_little",
            "Some places have too few approved pictures; training needs at least {fewest} of each.",
            "Approve more of them, or leave these places out. With too few: {names}",
            fewest=FEWEST,
            names=some + (f" + {len(few) - NAMED}" if len(few) > NAMED else ""),
        )
    if len(by_place) < 2:
        raise UserError(
            "too_little",
            "Training tells places apart, so it needs at least two with approved pictures. There is: {names}",
            names=", ".join(by_place.values()) or "0",
        )


def _balanced(items: Sequence[Item]) -> list[Item]:
    """Return the items with no more of unknown places than of known ones: other collections may be far larger."""
    known = sum(item.label not in OTHER for item in items)
    unknown = [item for item in items if item.label == UNKNOWN]  # in the order of their hashes: always the same ones
    surplus = {item.pk for item in unknown[known:]}
    return [item for item in items if item.pk not in surplus]


def _split(items: Iterable[Item]) -> dict[str, list[Item]]:
    """Put every picture into its part, by its content: the same picture is always in the same part.

    A label of which the hash puts none into a held-out part gives one, the first by hash; as more pictures come, it
    goes over to those trained on. So what was trained on is held out later only where pictures were taken away, and
    comparisons leave that out.
    """
    parts: dict[str, list[Item]] = {name: [] for name in PARTS}
    by_label: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_label[item.label].append(item)
    for some in by_label.values():
        own: dict[str, list[Item]] = {name: [] for name in PARTS}
        for item in some:
            own[part_of(item.content_hash)].append(item)
        for name in (REPORT, CHOOSE):
            if not own[name] and len(own[TRAIN]) > 1:
                own[name].append(own[TRAIN].pop(0))
        for name in PARTS:
            parts[name] += own[name]
    return parts


def part_of(content_hash: str) -> str:
    """Return the part that a picture belongs to, by the end of its hash: its beginning orders pictures."""
    number = int(content_hash[-2:], 16)
    return CHOOSE if number < HELD_OUT else REPORT if number < 2 * HELD_OUT else TRAIN


def listed(file: Path) -> list[tuple[UUID, str]]:
    """Return the picture and the label of every line of a list that ``Material.write`` wrote; none without it."""
    if not file.is_file():
        return []
    lines = (line.rpartition(" ") for line in file.read_text(encoding="utf-8").splitlines())
    return [(UUID(Path(path).stem), label) for path, _, label in lines]


def forget_gone(folder: Path, *, agreed: bool = False) -> None:
    """Take out of written lists what may not be trained on any more: deleted, taken down, decided otherwise."""
    usable = DECIDED | AGREED if agreed else DECIDED
    for name in LISTS:
        pks = [pk for pk, _ in listed(folder / name)]
        rows = denying.not_taken_down(Picture.objects.filter(usable, pk__in=pks))
        there = set(rows.values_list("pk", flat=True))
        lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for pk, line in zip(pks, lines, strict=True) if pk in there]
        (folder / name).write_text("".join(kept), encoding="utf-8")
