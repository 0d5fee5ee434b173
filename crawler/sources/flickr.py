"""Flickr, by its documented API, which needs a key: pictures with coordinates, owner and licence.

This product uses the Flickr API but is not endorsed or certified by SmugMug, Inc. The key is part of the
address, so addresses of this module never reach a log.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from crawler.errors import FetchError
from crawler.politeness import USUAL, Manners
from crawler.sources import fields, licences
from crawler.sources.base import Door, Hit, Page, Params, Query, clean_link
from crawler.sources.service import JsonService

COUNT = 250  # the most with a position
DEPTH = 16  # pages: past 4,000 results they repeat
SMALLEST_FIRST = ("n", "z", "c", "l")  # long sides of 320, 640, 800 and 1,024 pixels
LICENCES_KEPT = 24 * 3600.0  # seconds
MAX_RADIUS_KM = 32.0
SITE = "https://www.flickr.com"

_ORDERS = {"medium": "zcnl", "large": "lczn", "wallpaper": "lczn"}
_DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}
_SAFE = {"strict": "1", "moderate": "2", "off": "3"}
_CONTENT = {"photo": "0", "drawing": "2", "clipart": "2"}
_ANY_DATE = "1990-01-01"
# Where the list cannot be had; newer ids are only known from it.
_KNOWN_LICENCES = {
    "0": licences.RESERVED,
    "1": "cc-by-nc-sa-2.0",
    "2": "cc-by-nc-2.0",
    "3": "cc-by-nc-nd-2.0",
    "4": "cc-by-2.0",
    "5": "cc-by-sa-2.0",
    "6": "cc-by-nd-2.0",
    "7": licences.NO_KNOWN_RESTRICTIONS,
    "8": "us-government",
    "9": "cc0-1.0",
    "10": "pdm-1.0",
}
_BAD_KEY = {98, 99, 100}
_OUTAGE = {0, 10, 105, 106}


class Flickr(JsonService):
    """Searches Flickr by words, by place, or by both at once; small sizes first."""

    name = "flickr"
    label = "Flickr"
    home = "https://api.flickr.com"
    path = "/services/rest/"
    filters = frozenset({"position", "size", "kind", "licence", "since", "safe"})
    pause = 1.0
    pages = DEPTH

    def __init__(
        self,
        fetcher: Door,
        base_url: str = "",
        key: str = "",
        *,
        manners: Manners = USUAL,
        kept: Path | None = None,
    ) -> None:
        super().__init__(fetcher, base_url, manners=manners, kept=kept)
        self._key = key
        self._licences = _KNOWN_LICENCES
        self._licences_until = float("-inf")

    def params(self, query: Query, onward: Params) -> Params:
        """See ``Service.params``."""
        asked = self._call("flickr.photos.search") | {
            "sort": "relevance",
            "content_types": _CONTENT.get(query.kind or "photo", "0"),
            "media": "photos",
            "safe_search": _SAFE[query.safe],
            "per_page": str(COUNT),
            "page": "1",
            "extras": "license,owner_name,geo,path_alias,url_n,url_z,url_c,url_l",
        }
        if query.words:
            asked["text"] = query.words
        if query.position:
            asked |= {
                "lat": f"{query.position.latitude:.6f}",
                "lon": f"{query.position.longitude:.6f}",
                "radius": f"{min(query.position.radius_km, MAX_RADIUS_KM):g}",
                "radius_units": "km",
                "has_geo": "1",
                # Without a date Flickr takes the newest uploads only.
                "min_taken_date": _ANY_DATE,
            }
        if query.since:
            asked["min_taken_date"] = f"{datetime.now(UTC) - timedelta(days=_DAYS[query.since]):%Y-%m-%d}"
        if query.licence:
            self._learn_licences(query)
            # Spelled with an s, or it is ignored without a word.
            asked["license"] = ",".join(
                number for number, code in self._licences.items() if licences.permits(code, query.licence)
            )
        return asked | onward

    def headers(self, query: Query) -> Params:
        """See ``Service.headers``."""
        return {"Accept": "application/json"}

    def read(self, found: dict[str, Any], body: bytes, query: Query, onward: Params) -> Page:
        """What the API says; it fails with status 200."""
        if found.get("stat") == "fail":
            return self._fail(fields.whole(found.get("code")), body)
        photos = fields.mapping(found.get("photos"))
        listed = photos.get("photo")
        if not isinstance(listed, list):
            return self.trouble("changed", "no photos", body=body)
        if not listed:
            return self.trouble("end" if onward else "none", "no photos")
        seen = fields.mappings(listed)
        if not {fields.word(each.get("license")) for each in seen} <= self._licences.keys():
            self._learn_licences(query)
        hits = [hit for each in seen if (hit := self._hit(each, query))]
        # A photo without any of the sizes is the owner's choice, one without an id is not Flickr's.
        if not any(fields.word(each.get("id")) for each in seen):
            return self.trouble("changed", "photos without ids", body=body)
        number = int(onward.get("page", "1"))
        last = min(fields.whole(photos.get("pages")) or 0, DEPTH)
        return Page("ok", hits, onward={"page": str(number + 1)} if number < last else None)

    def _call(self, method: str) -> Params:
        return {"method": method, "api_key": self._key, "format": "json", "nojsoncallback": "1"}

    def _fail(self, code: int | None, body: bytes) -> Page:
        reason = f"code {code}"
        if code in _BAD_KEY:
            return self.trouble("misconfigured", reason)
        if code in _OUTAGE:
            return self.trouble("unreachable", reason, fleeting=True)
        return self.trouble("changed", reason, body=body)

    def _learn_licences(self, query: Query) -> None:
        """Ask once a day what the numbers of licences mean, since new ones are added."""
        now = self._manners.clock.now()
        if now < self._licences_until:
            return
        self._licences_until = now + LICENCES_KEPT
        try:
            answer = self._fetcher.page(
                self._url, self._call("flickr.photos.licenses.getInfo"), self.headers(query), within_host=self.family()
            )
        except FetchError:
            return  # the search itself will say what is wrong
        listed = fields.mapping((fields.document(answer.body) or {}).get("licenses")).get("license")
        told = {
            fields.word(each.get("id")): licences.of_url(fields.text(each.get("url")))
            for each in fields.mappings(listed)
        }
        known = {number: code for number, code in told.items() if number and code != licences.UNKNOWN}
        self._licences = _KNOWN_LICENCES | known

    def _hit(self, photo: dict[str, Any], query: Query) -> Hit | None:
        """One photo in the first size there is, or None where there is none."""
        number = fields.word(photo.get("id"))
        sizes = [size for size in SMALLEST_FIRST if clean_link(photo.get(f"url_{size}"))]
        if not number or not sizes:
            return None
        size = _chosen(photo, sizes, query)
        owner = fields.word(photo.get("pathalias")) or fields.word(photo.get("owner"))
        return Hit(
            title=fields.title(photo.get("title")),
            image_url=clean_link(photo.get(f"url_{size}")),
            thumb_url=clean_link(photo.get(f"url_{sizes[0]}")),
            page_url=clean_link(f"{SITE}/photos/{quote(owner, safe='@')}/{quote(number, safe='')}") if owner else "",
            width=fields.side(photo.get(f"width_{size}")),
            height=fields.side(photo.get(f"height_{size}")),
            licence=self._licences.get(fields.word(photo.get("license")), licences.UNKNOWN),
            key=number,
            author=fields.author(photo.get("ownername")),
            position=fields.position(photo.get("latitude"), photo.get("longitude")),
        )


def _chosen(photo: dict[str, Any], sizes: list[str], query: Query) -> str:
    """The size to take: the smallest, or the one that the query's size asks for."""
    if isinstance(query.size, tuple):
        width, height = query.size
        fitting = [
            size
            for size in sizes
            if (fields.side(photo.get(f"width_{size}")) or 0) >= width
            and (fields.side(photo.get(f"height_{size}")) or 0) >= height
        ]
        return fitting[0] if fitting else sizes[-1]
    return next(size for size in _ORDERS.get(query.size or "", "nzcl") if size in sizes)
