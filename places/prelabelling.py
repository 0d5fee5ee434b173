"""What the serving model says of pictures before a curator looks: two gates, a pre-label, and whose turn it is.

A file that can be read (``gallery.embed``) -> is it a place at all -> which place, how sure: from ``SURE_FROM`` on the
picture is a candidate with that place as its label; everything else waits for a second look. What a curator decided
stays as it is. The gates are those of Jang (2021), pre-labels from a threshold on those of Wicker (2020).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np
from django.db import IntegrityError, transaction

from ml.calibrate import OTHER
from ml.usefulness import NO_LABEL, usefulness
from places.models import Embedding, ModelVersion, Picture, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from django.db.models import QuerySet

    from ml.recognise import Judged
    from places.newcomers import Prediction

SURE_FROM = 0.9  # calibrated: nine in ten of these are right
GUESSES = 9  # places that a curator can choose by a key
WAITING = (Picture.Status.CANDIDATE, Picture.Status.SECOND_LOOK)
NAMELESS = 1.95  # usefulness where the model has no name for what the picture is said to show: as if it were torn
DISPUTED = 3.0  # on top, where a visitor says that the answer was wrong: before everything else
A_TURN = 500  # pictures


class Said(TypedDict):
    """What a version says of a picture.

    ``guesses`` are its likeliest places, best first, then unknown and not a place, each with its probability;
    ``thing`` is what the picture shows if that is no place.
    """

    kind: str
    confidence: float
    guesses: list[tuple[str, float]]
    thing: str


def said(judged: Judged, labels: Sequence[str]) -> Said:
    """Return what is kept of a version's answer."""
    places = len(labels) - len(OTHER)
    best = np.argsort(-judged.probabilities[:places], kind="stable")[:GUESSES]
    columns = [*best.tolist(), *range(places, len(labels))]
    return {
        "kind": judged.kind,
        "confidence": round(judged.confidence, 6),
        "guesses": [(labels[column], round(float(judged.probabilities[column]), 6)) for column in columns],
        "thing": judged.thing,
    }


def beside(answer: Said, prediction: Prediction, new: Collection[str]) -> Said:
    """Return an answer in which places that the model was not taught take part; ``new`` are their slugs."""
    beyond = [(slug, round(probability, 6)) for slug, probability in prediction.predictions if slug in new]
    if not beyond:
        return answer
    kept = 1.0 - sum(probability for _slug, probability in beyond)
    shared = [(label, round(probability * kept, 6)) for label, probability in answer["guesses"]]
    places = sorted([*beyond, *shared[: -len(OTHER)]], key=lambda guess: -guess[1])
    return {
        **answer,
        "kind": prediction.kind,
        "confidence": round(prediction.confidence, 6),
        "guesses": [*places, *shared[-len(OTHER) :]],
    }


def apply(pk: UUID, answer: Said, version: ModelVersion) -> None:
    """Write what ``version`` says of a picture, and have an undecided one wait where it belongs."""
    named = Place.answering([label for label, _ in answer["guesses"]])
    with transaction.atomic():
        locked = Picture.objects.select_for_update(of=("self",)).select_related("place")
        picture = locked.filter(pk=pk).defer("tone").first()
        if picture is None:
            return
        _predict(picture, answer, named, version)
        if picture.status in WAITING:
            _have_wait(picture, version, named)
        picture.usefulness = weight(picture, answer, named, version)
        fields = ["predicted", "predicted_kind", "confidence", "predicted_by", "usefulness", "status"]
        picture.save(update_fields=fields)
        _fill_in(picture)


def _predict(picture: Picture, answer: Said, named: dict[str, Place | None], version: ModelVersion) -> None:
    """Say what the model takes it for; nothing, if the picture is of a place that the model cannot name."""
    picture.predicted_by = version
    picture.predicted_kind, picture.confidence, picture.predicted = "", None, None
    if not _nameless(picture, version, named):
        picture.predicted_kind, picture.confidence = answer["kind"], answer["confidence"]
        if answer["kind"] == Picture.Kind.PLACE:
            picture.predicted = named[answer["guesses"][0][0]]


