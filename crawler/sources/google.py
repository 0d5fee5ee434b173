"""Google Images, by its page without scripts. Off by default: it is seldom served any more.

Its terms forbid automatic questions, and what it serves to programs is mostly a page that needs a browser.
Nothing here gets around that; the state is "blocked" then.
"""

from __future__ import annotations

from typing import cast
from urllib.parse import parse_qs, urlsplit

from lxml import etree

from crawler.fetch import Fetched
from crawler.sources import fields
from crawler.sources.base import Hit, Page, Params, Query, State, clean_link, clean_title
from crawler.sources.bing_cards import Nodes, parsed
from crawler.sources.service import Service

COUNT = 20
DEPTH = 10
FILTERS: dict[str, dict[str, str]] = {
    "size": {"small": "isz:i", "medium": "isz:m", "large": "isz:l", "wallpaper": "isz:l"},
    "kind": {"photo": "itp:photo", "clipart": "itp:clipart", "drawing": "itp:lineart", "animated": "itp:animated"},
    "layout": {"square": "iar:s", "wide": "iar:w", "tall": "iar:t"},
    "colour": {"colour": "ic:color", "grey": "ic:gray"},
    "people": {"face": "itp:face", "portrait": "itp:face"},
    "since": {"day": "qdr:d", "week": "qdr:w", "month": "qdr:m", "year": "qdr:y"},
    "licence": dict.fromkeys(
        ("any-cc", "public", "share", "share-commercially", "modify", "modify-commercially"), "il:cl"
    ),
}
_SHELL_MARKS = (b"/httpservice/retry/enablejs", b"enablejs?sei=")
_BLOCK_MARKS = (b'id="captcha-form"', b"/sorry/")
_TINY = 2_000  # bytes
_SMALL = 90_000  # bytes: the largest shell seen
_MAX_ITEMS = 100

_ANCHORS = cast(Nodes, etree.XPath("//a[starts-with(@href, '/imgres?') or starts-with(@href, '/url?')][.//img]"))
_TABLES = cast(Nodes, etree.XPath("//table"))
_IMAGES = cast(Nodes, etree.XPath(".//img"))


class Google(Service):
    """Searches Google's script-free page; only thumbnails are certain."""

    name = "google"
    label = "Google"
    home = "https://www.google.com"
    path = "/search"
    filters = frozenset({*FILTERS, "safe", "market"})
    pause = 5.0
    pages = DEPTH

    def params(self, query: Query, onward: Params) -> Params:
        """See ``Service.params``."""
        language, _, region = query.market.partition("-")
        asked = {
            "q": query.words,
            "tbm": "isch",
            "gbv": "1",
            "hl": language,
            "gl": region.lower(),
            "safe": "off" if query.safe == "off" else "active",
            "start": "0",
        }
        tokens = [names[value] for field, names in FILTERS.items() if (value := getattr(query, field)) in names]
        return asked | ({"tbs": ",".join(tokens)} if tokens else {}) | onward

    def headers(self, query: Query) -> Params:
        """See ``Service.headers``."""
        language = query.market.partition("-")[0]
        return {"Accept": "text/html", "Accept-Language": f"{query.market},{language};q=0.9"}

    def refused(self, status: int, retry_after: float | None, onward: Params) -> Page:
        """Redirects elsewhere lead to consent pages and captchas."""
        if status in (400, 401):
            return self.trouble("changed", f"status {status}")
        return super().refused(status, retry_after, onward)

    def judged(self, answer: Fetched, query: Query, onward: Params) -> Page:
        """The state of an answer: its address, its landmarks, its links."""
        where = urlsplit(answer.url)
        if (where.hostname or "").startswith(("consent.", "sorry.")) or where.path.startswith("/sorry"):
            return self.trouble("blocked", "consent or captcha")
        root = parsed(answer.body)
        anchors = _ANCHORS(root)[:_MAX_ITEMS]
        hits = [hit for anchor in anchors if (hit := _hit(anchor, answer.url, bool(query.licence)))]
        if hits:
            start = int(onward.get("start", "0"))
            return Page("ok", hits, onward={"start": str(start + COUNT)})
        return self._without_links(answer, bool(_TABLES(root)), len(anchors), bool(onward))

    def _without_links(self, answer: Fetched, table: bool, anchors: int, later: bool) -> Page:
        size = len(answer.body)
        if any(mark in answer.body for mark in _SHELL_MARKS) and size <= _SMALL:
            return self.trouble("blocked", "needs a browser")
        if any(mark in answer.body for mark in _BLOCK_MARKS):
            return self.trouble("blocked", "captcha")
        if not answer.complete:
            return self.trouble("unreachable", "answer broke off", fleeting=True)
        if anchors:
            return self.trouble("changed", f"none of {anchors} links read", body=answer.body)
        if table:
            nothing: State = "end" if later else "none"
            return self.trouble(nothing, "no links")
        if size < _TINY:
            return self.trouble("blocked", "tiny page")
        return self.trouble("changed", "no landmarks", body=answer.body)


def _hit(anchor: etree._Element, base: str, filtered: bool) -> Hit | None:
    """One picture: from the link's query where it says enough, else only the thumbnail."""
    link = parse_qs(anchor.get("href", "").partition("?")[2])
    value = {name: values[0] for name, values in link.items()}
    picture = _IMAGES(anchor)[0]
    thumb = clean_link(picture.get("src"))
    image = clean_link(value.get("imgurl")) or thumb
    if not image:
        return None
    own = "imgurl" in value
    return Hit(
        title=clean_title(" ".join(str(piece) for piece in anchor.itertext()) or picture.get("alt", "")),
        image_url=image,
        thumb_url=thumb or image,
        page_url=clean_link(value.get("imgrefurl") or value.get("q")),
        width=fields.side(value.get("w") if own else picture.get("width")),
        height=fields.side(value.get("h") if own else picture.get("height")),
        licence="unknown",
        key=value.get("tbnid", "")[:200] or image,
        licence_hint="google:cl" if filtered else "",
    )
