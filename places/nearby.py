"""What is near a place, filled in from OpenStreetMap: sights, food, lodging, stations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from crawler.fetch import Fetcher, Limits
from crawler.overpass import Overpass, Thing
from crawler.politeness import USUAL, user_agent
from crawler.sources.base import SourceError
from places import people
from places.models import Attraction, Place
from places.models.place import distance_m
from places.sending import send

# The nearest of each kind; what curators wrote stands beside them.
KEPT = {"attraction": 6, "food": 4, "lodging": 3, "transport": 2}
ASKING = Limits(first_byte=30, total=40)  # Overpass waits for its turn before it answers
NOBODY = "private installation, asks when a curator does"


def ask(places: Iterable[Place], by: User | None) -> int:
    """Have an io worker ask for what is near each place; return for how many. Raises UserError ``queue_down``."""
    asked = list(places)
    if asked:
        send("fill_nearby", [place.pk for place in asked])
    waiting = Place.objects.filter(pk__in=[place.pk for place in asked])
    waiting.update(nearby_state=Place.Nearby.QUEUED, nearby_at=timezone.now())
    for place in asked:
        people.log(by, place, "Asked OpenStreetMap for what is near.")
    return len(asked)


def fill_each(pks: list[int]) -> None:
    """Fill in the first place and hand on the others: one thread at a time waits for OpenStreetMap."""
    if pks:
        fill(pks[0])
    if pks[1:]:
        send("fill_nearby", pks[1:])


def fill(pk: int) -> None:
    """Ask OpenStreetMap what is near a place, and put it in the stead of what it said before.

    Whatever comes of it is the place's ``nearby_state``; when it does not answer, what was there stays.
    """
    place = Place.objects.filter(pk=pk).first()
    if place is None:
        return
    client = overpass(settings.OVERPASS_BASE_URL, settings.CRAWLER_CONTACT, settings.FETCH_ALLOW_PRIVATE)
    try:
        things = client.near(place.latitude, place.longitude)
    except SourceError as error:
        state: str = error.state
    else:
        state = Place.Nearby.FOUND if put(place, things) else Place.Nearby.NOTHING
    Place.objects.filter(pk=pk).update(nearby_state=state, nearby_at=timezone.now())


def put(place: Place, things: Iterable[Thing]) -> int:
    """Have just ``things``, the nearest of each kind, stand beside what curators wrote; return how many they are."""
    with transaction.atomic():
        Place.objects.select_for_update().get(pk=place.pk)  # two workers would write the same names
        place.attractions.filter(source=Attraction.OSM).delete()
        known = {place.name, place.name_ko, place.local_name, *place.aliases.values_list("name", flat=True)}
        known.update(place.attractions.values_list("name", flat=True))
        rows = [
            Attraction(
                place=place, name=thing.name, kind=thing.kind, latitude=thing.latitude, longitude=thing.longitude,
                source=Attraction.OSM,
            )
            for thing in _nearest(place, things, {name.casefold() for name in known})
        ]  # fmt: skip
        Attraction.objects.bulk_create(rows)
    return len(rows)


def _nearest(place: Place, things: Iterable[Thing], known: set[str]) -> list[Thing]:
    """Return the nearest of each kind, each name once, without those that are there already."""
    left = dict(KEPT)
    chosen: list[Thing] = []
    here = (place.latitude, place.longitude)
    for thing in sorted(things, key=lambda thing: distance_m(*here, thing.latitude, thing.longitude)):
        name = thing.name.casefold()
        if left[thing.kind] and name not in known:
            known.add(name)
            left[thing.kind] -= 1
            chosen.append(thing)
    return chosen


@cache
def overpass(base_url: str, contact: str, allow_private: frozenset[str]) -> Overpass:
    """Return this process's one client: its threads ask in turn, and a wish to be left alone holds for all."""
    agent = user_agent(contact or NOBODY)
    fetcher = Fetcher(allow_private=allow_private, user_agent=agent, limits=ASKING)
    manners = replace(USUAL, counts=settings.REQUESTS_DIR)
    return Overpass(fetcher, base_url, agent, manners=manners, kept=settings.VAR_DIR / "log" / "pages")
