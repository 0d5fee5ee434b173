"""Places: what a photo can show."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable
from typing import NamedTuple

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

EARTH_RADIUS_M = 6_371_009.0

LATITUDE = [MinValueValidator(-90.0), MaxValueValidator(90.0)]
LONGITUDE = [MinValueValidator(-180.0), MaxValueValidator(180.0)]


def distance_m(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return the great-circle distance of two points in metres (haversine formula)."""
    phi, other_phi = math.radians(latitude), math.radians(other_latitude)
    half_dphi = (other_phi - phi) / 2
    half_dlambda = math.radians(other_longitude - longitude) / 2
    a = math.sin(half_dphi) ** 2 + math.cos(phi) * math.cos(other_phi) * math.sin(half_dlambda) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(a)))


def bearing(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return in which direction the second point lies from the first: degrees from north, clockwise, 0 to 360."""
    phi, other_phi = math.radians(latitude), math.radians(other_latitude)
    dlambda = math.radians(other_longitude - longitude)
    across = math.sin(dlambda) * math.cos(other_phi)
    up = math.cos(phi) * math.sin(other_phi) - math.sin(phi) * math.cos(other_phi) * math.cos(dlambda)
    return math.degrees(math.atan2(across, up)) % 360


class Near(NamedTuple):
    """Something near a place, in the direction ``bearing_deg`` from it; ``slug``: set when it is one of our places."""

    name: str
    kind: str
    distance_m: int
    bearing_deg: int
    latitude: float
    longitude: float
    source: str
    slug: str


class Collection(models.Model):
    """A set of places trained together."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)

    class Meta:
        verbose_name, verbose_name_plural = _("collection"), _("collections")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PlaceQuerySet(models.QuerySet["Place"]):
    """Questions about many places."""

    def current(self) -> PlaceQuerySet:
        """Those that are neither retired nor merged into another one (which are retired too)."""
        return self.filter(retired_at=None)

    def named(self, text: str) -> PlaceQuerySet:
        """Those with ``text`` in one of their names; all for no text."""
        if not text:
            return self
        names = ("name", "name_ko", "local_name", "slug")
        matches = [models.Q(**{f"{name}__icontains": text}) for name in names]
        matches.append(models.Q(models.Exists(Alias.objects.filter(place=models.OuterRef("pk"), name__icontains=text))))
        return self.filter(functools.reduce(operator.or_, matches))

    def called(self, name: str) -> PlaceQuerySet:
        """Those of exactly this slug or name, in whichever language."""
        return self.filter(
            models.Q(slug=name) | models.Q(name__iexact=name) | models.Q(name_ko=name)
            | models.Q(local_name__iexact=name)
        )  # fmt: skip

    def within(self, region: str) -> PlaceQuerySet:
        """Those of a country (its code) or a continent; all for no region."""
        return self.filter(models.Q(country=region) | models.Q(continent=region)) if region else self

    def around(self, latitude: float, longitude: float, within_m: float) -> PlaceQuerySet:
        """Those in a box around a point; longitudes are left out near the poles and the date line."""
        degrees = math.degrees(within_m / EARTH_RADIUS_M)
        box = self.filter(latitude__range=(latitude - degrees, latitude + degrees))
        wide = degrees / max(0.01, math.cos(math.radians(latitude)))
        if abs(longitude) + wide < 180:
            box = box.filter(longitude__range=(longitude - wide, longitude + wide))
        return box


class Place(models.Model):
    """Something that a photo can show. The slug never changes: models answer with it.

    The hexadecimal index of spreadsheets is the row's id. A retired place is listed nowhere and no
    answer names it; one that was merged is retired too, and answers with its slug name the other.
    """

    class Nearby(models.TextChoices):
        """What came of asking OpenStreetMap for what is near."""

        QUEUED = "queued", _("being asked for")
        FOUND = "found", _("found")
        NOTHING = "nothing", _("nothing found")
        BLOCKED = "blocked", _("blocked")
        UNREACHABLE = "unreachable", _("unreachable")
        CHANGED = "changed", _("not understood")
        MISCONFIGURED = "misconfigured", _("not set up")

    slug = models.SlugField(unique=True, max_length=80)
    name = models.CharField(_("name (English)"), max_length=120)
    name_ko = models.CharField(_("name (Korean)"), max_length=120, blank=True)
    local_name = models.CharField(_("name in the place's own language"), max_length=120, blank=True)
    local_language = models.CharField(max_length=20, blank=True, help_text=_("BCP 47, such as fr or zh-Hans"))
    country = models.CharField(_("country code"), max_length=2, help_text=_("ISO 3166-1 alpha-2"))
    city = models.CharField(max_length=100, blank=True)
    continent = models.CharField(max_length=30, blank=True)
    latitude = models.FloatField(validators=LATITUDE)
    longitude = models.FloatField(validators=LONGITUDE)
    description = models.TextField(blank=True)
    description_ko = models.TextField(_("description (Korean)"), blank=True)
    query = models.CharField(_("what to search the web for"), max_length=200)
    collections = models.ManyToManyField(Collection, related_name="places", blank=True)
    nearby_state = models.CharField(
        _("what is near, from OpenStreetMap"), max_length=13, choices=Nearby.choices, blank=True, editable=False
    )
    nearby_at = models.DateTimeField(null=True, editable=False)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True, editable=False)
    merged_into = models.ForeignKey(
        "self", on_delete=models.SET_NULL, related_name="merged", null=True, blank=True, editable=False,
        verbose_name=_("merged into"),
    )  # fmt: skip

    objects = PlaceQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("place"), _("places")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(merged_into=None) | models.Q(retired_at__isnull=False),
                name="merged_places_are_retired",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def answering(cls, slugs: Iterable[str]) -> dict[str, Place | None]:
        """Return which place an answer with a slug names, in one query.

        For a merged place that is the other one; None for slugs of retired places and for those of none.
        """
        named: dict[str, Place | None] = dict.fromkeys(slugs)
        for place in cls.objects.filter(slug__in=named).select_related("merged_into"):
            stands = place.merged_into or place
            named[place.slug] = stands if stands.retired_at is None else None
        return named

    @property
    def index(self) -> str:
        """What spreadsheets call it: its id in hexadecimal."""
        return f"{self.pk:04X}"

    @property
    def country_name(self) -> str:
        """The country's name in the reader's language."""
        from places.countries import country_name

        return country_name(self.country)

    @property
    def shown_city(self) -> str:
        """The city's name in the reader's language."""
        from places.countries import city_name

        return city_name(self.city)

    @property
    def shown_name(self) -> str:
        """The name in the reader's language."""
        return self.name_ko if get_language() == "ko" and self.name_ko else self.name

    @property
    def shown_description(self) -> str:
        """The description in the reader's language."""
        return self.description_ko if get_language() == "ko" and self.description_ko else self.description

    def distance_to(self, latitude: float, longitude: float) -> float:
        """Return metres to a point."""
        return distance_m(self.latitude, self.longitude, latitude, longitude)

    def nearby(self, others: int = 5, within_m: float = 50_000.0) -> list[Near]:
        """Return curated things nearby and our other places, nearest first."""
        curated = [self._near(thing, thing.name, thing.kind, thing.source) for thing in self.attractions.all()]
        names = {thing.name for thing in curated}
        around = Place.objects.current().around(self.latitude, self.longitude, within_m)
        around = around.exclude(pk=self.pk).exclude(name=self.city)  # the city that it lies in is not near it
        places = [
            self._near(place, place.shown_name, "place", "places", place.slug)
            for place in around
            if place.name not in names
        ]
        places.sort(key=lambda near: near.distance_m)
        near = [place for place in places if place.distance_m <= within_m][:others]
        return sorted(curated + near, key=lambda near: near.distance_m)

    def _near(self, thing: Place | Attraction, name: str, kind: str, source: str, slug: str = "") -> Near:
        there = (thing.latitude, thing.longitude)
        direction = round(bearing(self.latitude, self.longitude, *there)) % 360
        return Near(name, kind, round(self.distance_to(*there)), direction, *there, source, slug)


