"""A visitor's photo beside the pictures of one place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from places import gallery
from places.models import Place, Search
from places.pages.showing import Card, cards
from places.presenting import present_picture

PICTURES = 6
SLUG = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Comparison:
    """A photo and a place: its most alike pictures first.

    ``answered``: the answer is this place; ``rank`` and ``probability``: of this place among the five best
    predictions, the rank from 1, 0 if it is not among them.
    """

    card: Card
    pictures: list[dict[str, Any]]
    answered: bool
    rank: int
    probability: float


def compare(search: Search, place: Place) -> Comparison:
    """Lay the photo of an answered search beside ``place``."""
    slugs = [slug for slug, _ in search.predictions]
    rank = slugs.index(place.slug) + 1 if place.slug in slugs else 0
    return Comparison(
        card=cards([place])[0],
        pictures=_most_alike(search, place),
        answered=search.kind == "place" and search.place_id == place.pk,
        rank=rank,
        probability=search.predictions[rank - 1][1] if rank else 0.0,
    )


def came_from(search: Search, slug: str) -> Comparison | None:
    """Compare with the place whose page the photo was sent from, if there was one and there is an answer."""
    place = Place.objects.current().filter(slug=slug[:80]).first() if SLUG.fullmatch(slug) and search.kind else None
    return compare(search, place) if place else None


def _most_alike(search: Search, place: Place) -> list[dict[str, Any]]:
    if search.embedding is None or search.model_version is None:
        return []
    found = gallery.neighbours(search.embedding, search.model_version, place=place, count=PICTURES)
    return [present_picture(near.picture) for near in found if near.picture.thumbnail]
