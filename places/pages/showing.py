"""What templates show beside the answer itself: bands of confidence, places with a face."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from places import newcomers
from places.countries import country_name
from places.models import Picture, Place
from places.models.place import PlaceQuerySet

# Confidence is calibrated, so this band is right at least nine times in ten.
LOOKS_LIKE = 0.9


@dataclass(frozen=True)
class Card:
    """A place in a list: ``portrait`` is the address of a small picture, or empty."""

    place: Place
    portrait: str
    recognised: bool


@dataclass(frozen=True)
class Guess:
    """One of the five best predictions."""

    card: Card
    probability: float


def band(answer: dict[str, Any] | None) -> str:
    """Return how an answer is worded: ``sure``, ``maybe``, ``unknown`` or ``not_a_place``; empty for none."""
    if answer is None:
        return ""
    if answer["kind"] != "place" or answer["place"] is None:
        return "not_a_place" if answer["kind"] == "not_a_place" else "unknown"
    return "sure" if answer["confidence"] >= LOOKS_LIKE else "maybe"


def regions() -> dict[str, list[tuple[str, str]]]:
    """Return the continents that have places, each with its countries: code and name, by name."""
    pairs = Place.objects.current().order_by("continent", "country").values_list("continent", "country").distinct()
    groups: dict[str, list[tuple[str, str]]] = {}
    for continent, code in pairs:
        groups.setdefault(continent, []).append((code, country_name(code)))
    return {continent: sorted(countries, key=lambda pair: pair[1]) for continent, countries in groups.items()}


def other_names(place: Place) -> list[tuple[str, str]]:
    """Return what else a place is called, each with its language, beside the names that its page shows anyway."""
    shown = {place.shown_name.casefold(), place.local_name.casefold()}
    names = {place.name: "en", place.name_ko: "ko"} | dict(place.aliases.values_list("name", "language"))
    return [(name, language) for name, language in names.items() if name and name.casefold() not in shown]


def recognised() -> PlaceQuerySet:
    """Return the places that answers name now, taught ones and new ones."""
    return Place.objects.current().filter(slug__in=newcomers.recognised())


def cards(places: Iterable[Place]) -> list[Card]:
    """Return ``places`` in their order, each with a picture of the gallery where there is one."""
    places, known = list(places), set(recognised().values_list("pk", flat=True))
    shown = Picture.objects.filter(place=OuterRef("pk"), status=Picture.Status.APPROVED).exclude(thumbnail="")
    # One look into the index for each place: the newest of all pictures at once would have to read all pictures.
    newest = Subquery(shown.order_by("-created_at").values("pk")[:1])
    asked = Place.objects.filter(pk__in=[place.pk for place in places])
    portraits = {
        place_id: reverse("media:picture_thumbnail", args=[pk])
        for place_id, pk in asked.values_list("pk", newest)
        if pk is not None
    }
    return [Card(place, portraits.get(place.pk, ""), place.pk in known) for place in places]


def by_continent(places: Iterable[Place]) -> dict[str, list[Place]]:
    """Return places under their continent, the continents in alphabetical order."""
    groups: dict[str, list[Place]] = {}
    for place in sorted(places, key=lambda place: (place.continent, place.shown_name)):
        groups.setdefault(place.continent, []).append(place)
    return groups


def mixed(places: Iterable[Place], count: int) -> list[Place]:
    """Return ``count`` places, from as many continents as there are."""
    turns = zip_longest(*by_continent(places).values())
    return [place for place in chain.from_iterable(turns) if place is not None][:count]


def choices(predictions: list[dict[str, Any]]) -> list[Place]:
    """Return every place to choose from, the five best guesses first."""
    best = [row["place"]["slug"] for row in predictions]
    return sorted(
        Place.objects.current(), key=lambda place: best.index(place.slug) if place.slug in best else len(best)
    )


def guesses(predictions: list[dict[str, Any]]) -> list[Guess]:
    """Return the predictions, best first, each beside its place; those whose place is gone are left out."""
    probabilities = {row["place"]["slug"]: row["probability"] for row in predictions}
    found = cards(Place.objects.current().filter(slug__in=probabilities))
    best = [Guess(card, probabilities[card.place.slug]) for card in found]
    return sorted(best, key=lambda guess: -guess.probability)