def _have_wait(picture: Picture, version: ModelVersion, named: dict[str, Place | None]) -> None:
    """Make it a candidate or one for a second look."""
    sure = picture.predicted is not None and (picture.confidence or 0.0) >= SURE_FROM
    passes = sure or _nameless(picture, version, named)
    picture.status = Picture.Status.CANDIDATE if passes else Picture.Status.SECOND_LOOK


def _fill_in(picture: Picture) -> None:
    """Give an undecided picture that nobody labelled the place that the model is sure of, or take an old one back."""
    if picture.status not in WAITING or not (picture.place_id is None or picture.prelabelled):
        return
    picture.place = picture.predicted if picture.status == Picture.Status.CANDIDATE else None
    picture.prelabelled = picture.place is not None
    try:
        with transaction.atomic():
            picture.save(update_fields=["place", "prelabelled"])
    except IntegrityError:
        pass  # that place has the same picture already: a curator decides


def _nameless(picture: Picture, version: ModelVersion, named: dict[str, Place | None]) -> bool:
    """Whether somebody said that it shows a place that the version has no name for."""
    if picture.place is None or picture.prelabelled or picture.place.slug in version.labels:
        return False
    return picture.place not in named.values()  # it may answer with one that was merged into it


def weight(picture: Picture, answer: Said, named: dict[str, Place | None], version: ModelVersion) -> float:
    """Return how early a picture is to be looked at: see ``ml.usefulness``; ``NAMELESS``, and ``DISPUTED`` on top."""
    disputed = any(not said.right for said in picture.feedback.all())
    if picture.status != Picture.Status.NOT_A_PLACE and _nameless(picture, version, named):
        value = NAMELESS
    else:
        value = _weighed(picture, answer, named)
    return round(value + (DISPUTED if disputed else 0.0), 6)


def _weighed(picture: Picture, answer: Said, named: dict[str, Place | None]) -> float:
    """Return the usefulness of the label that a picture was given, if it was."""
    shares: dict[str, float] = {}
    for label, probability in answer["guesses"]:
        place = named.get(label)
        name = place.slug if place else label
        shares[name] = shares.get(name, 0.0) + probability
    label = "" if picture.place is None or picture.prelabelled else picture.place.slug
    if picture.status == Picture.Status.NOT_A_PLACE:
        label = Picture.Status.NOT_A_PLACE
    if label:
        shares.setdefault(label, 0.0)  # so unlikely that it is not among the guesses
    column = list(shares).index(label) if label else NO_LABEL
    return float(usefulness(np.array([list(shares.values())]), np.array([column]))[0])


def answers_in(embeddings: QuerySet[Embedding]) -> dict[UUID, Said]:
    """Return what was answered, by picture."""
    found = embeddings.values_list("picture", "answer")
    return {pk: answer for pk, answer in found if answer is not None}


def weigh_again(pks: Sequence[UUID]) -> None:
    """Bring the usefulness of pictures up to date whose label was changed."""
    version = ModelVersion.serving_places()
    known = answers_in(Embedding.objects.filter(picture__in=pks, model_version=version))
    named = Place.answering({label for answer in known.values() for label, _ in answer["guesses"]})
    pictures = Picture.objects.filter(pk__in=known).select_related("place").prefetch_related("feedback").defer("tone")
    changed = []
    for picture in pictures:
        assert version is not None
        own = {label: named[label] for label, _ in known[picture.pk]["guesses"]}
        picture.usefulness = weight(picture, known[picture.pk], own, version)
        changed.append(picture)
    Picture.objects.bulk_update(changed, ["usefulness"])


def catch_up() -> int:
    """Have the serving version's answers stand where another version's do, a turn of them; return how many.

    A promotion embeds the gallery before it switches, so the answers are there already.
    """
    version = ModelVersion.serving_places()
    if version is None:
        return 0
    behind = Embedding.objects.filter(model_version=version, answer__isnull=False)
    behind = behind.exclude(picture__predicted_by=version)
    turn = answers_in(behind[:A_TURN])
    for pk, answer in turn.items():
        apply(pk, answer, version)
    return len(turn)
