"""Openverse, by its documented API without a key: pictures under Creative Commons licences.

Its answers say who made a picture and under which licence, without a guarantee. It is not endorsed by
Openverse, and at most one client may ask it.
"""

from __future__ import annotations

from typing import Any

from crawler.sources import fields, licences
from crawler.sources.base import Hit, Page, Params, Query, clean_link
from crawler.sources.service import NamingService

COUNT = 20  # the most that is given without a key
DEPTH = 12  # pages of 20: the most that a query shows
_SIZES: dict[object, str] = {"small": "small", "medium": "medium"}
_CATEGORIES = {"photo": "photograph", "clipart": "illustration", "drawing": "illustration"}


class Openverse(NamingService):
    """Searches Openverse by words."""

    name = "openverse"
    label = "Openverse"
    home = "https://api.openverse.org"
    path = "/v1/images/"
    filters = frozenset({"size", "kind", "licence", "layout", "safe"})
    pause = 3.0
    daily = 200
    pages = DEPTH

    def params(self, query: Query, onward: Params) -> Params:
        """See ``Service.params``."""
        asked = {
            "q": query.words,
            "page": "1",
            "page_size": str(COUNT),
            "mature": "true" if query.safe == "off" else "false",
            "filter_dead": "true",
        }
        if query.kind in _CATEGORIES:
            asked["category"] = _CATEGORIES[query.kind]
        if query.layout:
            asked["aspect_ratio"] = query.layout
        if query.size:
            asked["size"] = _SIZES.get(query.size, "large")
        if query.licence:
            asked["license"] = ",".join(licences.parts(query.licence))
        return asked | onward

    def refused(self, status: int, retry_after: float | None, onward: Params) -> Page:
        """Past the last page Openverse answers 404, 400 or 401."""
        if onward and status in (400, 401, 404):
            return self.trouble("end", f"status {status}")
        if status == 400:
            return self.trouble("changed", "status 400")
        if status == 424:
            return self.trouble("unreachable", "status 424", retry_after, fleeting=retry_after is None)
        return super().refused(status, retry_after, onward)

    def read(self, found: dict[str, Any], body: bytes, query: Query, onward: Params) -> Page:
        """What the API says."""
        results = found.get("results")
        if not isinstance(results, list):
            return self.trouble("changed", "no results", body=body)
        if not results:
            return self.trouble("end" if onward else "none", "no results")
        hits = [hit for each in fields.mappings(results) if (hit := _hit(each))]
        if len(hits) * 2 < len(results):
            return self.trouble("changed", f"{len(hits)} of {len(results)} results read", hits=hits, body=body)
        number = int(onward.get("page", "1"))
        last = min(fields.whole(found.get("page_count")) or 0, DEPTH)
        return Page("ok", hits, onward={"page": str(number + 1)} if number < last else None)


def _hit(result: dict[str, Any]) -> Hit | None:
    """One picture, or None where there is no address of it."""
    image = clean_link(result.get("url"))
    if not image:
        return None
    licence_url = clean_link(result.get("license_url"))
    name = "-".join(filter(None, (fields.word(result.get(key)) for key in ("license", "license_version")))).lower()
    spelled = name if name.startswith(("cc0", "pdm")) else f"cc-{name}"
    by_url = licences.of_url(licence_url)
    return Hit(
        title=fields.title(result.get("title")),
        image_url=image,
        thumb_url=clean_link(result.get("thumbnail")) or image,
        page_url=clean_link(result.get("foreign_landing_url")),
        width=fields.side(result.get("width")),
        height=fields.side(result.get("height")),
        licence=spelled if name and by_url == licences.UNKNOWN else by_url,
        key=fields.word(result.get("id")) or image,
        author=fields.author(result.get("creator")),
        licence_url=licence_url,
    )
