"""What is near a point, by OpenStreetMap's Overpass API: sights, food, lodging and stations with a name.

What it answers is © OpenStreetMap contributors, under the Open Database License, and has to be shown so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from crawler.sources import fields
from crawler.sources.base import Page, Params, Position, Query, SourceError, State
from crawler.sources.service import NamingService

Kind = Literal["attraction", "food", "lodging", "transport"]
# Metres around the point: what stands close by is what a visitor looks for, and cities have thousands of restaurants.
RADII_M: dict[Kind, int] = {"attraction": 1500, "food": 400, "lodging": 700, "transport": 1200}
_TAGS: dict[Kind, str] = {
    "attraction": '["tourism"~"^(attraction|museum|gallery|viewpoint|zoo|aquarium|theme_park)$"]',
    "food": '["amenity"~"^(restaurant|cafe|food_court)$"]',
    "lodging": '["tourism"~"^(hotel|hostel|guest_house|motel)$"]',
    "transport": '["railway"~"^(station|halt)$"]',
}
MOST = 400  # of a kind that are sent; the nearest are chosen here, since Overpass cannot sort by distance
SECONDS, MEMORY = 20, 64 * 2**20  # what a question may cost there
MAX_NAME = 120


@dataclass(frozen=True)
class Thing:
    """Something with a name: degrees (WGS 84); ``key`` is its kind and number in OpenStreetMap."""

    name: str
    kind: Kind
    latitude: float
    longitude: float
    key: str


@dataclass(frozen=True)
class Found(Page):
    """An answer that was understood."""

    things: tuple[Thing, ...] = ()


class Overpass(NamingService):
    """Asks an Overpass server; ``agent`` names the program and a contact, as its operators wish."""

    name = "overpass"
    label = "OpenStreetMap"
    home = "https://overpass-api.de"
    path = "/api/interpreter"
    filters = frozenset({"position"})
    pause = 2.0
    daily = 1000

    def near(self, latitude: float, longitude: float) -> list[Thing]:
        """Return what is near a point, each name of a kind once, in no order; an empty list: nothing is there.

        Raises SourceError with the state in which the service is.
        """
        page = self._patient(Query(position=Position(latitude, longitude)), {})
        if isinstance(page, Found):
            return list(page.things)
        if page.state == "none":
            return []
        raise SourceError(self.name, page)

    def params(self, query: Query, onward: Params) -> Params:
        """See ``Service.params``."""
        assert query.position is not None
        here = f"{query.position.latitude:.6f},{query.position.longitude:.6f}"
        asked = [
            f'nwr{tags}["name"](around:{RADII_M[kind]},{here});out tags center {MOST};' for kind, tags in _TAGS.items()
        ]
        return {"data": f"[out:json][timeout:{SECONDS}][maxsize:{MEMORY}];" + "".join(asked)}

    def refused(self, status: int, retry_after: float | None, onward: Params) -> Page:
        """A question that is refused as such is one that its language no longer has."""
        if status == 400:
            return self.trouble("changed", "status 400")
        return super().refused(status, retry_after, onward)

    def read(self, found: dict[str, Any], body: bytes, query: Query, onward: Params) -> Page:
        """What the API says; that it ran out of time or memory stands in a remark, beside what it had until then."""
        remark = fields.word(found.get("remark"))
        if "error" in remark:
            return self.trouble("unreachable", remark[:100], fleeting=True)
        elements = found.get("elements")
        if not isinstance(elements, list):
            return self.trouble("changed", "no elements", body=body)
        things = {(thing.kind, thing.name): thing for each in fields.mappings(elements) if (thing := _thing(each))}
        if things:
            return Found("ok", things=tuple(things.values()))
        state: State = "changed" if elements else "none"
        return self.trouble(state, f"{len(elements)} elements, none read", body=body if elements else b"")


def _thing(element: dict[str, Any]) -> Thing | None:
    """One element, or None where name, position or kind is missing."""
    tags = fields.mapping(element.get("tags"))
    name = fields.title(tags.get("name:en")) or fields.title(tags.get("name"))
    at = element if "lat" in element else fields.mapping(element.get("center"))
    position = fields.position(at.get("lat"), at.get("lon"))
    if not name or position is None:
        return None
    key = f"{fields.word(element.get('type'))}/{fields.word(element.get('id'))}"
    return Thing(name[:MAX_NAME].rstrip(), _kind(tags), *position, key)


def _kind(tags: dict[str, Any]) -> Kind:
    if tags.get("amenity") in ("restaurant", "cafe", "food_court"):
        return "food"
    if tags.get("tourism") in ("hotel", "hostel", "guest_house", "motel"):
        return "lodging"
    return "transport" if tags.get("railway") in ("station", "halt") else "attraction"
