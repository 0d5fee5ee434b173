"""Numbers and addresses as people read them, for templates."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from places.models import Attraction
from places.models.place import Near

register = template.Library()

# The map of the world in static/img/world.svg: four units a degree, its corner at 180° west and 84° north.
UNITS, NORTH = 4, 84
WORLD = (1440, 568)
WINDOW = (480, 192)  # of it, around one place


@register.filter
def percent(probability: float) -> str:
    """Return a probability in whole per cent; never 0 or 100, which would claim too much."""
    if probability < 0.01:
        return "<1 %"
    if probability > 0.99:
        return ">99 %"
    return f"{probability:.0%}".replace("%", " %")


@register.filter
def in_hundred(probability: float) -> int:
    """Return how many of a hundred such answers are right, 1 to 99."""
    return min(99, max(1, round(probability * 100)))


@register.filter
def bar(probability: float) -> str:
    """Return the width of a bar, for an SVG attribute."""
    return f"{max(0.0, min(1.0, probability)):.1%}"


@register.filter
def distance(metres: float) -> str:
    """Return metres below one kilometre, kilometres above."""
    if metres < 995:
        return f"{max(10, round(metres, -1)):.0f} m"
    kilometres = metres / 1000
    return f"{number_format(round(kilometres, 1) if kilometres < 10 else round(kilometres))} km"


@register.filter
def degrees(value: float) -> str:
    """Return a coordinate with four decimals (about ten metres) and a point, whatever the language."""
    return f"{value:.4f}"


@register.filter
def host(url: str) -> str:
    """Return the host of an address without www, or nothing when it has none."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


@register.filter
def initials(name: str) -> str:
    """Return up to two letters that stand for a name."""
    words = [word for word in name.replace("-", " ").split() if word[0].isupper() or not word[0].isascii()]
    return "".join(word[0] for word in words[:2]).upper() or name[:1].upper()


@register.filter
def direction(degrees: float) -> str:
    """Return a bearing, in degrees from north, as one of eight directions."""
    names = (
        _("north"), _("north-east"), _("east"), _("south-east"),
        _("south"), _("south-west"), _("west"), _("north-west"),
    )  # fmt: skip
    return names[round(degrees / 45) % 8]


@register.filter
def from_osm(nearby: Iterable[Near | dict[str, Any]]) -> bool:
    """Whether any of what is near comes from OpenStreetMap, whose contributors then have to be named."""
    sources = [near["source"] if isinstance(near, dict) else near.source for near in nearby]
    return Attraction.OSM in sources


@register.filter
def continent(name: str) -> str:
    """Return a continent's name, which places keep in English, in the reader's language."""
    names = {
        "Africa": _("Africa"), "Antarctica": _("Antarctica"), "Asia": _("Asia"), "Europe": _("Europe"),
        "North America": _("North America"), "Oceania": _("Oceania"), "South America": _("South America"),
        "": _("Elsewhere"),
    }  # fmt: skip
    return names.get(name, name)


@register.filter
def map_x(longitude: float) -> str:
    """Return where a longitude lies on the map of the world."""
    return f"{_x(longitude):.1f}"


@register.filter
def map_y(latitude: float) -> str:
    """Return where a latitude lies on the map of the world; what is too far south or north for it, at its edge."""
    return f"{_y(latitude):.1f}"


@register.simple_tag
def map_window(latitude: float, longitude: float) -> str:
    """Return the SVG viewBox of the part of the map around a point."""
    middle = (_x(longitude), _y(latitude))
    corner = [min(max(at - part / 2, 0), all_ - part) for at, part, all_ in zip(middle, WINDOW, WORLD, strict=True)]
    return f"{corner[0]:.0f} {corner[1]:.0f} {WINDOW[0]} {WINDOW[1]}"


def _x(longitude: float) -> float:
    return (longitude + 180) * UNITS


def _y(latitude: float) -> float:
    return min(max((NORTH - latitude) * UNITS, 0.0), float(WORLD[1]))
