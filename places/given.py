"""What the photos that visitors gave do for the model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from places.models import Decision, Embedding, ModelVersion, Picture, Place, Promotion
from places.models.picture import UNDECIDED

SOURCE = "visitor"
USED = (Picture.Status.APPROVED, Picture.Status.NOT_A_PLACE)
LAST = 500  # photos that versions are compared on


@dataclass(frozen=True)
class Effect:
    """Photos that visitors gave: how many there are, and how many of them two versions answer right.

    ``unused``: decided on since the serving version was made, so the next one learns from them. ``compared``: used
    ones that the serving version and the one before have answered; of those ``before`` and ``now`` were right.
    """

    waiting: int
    used: int
    unused: int
    compared: int
    before: int
    now: int


def effect() -> Effect:
    """Return what visitors' photos have done and will do."""
    photos = Picture.objects.filter(source=SOURCE)
    counts = Counter(dict(photos.order_by().values_list("status").annotate(Count("pk"))))
    version = ModelVersion.serving_places()
    unused = photos.filter(status__in=USED)
    if version is not None:
        unused = unused.filter(pk__in=Decision.objects.filter(at__gt=version.created_at).values("picture"))
    before, now, compared = _compared(version, Promotion.way_back(version) if version else None)
    return Effect(
        waiting=sum(counts[status] for status in UNDECIDED),
        used=sum(counts[status] for status in USED),
        unused=unused.count(),
        compared=compared,
        before=before,
        now=now,
    )


def _compared(version: ModelVersion | None, older: ModelVersion | None) -> tuple[int, int, int]:
    """Return how many of the last used photos the older version had right, how many this one has, and of how many."""
    if version is None or older is None:
        return 0, 0, 0
    used = Picture.objects.filter(source=SOURCE, status__in=USED).order_by("-created_at")
    photos = dict(used.values_list("pk", "place")[:LAST])
    rows = Embedding.objects.filter(picture__in=photos, model_version__in=(version, older)).exclude(answer=None)
    said: dict[int, dict[Any, Any]] = {version.pk: {}, older.pk: {}}
    for photo, which, answer in rows.values_list("picture", "model_version", "answer"):
        said[which][photo] = answer
    both = [photo for photo in photos if all(photo in answers for answers in said.values())]
    named = Place.answering({_best(answers[photo]) for answers in said.values() for photo in both})
    right = {
        which: sum(_right(answers[photo], photos[photo], named) for photo in both) for which, answers in said.items()
    }
    return right[older.pk], right[version.pk], len(both)


def _best(answer: Any) -> str:
    return str(answer["guesses"][0][0])


def _right(answer: Any, place: int | None, named: dict[str, Place | None]) -> bool:
    """Whether an answer is what the curators say; no place for a photo that shows none."""
    if place is None:
        return bool(answer["kind"] == Picture.Kind.NOT_A_PLACE)
    best = named[_best(answer)]
    return answer["kind"] == Picture.Kind.PLACE and best is not None and best.pk == place
