"""Wikimedia Commons, by its documented API: every picture with author and licence.

Words are CirrusSearch's, so ``haswbstatement:P180=Q243`` (pictures that depict a thing of Wikidata)
can be asked as well.
"""

from __future__ import annotations

import re
from typing import Any

from crawler.sources import fields, licences
from crawler.sources.base import Hit, Page, Params, Query, clean_link
from crawler.sources.service import NamingService

# The only widths that thumbnails are made in. Originals can have 100 MB, so they are never asked for.
STEPS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)
COUNT = 50  # files that the API describes at a time
LAST = 10_000  # results that a search goes down to
_STEP_OF_SIZE = {"small": 330, "medium": 500, "large": 1280, "wallpaper": 1920, None: 960}
_WORDS_OF_KIND = {"drawing": "filetype:drawing", "animated": "filemime:image/gif", "transparent": "filemime:image/png"}
_METADATA = "LicenseShortName|LicenseUrl|License|Artist|Attribution|ImageDescription|GPSLatitude|GPSLongitude"
_WAITS = {"maxlag", "ratelimited", "readonly"}
_USUAL_WAIT = 5.0  # seconds, where Commons does not say
_OUTAGE = re.compile(r"cirrussearch-|internal_api_error")


class Commons(NamingService):
    """Searches Commons by words, or without words by the place where the camera stood.

    ``agent`` names the program and a contact, as Wikimedia's policy asks.
    """

    name = "commons"
    label = "Wikimedia Commons"
    home = "https://commons.wikimedia.org"
    path = "/w/api.php"
    filters = frozenset({"position", "size", "kind", "licence", "layout"})
    pause = 0.5
    pages = 20

    def params(self, query: Query, onward: Params) -> Params:
        """See ``Service.params``."""
        asked = {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "prop": "imageinfo|coordinates",
            "iiprop": "url|size|mime|sha1|extmetadata",
            "iiurlwidth": str(_step(query)),
            "iiextmetadatafilter": _METADATA,
            "iiextmetadatalanguage": "en",
            "colimit": str(COUNT),
            "maxlag": "5",
        }
        return asked | (_by_words(query) if query.words else _by_position(query)) | onward

    def read(self, found: dict[str, Any], body: bytes, query: Query, onward: Params) -> Page:
        """What the API says; errors come with status 200 too."""
        if "error" in found:
            return self._error(fields.mapping(found["error"]), body)
        pages = sorted(
            fields.mappings(fields.mapping(found.get("query")).get("pages")),
            key=lambda page: fields.whole(page.get("index")) or 0,
        )
        following = {name: fields.word(value) for name, value in fields.mapping(found.get("continue")).items()}
        if (fields.whole(following.get("gsroffset")) or 0) >= LAST:
            following = {}
        read = [_hit(page) for page in pages]
        if not any(read) and not following and (complaint := _not_understood(found, pages, bool(onward))):
            return self.trouble("changed", complaint, body=body)
        hits = [hit for hit in read if hit and licences.permits(hit.licence, query.licence) and _fits(hit, query)]
        if hits or following:
            return Page("ok", hits, onward=following or None)
        return self.trouble("end" if onward else "none", "no files")

    def _error(self, error: dict[str, Any], body: bytes) -> Page:
        code = fields.word(error.get("code"))
        if code in _WAITS:
            return self.trouble("blocked", code, _USUAL_WAIT)
        if _OUTAGE.match(code):
            return self.trouble("unreachable", code, fleeting=True)
        return self.trouble("changed", f"error {code}", body=body)


def _not_understood(found: dict[str, Any], pages: list[dict[str, Any]], later: bool) -> str:
    """Why an answer without files does not simply say that there are none; empty if it does."""
    if "warnings" in found:
        return "warnings"
    # The end of an answer may repeat its files with nothing but what was left to say of them.
    if any("imageinfo" in page for page in pages) or (pages and not later):
        return f"none of {len(pages)} files read"
    known = ("batchcomplete", "query", "continue")
    return "" if any(landmark in found for landmark in known) else "no landmarks"


def _step(query: Query) -> int:
    if isinstance(query.size, tuple):
        return next((step for step in STEPS if step >= max(query.size)), STEPS[-1])
    return _STEP_OF_SIZE[query.size]


def _by_words(query: Query) -> Params:
    words = [_WORDS_OF_KIND.get(query.kind or "", "filetype:bitmap")]
    if query.kind == "photo":
        words.append("filemime:image/jpeg")
    if isinstance(query.size, tuple):
        words += [f"filew:>{query.size[0] - 1}", f"fileh:>{query.size[1] - 1}"]
    return {
        "generator": "search",
        "gsrnamespace": "6",
        "gsrlimit": str(COUNT),
        "gsroffset": "0",
        "gsrsearch": " ".join([*words, query.words]),
    }


def _by_position(query: Query) -> Params:
    assert query.position is not None
    metres = min(max(round(query.position.radius_km * 1000), 10), 10_000)
    return {
        "generator": "geosearch",
        "ggscoord": f"{query.position.latitude:.6f}|{query.position.longitude:.6f}",
        "ggsradius": str(metres),
        "ggslimit": str(COUNT),
        "ggsnamespace": "6",
        "ggsprimary": "all",
    }


def _hit(page: dict[str, Any]) -> Hit | None:
    """One file, or None where the API says nothing of it, or not enough."""
    info = next(iter(fields.mappings(page.get("imageinfo"))), {})
    thumb = clean_link(info.get("thumburl"))
    if not thumb or "filemissing" in info:
        return None
    about = {name: fields.mapping(each).get("value") for name, each in fields.mapping(info.get("extmetadata")).items()}
    licence_url = clean_link(_with_scheme(fields.text(about.get("LicenseUrl"))))
    here = next(iter(fields.mappings(page.get("coordinates"))), {})
    name = fields.title(page.get("title")).removeprefix("File:")
    return Hit(
        title=name.rpartition(".")[0] or name,
        image_url=thumb,
        thumb_url=thumb,
        page_url=clean_link(info.get("descriptionurl")),
        width=fields.side(info.get("thumbwidth")),
        height=fields.side(info.get("thumbheight")),
        licence=_licence(about, licence_url),
        key=fields.word(info.get("sha1")) or thumb,
        author=fields.author(about.get("Attribution")) or fields.author(about.get("Artist")),
        licence_url=licence_url,
        position=fields.position(here.get("lat"), here.get("lon"))
        or fields.position(about.get("GPSLatitude"), about.get("GPSLongitude")),
    )


def _licence(about: dict[str, Any], url: str) -> str:
    """The licence's machine name, else what its address or its short name say."""
    code = fields.word(about.get("License")).lower()
    by_url = licences.of_url(url)
    if by_url != licences.UNKNOWN:
        return by_url
    short = fields.title(about.get("LicenseShortName")).lower().replace(" ", "-")
    return code or short or licences.UNKNOWN


def _with_scheme(link: str) -> str:
    return f"https:{link}" if link.startswith("//") else link


def _fits(hit: Hit, query: Query) -> bool:
    """Whether the shape is the one that was asked for; Commons cannot be asked by shape."""
    if query.layout is None or not hit.width or not hit.height:
        return True
    ratio = hit.width / hit.height
    shape = "wide" if ratio > 1.1 else "tall" if ratio < 1 / 1.1 else "square"
    return shape == query.layout
