"""A stand-in of an Overpass server on loopback, in the shape of its JSON, with its bad days; all is invented."""

from __future__ import annotations

from typing import Any

from tests.standins_json import COMMON, Answer, Question, Shape, StandIn, as_html, as_json, once

BUSY = (
    '<?xml version="1.0" encoding="UTF-8"?><html><head><title>OSM3S Response</title></head><body><p><strong>Error'
    "</strong>: runtime error: open64: 0 Success /osm3s_osm_base Dispatcher_Client::request_read_and_idx::timeout. "
    "The server is probably too busy to handle your request.</p></body></html>"
)
RATE = BUSY.replace("Dispatcher_Client::request_read_and_idx::timeout", "rate_limited")


def node(number: int, latitude: float, longitude: float, **tags: str) -> dict[str, Any]:
    return {"type": "node", "id": number, "lat": latitude, "lon": longitude, "tags": tags}


def way(number: int, latitude: float, longitude: float, **tags: str) -> dict[str, Any]:
    return {"type": "way", "id": number, "center": {"lat": latitude, "lon": longitude}, "tags": tags}


NEAR = [
    node(1, 52.501, 13.4, name="Lantern Museum", tourism="museum"),
    way(2, 52.502, 13.4, **{"name": "Lampengasthof", "name:en": "Lamp Inn"}, tourism="hotel"),
    node(3, 52.5005, 13.4, name="Zum Docht", amenity="restaurant"),
    way(4, 52.503, 13.4, name="Lantern Street", railway="station"),
    node(5, 52.5001, 13.4, name="Tower", tourism="attraction"),
]


def answered(elements: list[Any], **more: object) -> dict[str, Any]:
    """An answer with these elements."""
    return {
        "version": 0.6,
        "generator": "Overpass API 0.7.62.8",
        "osm3s": {
            "timestamp_osm_base": "2026-11-20T10:00:00Z",
            "copyright": "The data included in this document is from www.openstreetmap.org. "
            "The data is made available under ODbL.",
        },
        "elements": elements,
        **more,
    }


def _ok(_: Question) -> Answer:
    return as_json(answered(NEAR))


def _odd(_: Question) -> Answer:
    odd = [
        node(10, 91.0, 13.4, name="Beyond the pole", tourism="museum"),
        {"type": "relation", "id": 11, "tags": {"name": "Nowhere", "tourism": "museum"}},
        {"type": "node", "id": 12, "lat": 52.5, "lon": 13.41, "tags": {"tourism": "museum"}},
        {"type": "node", "id": 13, "lat": "52.5", "lon": None, "tags": ["museum"]},
        "odd",
    ]
    return as_json(answered([*odd, NEAR[0]]))


TIMED_OUT = 'runtime error: Query timed out in "query" at line 1 after 21 seconds.'
DAYS: dict[str, Shape] = {
    **COMMON,
    "ok": _ok,
    "odd": _odd,
    "none": lambda _: as_json(answered([])),
    "all-odd": lambda _: as_json(answered([{"kind": "node"}, {"kind": "way"}])),
    "rate": lambda _: as_html(RATE, 429),
    "busy": lambda _: as_html(BUSY, 504),
    "busy-once": once(as_html(BUSY, 504), _ok),
    "timed-out": lambda _: as_json(answered(NEAR[:1], remark=TIMED_OUT)),
    "timed-out-once": once(as_json(answered(NEAR[:1], remark=TIMED_OUT)), _ok),
    "broken-off": lambda _: Answer(b'{"version": 0.6, "elements": [{"type": "node", ', missing=1000),
    "cut": lambda _: Answer(b'{"version": 0.6, "elements": [{"type": "node", '),
    "refused": lambda _: as_html("parse error", 400),
    "crowded": lambda _: as_json(
        answered([node(n, 52.5 + n / 100_000, 13.4, name=f"Café {n}", amenity="cafe") for n in range(1, 300)])
    ),
}


class OverpassStandIn(StandIn):
    path = "/api/interpreter"
    shapes = DAYS
