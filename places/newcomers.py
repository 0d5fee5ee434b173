"""Places that the serving model was not taught: with a few approved pictures they answer at once, by neighbours.

Every search process keeps in memory what the model makes of their pictures (``ml.neighbours``). ``watch`` (beat, every
few seconds) looks whether anything has changed and writes a stamp into Valkey; a process that reads another stamp than
its own reads them anew. So no verb that approves, moves, hides, merges or retires has to tell anybody.
"""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import redis
from django.db.models import Aggregate, BigIntegerField, CharField, Count, QuerySet, Value, Window
from django.db.models.expressions import Func
from django.db.models.functions import Cast, Coalesce, Concat, RowNumber
from django.utils import timezone

from ml.calibrate import OTHER, Kind
from ml.neighbours import NewPlaces, Pictures, share
from places import broker
from places.models import Embedding, ModelVersion, Picture, Place

if TYPE_CHECKING:
    from ml.recognise import Judged, Recogniser, Recognition
    from places.prelabelling import Said

Vector = npt.NDArray[np.floating]

log = logging.getLogger(__name__)
LEAST, MOST = 5, 50  # approved pictures from which on a place answers, and those of them that count
SHOWN = 5  # places of an answer
ASKED = 8  # of the likeliest places, by what names they answer: some may be retired
WATCHED, RESTING = "newcomers:watched", "newcomers:resting"
WATCH_KEPT_S = 15  # without a watch for so long, a search process looks itself
RESTS = 50  # times as long as a look took, until the next one: it never takes more than 2% of a core


@dataclass(frozen=True)
class State:
    """The new places as they are; answers of searches that began before ``since`` may know others."""

    version: int
    stamp: str
    since: datetime
    known: NewPlaces


@dataclass(frozen=True)
class Prediction:
    """An answer in which new places take part, and that names each place as it is called today.

    ``predictions``: (slug, probability), best first. ``place`` is set when ``kind`` is "place", and ``taught``
    whether that is the place that the model alone would name first, which is where its heat map belongs.
    """

    kind: Kind
    confidence: float
    place: Place | None
    predictions: list[tuple[str, float]]
    taught: bool


_state: State | None = None


def current(version: ModelVersion) -> State:
    """Return the places that ``version`` was not taught, from memory unless they have changed."""
    global _state
    stamp = _stamp(version)
    if _state is None or (_state.version, _state.stamp) != (version.pk, stamp):
        _state = State(version.pk, stamp, _since(stamp), _load(version))
        log.info("%d places answer by their neighbours beside %s", len(_state.known.slugs), version)
    return _state


def predict(model: Recogniser, version: ModelVersion, seen: Recognition | Judged) -> Prediction:
    """Return the answer for what ``model``, loaded from ``version``, has seen.

    A retired place is named no more: where it was the likeliest, the answer is unknown, or no place at all.
    """
    new = current(version).known
    shared = share(new, seen.embedding[None], seen.probabilities[None])
    kept = float(shared.kept[0])
    taught = model.places.labels[: -len(OTHER)]
    likely = dict(zip(taught, (seen.probabilities[: -len(OTHER)] * kept).tolist(), strict=True))
    likely |= dict(zip(new.slugs, shared.new[0].tolist(), strict=True))
    best = sorted(likely, key=lambda slug: -likely[slug])[:ASKED]
    named = Place.answering(best)
    predictions = _called(likely, named)
    place, is_taught = named[best[0]], best[0] == seen.predictions[0][0]
    if place is None:
        sure = predictions[0][1] if predictions else 0.0
    else:
        sure = seen.confidence * kept if is_taught else likely[best[0]]
        if sure >= model.calibration.threshold:
            return Prediction("place", sure, place, predictions, is_taught)
    return Prediction(_other(seen), sure, None, predictions, taught=False)


def _called(likely: dict[str, float], named: dict[str, Place | None]) -> list[tuple[str, float]]:
    """Return what the likeliest places are called today, best first; those that were merged count together."""
    together: dict[str, float] = defaultdict(float)
    for slug, place in named.items():
        if place is not None:
            together[place.slug] += likely[slug]
    return sorted(together.items(), key=lambda each: -each[1])[:SHOWN]


def _other(seen: Recognition | Judged) -> Kind:
    """Return which of the two other answers it is, as ``ml.calibrate`` decides that."""
    if seen.kind != "place":
        return seen.kind
    *places, unknown, nothing = seen.probabilities
    return OTHER[int(nothing > (unknown or max(places)))]


