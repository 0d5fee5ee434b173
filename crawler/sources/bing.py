"""Bing Images, by the keyless page fragment that its own result page loads.

The fragment is undocumented, and whether it may be asked is for the operator to judge.
A captcha or a block ends the matter: nothing here gets around one.
"""

import time
from urllib.parse import urlsplit

from crawler.addresses import parse
from crawler.errors import FetchError
from crawler.fetch import Fetched, Fetcher, check_url
from crawler.sources import bing_cards
from crawler.sources.base import Page, State, plain_text

BASE_URL = "https://www.bing.com"
# Without a browser's name Bing sends a risk page; without gzip, a single picture.
HEADERS = {
    "User-Agent": (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
        "(KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"
    ),
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Encoding": "gzip",
    # The query's ``adlt`` alone is ignored at times.
    "Cookie": "SRCHHPGUSR=ADLT=STRICT",
}
MAX_QUERY = 200

_TINY = 2_000  # bytes: a block says little
_LONG = 20_000  # bytes: a page this long holds something
_FEW_PICTURES = 2  # a logo and an icon may be on a page without results
_CAPTCHA_MARKS = (
    b'id="b_captcha"',
    b"challenges.cloudflare.com/turnstile",
    b"One last step",
    b"Please solve the challenge below",
)
_AWAY = "Bing is not answering us right now."
_NOTES: dict[State, str] = {
    "none": "No similar pictures found at Bing.",
    "blocked": _AWAY,
    "unreachable": _AWAY,
    "changed": _AWAY,
    "misconfigured": "Searching at Bing is not set up properly.",
}
_UNREACHED = {"dns_failed", "tls_failed", "unreachable", "too_slow", "bad_headers"}


class Bing:
    """Searches one Bing, or a stand-in at ``base_url`` (a path prefix may be there).

    ``market`` is a language and a region; ``pause`` the seconds before the one retry
    that an empty shell or a failing server gets.
    """

    name = "bing"

    def __init__(
        self,
        fetcher: Fetcher,
        base_url: str = BASE_URL,
        market: str = "en-US",
        pause: float = 2.0,
    ) -> None:
        self._fetcher = fetcher
        self._url = f"{base_url.rstrip('/')}/images/async"
        self._market = market
        self._pause = pause

    def search(self, query: str, count: int = 35, first: int = 1) -> Page:
        """About ``count`` pictures, from the ``first``-th result on (1-based)."""
        words = plain_text(query)[:MAX_QUERY]
        if not words:
            return _page("none", "no words")
        try:
            check_url(self._url, self._fetcher.allow_private)
        except FetchError as error:
            return _page("misconfigured", f"base address: {error.code}")
        page = self._asked(words, count, first)
        if page.fleeting:
            time.sleep(self._pause)
            page = self._asked(words, count, first)
        return page

    def _asked(self, words: str, count: int, first: int) -> Page:
        try:
            answer = self._fetcher.page(
                self._url,
                self._params(words, count, first),
                self._headers(),
                within_host=self._family(),
            )
        except FetchError as error:
            return _failure(error)
        return _judged(answer, self._url, first)

    def _params(self, words: str, count: int, first: int) -> dict[str, str]:
        language, _, region = self._market.partition("-")
        return {
            "q": words,
            "first": str(first),  # a result's number, not a page's
            "count": str(count),
            "mmasync": "1",
            "adlt": "strict",
            "cc": region,
            "setlang": language,
        }

    def _headers(self) -> dict[str, str]:
        language = self._market.partition("-")[0]
        return HEADERS | {"Accept-Language": f"{self._market},{language};q=0.9"}

    def _family(self) -> str:
        """The host that redirects must stay in; Bing's national ones are one family."""
        host = parse(self._url).host
        return "bing.com" if f".{host}".endswith(".bing.com") else host


def _page(state: State, reason: str, retry_after: float | None = None, fleeting: bool = False) -> Page:
    note = _NOTES.get(state, "")
    return Page(state, [], note, reason, retry_after, fleeting=fleeting)


def _failure(error: FetchError) -> Page:
    """The state of an answer that was none: transport first, then its status."""
    if error.code == "http_status":
        return _refused(error.status or 0, error.retry_after)
    if error.code in _UNREACHED:
        return _page("unreachable", error.code)
    if error.code in ("too_large", "bad_encoding"):
        return _page("changed", error.code)
    return _page("blocked", error.code)  # a redirect to where we do not go


def _refused(status: int, retry_after: float | None) -> Page:
    reason = f"status {status}"
    if status >= 500:
        return _page("unreachable", reason, retry_after, fleeting=retry_after is None)
    if status in (400, 401):
        return _page("misconfigured", reason)
    if status in (404, 405, 410):
        return _page("changed", reason)
    # 202, 403, 429, and redirects to consent pages and log-ins elsewhere.
    return _page("blocked", reason, retry_after)


def _judged(answer: Fetched, asked: str, first: int) -> Page:
    """The state of an answer with status 200: its address, its landmarks, its cards."""
    path = urlsplit(answer.url).path
    if path != urlsplit(asked).path and ("/turing/" in path or "/consent" in path):
        return _page("blocked", path)
    cards = bing_cards.read(answer.body, answer.url)
    if cards.seen:
        return _with_cards(cards, answer, first)
    if any(mark in answer.body for mark in _CAPTCHA_MARKS):
        return _page("blocked", "captcha")
    if not answer.complete:
        return _page("unreachable", "answer broke off", fleeting=True)
    return _without_cards(cards, answer, first)


def _with_cards(cards: bing_cards.Cards, answer: Fetched, first: int) -> Page:
    if cards.readable * 2 < cards.seen:
        return _changed(cards, answer, f"{cards.readable} of {cards.seen} cards read")
    if cards.seen == 1 and len(answer.body) > _LONG:
        return _changed(cards, answer, "one card: no gzip, or an old User-Agent")
    onward = cards.next_first if (cards.next_first or 0) > first else None
    return Page("ok", cards.hits, next_first=onward)


def _without_cards(cards: bing_cards.Cards, answer: Fetched, first: int) -> Page:
    """Nothing found, a block, or markup that we do not know: the landmarks decide."""
    nothing: State = "none" if first == 1 else "end"
    if b"murl" in answer.body or cards.pictures > _FEW_PICTURES:
        return _changed(cards, answer, "pictures, but no cards")
    if cards.control:
        return _page(nothing, "empty list")
    size = len(answer.body)
    if size > _LONG:
        return _changed(cards, answer, "no landmarks")
    # An empty shell comes now and then, and the next answer is whole.
    return _page("blocked" if size < _TINY else nothing, "empty shell", fleeting=True)


def _changed(cards: bing_cards.Cards, answer: Fetched, reason: str) -> Page:
    note = "" if cards.hits else _AWAY
    return Page("changed", cards.hits, note, reason, body=answer.body)