class Alias(models.Model):
    """What a place is called too; ``language`` is a BCP 47 tag, or empty where it belongs to none."""

    place = models.ForeignKey(Place, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(_("name"), max_length=120)
    language = models.CharField(
        _("language"), max_length=20, blank=True, help_text=_("BCP 47, such as fr or zh-Hans; empty for none")
    )

    class Meta:
        verbose_name, verbose_name_plural = _("other name"), _("other names")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["place", "name"], name="one_alias_of_a_name_a_place")]

    def __str__(self) -> str:
        return self.name


class Attraction(models.Model):
    """Something to see, eat at or sleep in near a place; ``source`` is ``curated`` or ``OpenStreetMap``."""

    OSM = "OpenStreetMap"

    class Kind(models.TextChoices):
        ATTRACTION = "attraction", _("attraction")
        FOOD = "food", _("food")
        LODGING = "lodging", _("lodging")
        TRANSPORT = "transport", _("transport")

    place = models.ForeignKey(Place, on_delete=models.CASCADE, related_name="attractions")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.ATTRACTION)
    latitude = models.FloatField(validators=LATITUDE)
    longitude = models.FloatField(validators=LONGITUDE)
    source = models.CharField(max_length=40, default="curated")

    class Meta:
        verbose_name, verbose_name_plural = _("thing nearby"), _("things nearby")
        constraints = [models.UniqueConstraint(fields=["place", "name"], name="one_attraction_of_a_name_a_place")]

    def __str__(self) -> str:
        return self.name
