"""Bing Images, by the keyless page fragment that its own result page loads.

The fragment is undocumented, and whether it may be asked is for the operator to judge.
A captcha or a block ends the matter: nothing here gets around one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from crawler.fetch import Fetched
from crawler.politeness import USUAL, Manners, patiently
from crawler.sources import bing_cards
from crawler.sources.base import Door, Page, Params, Query, State
from crawler.sources.service import Service

# Without a browser's name Bing sends a risk page; without gzip, a single picture.
HEADERS = {
    "User-Agent": (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
        "(KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"
    ),
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Encoding": "gzip",
}
COUNT = 35  # what Bing's own page asks for; other numbers are often ignored
LAST = 1000  # past it there are only repeats

# The tokens of Bing's filters, by field and value of a query.
FILTERS: dict[str, dict[str, str]] = {
    "size": {
        "small": "imagesize-small",
        "medium": "imagesize-medium",
        "large": "imagesize-large",
        "wallpaper": "imagesize-wallpaper",
    },
    "kind": {
        "photo": "photo-photo",
        "clipart": "photo-clipart",
        "drawing": "photo-linedrawing",
        "animated": "photo-animatedgif",
        "transparent": "photo-transparent",
    },
    "colour": {"colour": "color2-color", "grey": "color2-bw"},
    "layout": {"square": "aspect-square", "wide": "aspect-wide", "tall": "aspect-tall"},
    "people": {"face": "face-face", "portrait": "face-portrait"},
    # In minutes
    "since": {"day": "age-lt1440", "week": "age-lt10080", "month": "age-lt43200", "year": "age-lt525600"},
    "licence": {
        "any-cc": "licenseType-Any",
        "public": "license-L1",
        "share": "license-L2_L3_L4_L5_L6_L7",
        "share-commercially": "license-L2_L3_L4",
        "modify": "license-L2_L3_L5_L6",
        "modify-commercially": "license-L2_L3",
    },
}

_TINY = 2_000  # bytes: a block says little
_LONG = 20_000  # bytes: a page this long holds something
_FEW_PICTURES = 2  # a logo and an icon may be on a page without results
_CAPTCHA_MARKS = (
    b'id="b_captcha"',
    b"challenges.cloudflare.com/turnstile",
    b"One last step",
    b"Please solve the challenge below",
)


class Bing(Service):
    """Searches one Bing, or a stand-in at ``base_url`` (a path prefix may be there)."""

    name = "bing"
    label = "Bing"
    home = "https://www.bing.com"
    path = "/images/async"
    filters = frozenset({*FILTERS, "safe", "market"})
    pause = 2.0
    daily = 200

    def __init__(
        self, fetcher: Door, base_url: str = "", *, manners: Manners = USUAL, kept: Path | None = None
    ) -> None:
        super().__init__(fetcher, base_url, manners=manners, kept=kept)
        self._twice = replace(manners, tries=2)

    def search(self, query: str, count: int = COUNT, first: int = 1) -> Page:
        """About ``count`` pictures, from the ``first``-th result on (1-based), for a visitor who waits.

        One page; whatever happens is a state, and only what may be gone at once is asked again.
        """
        asked = {"count": str(count), "first": str(first)}
        return patiently(
            lambda: self.page(Query(query), asked), self._twice, lambda page: 0.0 if page.fleeting else None
        )

    def params(self, query: Query, onward: Params) -> Params:
        """See ``Service.params``."""
        language, _, region = query.market.partition("-")
        asked = {
            "q": query.words,
            "first": "1",  # a result's number, not a page's
            "count": str(COUNT),
            "mmasync": "1",
            "adlt": query.safe,
            "cc": region,
            "setlang": language,
            **onward,
        }
        tokens = filter_tokens(query)
        return asked | {"qft": tokens} if tokens else asked

    def headers(self, query: Query) -> Params:
        """See ``Service.headers``."""
        language = query.market.partition("-")[0]
        return HEADERS | {
            "Accept-Language": f"{query.market},{language};q=0.9",
            # The query's ``adlt`` alone is ignored at times.
            "Cookie": f"SRCHHPGUSR=ADLT={query.safe.upper()}",
        }

    def family(self) -> str:
        """Bing's national hosts are one family."""
        host = super().family()
        return "bing.com" if f".{host}".endswith(".bing.com") else host

    def judged(self, answer: Fetched, query: Query, onward: Params) -> Page:
        """The state of an answer: its address, its landmarks, its cards."""
        path = urlsplit(answer.url).path
        if path != urlsplit(self._url).path and ("/turing/" in path or "/consent" in path):
            return self.trouble("blocked", path)
        cards = bing_cards.read(answer.body, answer.url, _hint(query))
        first = int(onward.get("first", "1"))
        if cards.seen:
            return self._with_cards(cards, answer, first)
        if any(mark in answer.body for mark in _CAPTCHA_MARKS):
            return self.trouble("blocked", "captcha")
        if not answer.complete:
            return self.trouble("unreachable", "answer broke off", fleeting=True)
        return self._without_cards(cards, answer, first)

    def _with_cards(self, cards: bing_cards.Cards, answer: Fetched, first: int) -> Page:
        if cards.readable * 2 < cards.seen:
            return self._changed(cards, answer, f"{cards.readable} of {cards.seen} cards read")
        if cards.seen == 1 and len(answer.body) > _LONG:
            return self._changed(cards, answer, "one card: no gzip, or an old User-Agent")
        following = cards.next_first or 0
        return Page("ok", cards.hits, onward={"first": str(following)} if first < following <= LAST else None)

    def _without_cards(self, cards: bing_cards.Cards, answer: Fetched, first: int) -> Page:
        """Nothing found, a block, or markup that we do not know: the landmarks decide."""
        nothing: State = "none" if first == 1 else "end"
        if b"murl" in answer.body or cards.pictures > _FEW_PICTURES:
            return self._changed(cards, answer, "pictures, but no cards")
        if cards.control:
            return self.trouble(nothing, "empty list")
        size = len(answer.body)
        if size > _LONG:
            return self._changed(cards, answer, "no landmarks")
        # An empty shell comes now and then, and the next answer is whole.
        return self.trouble("blocked" if size < _TINY else nothing, "empty shell", fleeting=True)

    def _changed(self, cards: bing_cards.Cards, answer: Fetched, reason: str) -> Page:
        return self.trouble("changed", reason, hits=cards.hits, body=answer.body)


def filter_tokens(query: Query) -> str:
    """The value of ``qft``: Bing joins its filters with a plus, and begins with one."""
    tokens = [names[value] for field, names in FILTERS.items() if isinstance(value := getattr(query, field), str)]
    if isinstance(query.size, tuple):
        tokens.append("imagesize-custom_{}_{}".format(*query.size))
    return "".join(f"+filterui:{token}" for token in tokens)


def _hint(query: Query) -> str:
    """Bing's licence filter is a guess about the page, no licence of the picture."""
    return f"bing:{FILTERS['licence'][query.licence].partition('-')[2]}" if query.licence else ""
