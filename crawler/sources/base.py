"""What every source of pictures is asked, and what it answers: hits, or one of seven states."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from crawler.addresses import parse
from crawler.errors import FetchError
from crawler.fetch import Fetched
from errors import UserError

State = Literal[
    "ok",  # at least one hit
    "end",  # nothing new after earlier pages
    "none",  # understood, and nothing was found
    "blocked",  # consent page, captcha, 403, 429: leave the source alone for a while
    "unreachable",  # name, connection, certificate, time-out, 5xx
    "changed",  # an answer whose markup is not what we know
    "misconfigured",  # our own settings are wrong
]
Trouble = Literal["blocked", "unreachable", "changed", "misconfigured"]
Params = dict[str, str]

# What a visitor reads; every source's states are told in these words.
NOTES: dict[str, str] = {
    "none": "{source} found no pictures for this.",
    "blocked": "{source} is not answering us right now, so there are no more pictures.",
    "unreachable": "{source} cannot be reached from here, so there are no more pictures.",
    "changed": "{source}'s answer could not be read, so there are no more pictures.",
    "misconfigured": "Searching {source} is not set up, so there are no more pictures.",
}

MAX_TITLE = 300
MAX_QUERY = 200

_BIDI_CONTROLS = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_UNWANTED = {"Cc", "Cn", "Co", "Cs"}


@dataclass(frozen=True)
class Position:
    """A circle on the ground: degrees (WGS 84), and its radius in kilometres."""

    latitude: float
    longitude: float
    radius_km: float = 1.0


@dataclass(frozen=True)
class Query:
    """What is looked for, in words and filters that every service is asked in.

    A source narrows by the filters that are named in its ``filters``; the others do
    not reach it. ``size`` is a name or the least width and height in pixels. ``since`` is
    how long ago a picture was found or uploaded at most. ``market`` is a language and a
    region, ``en-US``.
    """

    text: str = ""
    position: Position | None = None
    size: Literal["small", "medium", "large", "wallpaper"] | tuple[int, int] | None = None
    kind: Literal["photo", "clipart", "drawing", "animated", "transparent"] | None = None
    licence: Literal["any-cc", "public", "share", "share-commercially", "modify", "modify-commercially"] | None = None
    layout: Literal["square", "wide", "tall"] | None = None
    since: Literal["day", "week", "month", "year"] | None = None
    colour: Literal["colour", "grey"] | None = None
    people: Literal["face", "portrait"] | None = None
    safe: Literal["strict", "moderate", "off"] = "strict"
    market: str = "en-US"

    @property
    def words(self) -> str:
        """The text on one line, without control characters, cut to what services read."""
        return plain_text(self.text)[:MAX_QUERY].strip()


@dataclass(frozen=True)
class Hit:
    """One picture that a source named. Links are http or https, percent-encoded.

    ``title`` is untrusted text of at most 300 characters. ``thumb_url`` is
    ``image_url`` where the source gave none, ``page_url`` is empty then. Sizes are in
    pixels. ``key`` stays the same for the same picture at the same source. ``licence`` is
    "unknown" where the source does not know it for sure; ``licence_hint`` is what it
    guesses. ``position`` is latitude and longitude in degrees; ``author`` is plain text.
    """

    title: str
    image_url: str
    thumb_url: str
    page_url: str
    width: int | None
    height: int | None
    licence: str
    key: str
    author: str = ""
    licence_url: str = ""
    licence_hint: str = ""
    position: tuple[float, float] | None = None


@dataclass(frozen=True)
class Page:
    """One answer of a source.

    ``note`` is a sentence for visitors, ``reason`` a few words for the log. ``hits``
    may be there with ``changed`` too: what could still be read. ``retry_after`` is in
    seconds; ``body`` is there only for what was not understood; ``onward`` holds the parameters that
    ask for the next page, where there is one. A ``fleeting`` state may be gone when the
    same question is asked again.
    """

    state: State
    hits: list[Hit] = field(default_factory=list)
    note: str = ""
    reason: str = ""
    retry_after: float | None = None
    body: bytes = b""
    onward: Params | None = None
    fleeting: bool = False


class SourceError(UserError):
    """A source that cannot go on. ``code`` and ``state`` are the same word.

    ``retry_after`` is how many seconds to leave the source alone, where that is known;
    ``reason`` a few words for the log.
    """

    def __init__(self, source: str, page: Page) -> None:
        assert page.state in ("blocked", "unreachable", "changed", "misconfigured")
        super().__init__(page.state, page.note)
        self.source = source
        self.state: Trouble = page.state
        self.reason = page.reason
        self.retry_after = page.retry_after


class Source(Protocol):
    """A service that answers words, and some of them places, with pictures."""

    name: ClassVar[str]  # in settings and manifests
    label: ClassVar[str]  # for people
    filters: ClassVar[frozenset[str]]  # the fields of a query that narrow its answer

    def hits(self, query: Query) -> Iterator[Hit]:
        """Every picture that the service has for ``query``, each once, page by page as they are taken.

        It ends where there are no more, so no hit at all is "no results". Raises
        ``SourceError`` where the service does not answer, or not in a way that is
        understood; the hits given before it are good. Several threads may iterate at
        once; the requests wait for each other.
        """


class Door(Protocol):
    """What sources need of ``crawler.fetch.Fetcher``."""

    allow_private: frozenset[str]

    def page(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        within_host: str | None = None,
    ) -> Fetched:
        """See ``Fetcher.page``."""


def note(state: str, label: str) -> str:
    """The sentence for visitors about a source in ``state``; empty when all is well."""
    return NOTES.get(state, "").format(source=label)


def plain_text(text: str) -> str:
    """A stranger's text on one line, without control characters and overrides."""
    line = re.sub(r"\s+", " ", text.translate(_BIDI_CONTROLS))
    kept = "".join(c for c in line if unicodedata.category(c) not in _UNWANTED)
    return unicodedata.normalize("NFC", kept.strip())


def clean_title(text: str) -> str:
    """A title fit to show. Publishers often escape twice, so it is unescaped again."""
    start = text[: 10 * MAX_TITLE]  # entities shrink
    return plain_text(html.unescape(start))[:MAX_TITLE].rstrip()


def clean_link(url: object) -> str:
    """An http(s) link, normalised and without its fragment, or the empty string."""
    if not isinstance(url, str):
        return ""
    try:
        return parse(url.strip()).url
    except FetchError:
        return ""
