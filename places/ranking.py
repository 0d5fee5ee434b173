"""In which order pictures like another one are shown, those of the gallery and of the web alike.

Three orders: by look (the network's embedding), by colour (tone), by style (Gram matrices of early layers). All are
cosines, computed by the database over a few dozen candidates that the index found by look, never over the whole
gallery.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Expression, FilteredRelation, FloatField, Q, QuerySet, Value
from pgvector.django import CosineDistance

from places import denying, gallery, looks
from places.models import Embedding, ModelVersion, Picture, Search, WebEmbedding, WebPicture

LOOK, COLOUR, STYLE = ORDERS = ("look", "colour", "style")
SAME = 0  # the group of near-copies of what was asked for
COUNT = 48  # of the gallery, and of the web


@dataclass(frozen=True)
class Asked:
    """What pictures are compared with; what is None is not known (yet), and there is no order by it."""

    version: ModelVersion | None
    embedding: Any = None
    style: Any = None
    tone: Any = None
    look: int | None = None


@dataclass
class Like:
    """A picture, its cosines by order, -1 to 1 or None, and its group: near-copies of each other share a number."""

    picture: Picture | WebPicture
    scores: dict[str, float | None]
    group: int = field(default=-1)


def by_search(search: Search) -> Asked:
    """Return what pictures like a visitor's photo are compared with."""
    return Asked(search.model_version, search.embedding, search.style, search.tone, search.look)


def by_picture(picture: Picture | WebPicture, version: ModelVersion | None) -> Asked:
    """Return what pictures like one of ours are compared with, as ``version`` sees it."""
    kind = Embedding if isinstance(picture, Picture) else WebEmbedding
    row = kind.objects.filter(picture=picture.pk, model_version=version).first()
    return Asked(version, row and row.vector, row and row.style, picture.tone, picture.look)


def rank(asked: Asked, own: Iterable[UUID | str], web: Iterable[UUID | str]) -> list[Like]:
    """Return those of the pictures that may be shown, most alike by look first; what has no score yet comes last."""
    own, web = list(own), list(web)
    if not own and not web:
        return []
    approved = Picture.objects.filter(pk__in=own, status=Picture.Status.APPROVED).select_related("place")
    known = WebPicture.objects.filter(pk__in=web).select_related("query").order_by("position")
    likes = [*_scored(approved, asked), *_scored(known, asked)]
    shown = denying.allowed(like.picture for like in likes if isinstance(like.picture, WebPicture))
    likes = [like for like in likes if isinstance(like.picture, Picture) or like.picture in shown]
    likes.sort(key=lambda like: -2.0 if (score := like.scores[LOOK]) is None else score, reverse=True)
    _group(likes, asked.look)
    return likes


def nearest(asked: Asked, but: UUID) -> list[Like]:
    """Return the pictures of the gallery and of the web that look most like ``asked``, the picture ``but`` left out."""
    if asked.embedding is None or asked.version is None:
        return []
    own = [near.picture.pk for near in gallery.neighbours(asked.embedding, asked.version, count=COUNT + 1)]
    placed = WebEmbedding.objects.filter(model_version=asked.version)
    found = gallery.nearest(placed, CosineDistance("vector", asked.embedding), COUNT + 1)
    web = [row.picture_id for row in found]
    return rank(asked, [pk for pk in own if pk != but], [pk for pk in web if pk != but])


def _scored(pictures: QuerySet[Any], asked: Asked) -> list[Like]:
    """Return every picture with its cosines."""
    placed = FilteredRelation("embeddings", condition=Q(embeddings__model_version=asked.version))
    distances = {
        LOOK: _distance("placed__vector", asked.embedding),
        STYLE: _distance("placed__style", asked.style),
        COLOUR: _distance("tone", asked.tone),
    }
    rows = pictures.defer("tone").annotate(placed=placed, **{f"by_{name}": each for name, each in distances.items()})
    return [Like(row, {name: _cosine(getattr(row, f"by_{name}")) for name in ORDERS}) for row in rows]


def _distance(column: str, vector: Any) -> Expression:
    return Value(None, FloatField()) if vector is None else CosineDistance(column, vector)


def _cosine(distance: float | None) -> float | None:
    return None if distance is None else round(1.0 - distance, 4)


def _group(likes: list[Like], asked_look: int | None) -> None:
    """Give near-copies the same number, those of what was asked for ``SAME``."""
    heads: list[int | None] = [asked_look]  # one look for each group; SAME is the first
    for like in likes:
        look = like.picture.look
        known = (
            number
            for number, head in enumerate(heads)
            if look is not None and head is not None and looks.near(look, head)
        )
        like.group = next(known, len(heads))
        if like.group == len(heads):
            heads.append(look)