def recognised() -> set[str]:
    """Return the labels that answers name now: those that the serving version was taught, and new places' slugs."""
    version = ModelVersion.serving_places()
    if version is None:
        return set()
    try:
        slugs = json.loads(broker.connection().get(f"{_key(version)}:slugs") or "[]")
    except redis.RedisError:
        slugs = []
    return {*version.labels, *slugs}


def watch() -> None:
    """Write another stamp when places that the serving model was not taught, or the names of others, have changed."""
    version = ModelVersion.serving_places()
    if version is None or broker.connection().exists(RESTING):
        return
    began = time.monotonic()
    _look(version)
    broker.connection().set(RESTING, 1, px=max(1, int((time.monotonic() - began) * RESTS * 1000)))
    broker.connection().set(WATCHED, 1, ex=WATCH_KEPT_S)


def _stamp(version: ModelVersion) -> str:
    """Return the stamp that was written last, or a new one where nobody has watched for a while."""
    try:
        stamp, watched = broker.connection().mget(_key(version), WATCHED)
    except redis.RedisError:
        return _state.stamp if _state is not None and _state.version == version.pk else ""
    if stamp is None or watched is None:
        broker.connection().set(WATCHED, 1, ex=WATCH_KEPT_S)
        return _look(version)
    return _text(stamp)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _look(version: ModelVersion) -> str:
    """Return the stamp of what is in the database now, and write it if it is another one."""
    seen = f"{_hash(_pictures(version), 'picture_id', 'picture__place_id')} {_hash(_ended(), 'pk', 'merged_into_id')}"
    kept = broker.connection().get(_key(version))
    if kept is not None and _text(kept).startswith(f"{seen} "):
        return _text(kept)
    stamp = f"{seen} {timezone.now().isoformat()}"
    enough = _pictures(version).values("picture__place__slug").annotate(count=Count("pk")).filter(count__gte=LEAST)
    slugs = list(enough.values_list("picture__place__slug", flat=True))
    broker.connection().mset({_key(version): stamp, f"{_key(version)}:slugs": json.dumps(slugs)})
    return stamp


def _key(version: ModelVersion) -> str:
    return f"newcomers:{version.pk}"


def _since(stamp: str) -> datetime:
    """Return when a stamp was written."""
    return datetime.fromisoformat(stamp.rpartition(" ")[2]) if stamp else timezone.now()


def _untaught(version: ModelVersion) -> QuerySet[Place]:
    """Return the places that ``version`` has no label for, not even one that was merged into them."""
    return Place.objects.current().exclude(slug__in=version.labels).exclude(merged__slug__in=version.labels)


def _ended() -> QuerySet[Place]:
    return Place.objects.exclude(retired_at=None)


def _pictures(version: ModelVersion) -> QuerySet[Embedding]:
    """Return what the version made of the pictures that may answer."""
    approved = Embedding.objects.filter(model_version=version, picture__status=Picture.Status.APPROVED)
    return approved.filter(picture__place__in=_untaught(version), answer__isnull=False)


class _Xor(Aggregate):
    """What is common to a set of numbers, whatever their order."""

    function = "bit_xor"
    output_field = BigIntegerField()


def _hash(rows: QuerySet[Embedding] | QuerySet[Place], *columns: str) -> str:
    """Return a number for the values of ``columns`` in all rows: another one, as good as surely, for other values."""
    texts = [Coalesce(Cast(column, CharField()), Value("")) for column in columns]
    hashed = Func(Concat(*texts), Value(0), function="hashtextextended", output_field=BigIntegerField())
    found = rows.aggregate(count=Count("pk"), mark=_Xor(hashed))
    return f"{found['count']}:{found['mark'] or 0}"


def _load(version: ModelVersion) -> NewPlaces:
    """Read the newest pictures of every place that has enough of them."""
    number = Window(RowNumber(), partition_by="picture__place", order_by=["-picture__created_at", "picture"])
    rows = _pictures(version).annotate(number=number).filter(number__lte=MOST)
    found: dict[str, list[tuple[Vector, Vector]]] = defaultdict(list)
    for slug, vector, answer in rows.values_list("picture__place__slug", "vector", "answer"):
        assert answer is not None  # those without one were left out
        found[slug].append((np.asarray(vector, np.float32), _probabilities(answer, version.labels)))
    enough = {slug: pictures for slug, pictures in sorted(found.items()) if len(pictures) >= LEAST}
    return NewPlaces.of({slug: Pictures(*map(np.stack, zip(*each, strict=True))) for slug, each in enough.items()})


def _probabilities(answer: Said, labels: list[str]) -> Vector:
    """Return what was kept of a picture's probabilities (C,); what was not is next to nothing."""
    known = dict(answer["guesses"])
    return np.array([known.get(label, 0.0) for label in labels])
