"""What every source of pictures answers: a page in one of seven states, and its hits."""

import html
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Literal, Protocol

from crawler.addresses import parse
from crawler.errors import FetchError

State = Literal[
    "ok",  # at least one hit
    "end",  # nothing new after earlier pages
    "none",  # understood, and nothing was found
    "blocked",  # consent page, captcha, 403, 429: leave the source alone for a while
    "unreachable",  # name, connection, certificate, time-out, 5xx
    "changed",  # an answer whose markup is not what we know
    "misconfigured",  # our own settings are wrong
]

MAX_TITLE = 300

_BIDI_CONTROLS = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_UNWANTED = {"Cc", "Cn", "Co", "Cs"}


@dataclass(frozen=True)
class Hit:
    """One picture that a source named. Links are http or https, percent-encoded.

    ``title`` is untrusted text of at most 300 characters. ``thumb_url`` is
    ``image_url`` where the source gave none, ``page_url`` is empty then. Sizes are in
    pixels. ``key`` stays the same for the same picture at the same source.
    """

    title: str
    image_url: str
    thumb_url: str
    page_url: str
    width: int | None
    height: int | None
    licence: str
    key: str


@dataclass(frozen=True)
class Page:
    """One answer of a source.

    ``note`` is a sentence for visitors, ``reason`` a few words for the log. ``hits``
    may be there with ``changed`` too: what could still be read. ``retry_after`` is in
    seconds; ``body`` is kept for ``changed`` only; ``next_first`` is the index that
    the next page begins with, where the source names one. A ``fleeting`` state may be
    gone when the same question is asked again at once.
    """

    state: State
    hits: list[Hit] = field(default_factory=list)
    note: str = ""
    reason: str = ""
    retry_after: float | None = None
    body: bytes = b""
    next_first: int | None = None
    fleeting: bool = False


class Source(Protocol):
    """A service that answers words with pictures."""

    name: str

    def search(self, query: str, count: int = 35) -> Page:
        """About ``count`` pictures. Whatever happens is a state, never an exception."""


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
