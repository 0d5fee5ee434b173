"""What all sources do alike: ask in turn, with patience, page by page, until there is no more."""

from __future__ import annotations

import gzip
import hashlib
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from crawler.addresses import check_url, parse
from crawler.budget import Budget
from crawler.errors import FetchError
from crawler.fetch import Fetched
from crawler.politeness import PASSING, USUAL, Manners, Rest, Turns, patiently
from crawler.sources import fields
from crawler.sources.base import Door, Hit, Page, Params, Query, SourceError, State, note

log = logging.getLogger(__name__)

PAGES_KEPT = 5
_TROUBLES = ("blocked", "unreachable", "changed", "misconfigured")
_UNREACHED = {"dns_failed", "tls_failed", "unreachable", "too_slow", "bad_headers"}


class Service(ABC):
    """A source, but for what its address and its answers look like.

    ``pause`` is the least number of seconds between two requests, ``pages`` how many are asked for
    one query at most, ``daily`` how many requests a day are made where the manners count them.
    ``kept`` is a folder for answers that were not understood.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    home: ClassVar[str]
    path: ClassVar[str]
    filters: ClassVar[frozenset[str]]
    pause: ClassVar[float] = 1.0
    pages: ClassVar[int] = 10
    daily: ClassVar[int | None] = None

    def __init__(
        self, fetcher: Door, base_url: str = "", *, manners: Manners = USUAL, kept: Path | None = None
    ) -> None:
        self._fetcher = fetcher
        self._url = f"{(base_url or self.home).rstrip('/')}{self.path}"
        self._manners = manners
        self._kept = kept
        self._turns = Turns(manners.paused(self.pause), 1, manners.clock)
        self._rest = Rest(manners.clock)
        self._budget = Budget(manners.counts, self.name, self.daily) if manners.counts and self.daily else None

    def hits(self, query: Query) -> Iterator[Hit]:
        """See ``Source.hits``."""
        known: set[str] = set()
        onward: Params = {}
        thin_before = False
        for _ in range(self.pages):
            page = self._patient(query, onward)
            fresh = _fresh(page.hits, known)
            log.info("%s: %s, %d hits, %d new %s", self.name, page.state, len(page.hits), len(fresh), page.reason)
            yield from fresh
            if page.state in _TROUBLES:
                raise SourceError(self.name, page)
            # Past the end some services repeat their last page for ever.
            thin = len(fresh) * 10 < len(page.hits)
            if not page.onward or (page.hits and not fresh) or (thin and thin_before):
                return
            onward, thin_before = page.onward, thin

    def page(self, query: Query, onward: Params) -> Page:
        """One page of the answer; ``onward`` is empty for the first. Whatever happens is a state."""
        if not query.words and not (query.position and "position" in self.filters):
            return self.trouble("none", "no words")
        try:
            check_url(self._url, self._fetcher.allow_private)
        except FetchError as error:
            return self.trouble("misconfigured", f"base address: {error.code}")
        if self._budget and (rest := self._budget.spend()) is not None:
            return self.trouble("blocked", f"the {self.daily} requests of today are spent", rest)
        try:
            asked = self.params(query, onward)
            answer = self._fetcher.page(self._url, asked, self.headers(query), within_host=self.family())
        except FetchError as error:
            return self._failed(error, onward)
        return self.judged(answer, query, onward)

    @abstractmethod
    def params(self, query: Query, onward: Params) -> Params:
        """The question as the service has it."""

    @abstractmethod
    def headers(self, query: Query) -> Params:
        """The headers that go with it."""

    @abstractmethod
    def judged(self, answer: Fetched, query: Query, onward: Params) -> Page:
        """What an answer with status 200 says."""

    def refused(self, status: int, retry_after: float | None, onward: Params) -> Page:
        """What an answer with another status says."""
        reason = f"status {status}"
        if status >= 500:
            return self.trouble("unreachable", reason, retry_after, fleeting=retry_after is None)
        if status in (400, 401):
            return self.trouble("misconfigured", reason)
        if status in (404, 405, 410):
            return self.trouble("changed", reason)
        # 202, 403, 429, and redirects to consent pages and log-ins elsewhere.
        return self.trouble("blocked", reason, retry_after)

    def family(self) -> str:
        """The host that redirects must stay in."""
        return parse(self._url).host

    def trouble(
        self,
        state: State,
        reason: str,
        retry_after: float | None = None,
        *,
        fleeting: bool = False,
        hits: list[Hit] | None = None,
        body: bytes = b"",
    ) -> Page:
        """A page with its note."""
        return Page(state, hits or [], note(state, self.label), reason, retry_after, body, fleeting=fleeting)

    def _failed(self, error: FetchError, onward: Params) -> Page:
        """The state of an answer that was none: transport first, then its status."""
        if error.code == "http_status":
            return self.refused(error.status or 0, error.retry_after, onward)
        if error.code in _UNREACHED:
            return self.trouble("unreachable", error.code)
        if error.code in ("too_large", "bad_encoding"):
            return self.trouble("changed", error.code)
        return self.trouble("blocked", error.code)  # a redirect to where we do not go

    def _patient(self, query: Query, onward: Params) -> Page:
        self._rest.check(self._manners.patience)
        page = patiently(lambda: self._in_turn(query, onward), self._manners, self._passing)
        self._learn(page)
        return page

    def _in_turn(self, query: Query, onward: Params) -> Page:
        with self._turns.taken():
            return self.page(query, onward)

    def _passing(self, page: Page) -> float | None:
        """How long to wait at least before asking again, None for an answer to keep."""
        if page.retry_after is not None:
            return page.retry_after if page.retry_after <= self._manners.patience else None
        return 0.0 if page.fleeting or page.reason in PASSING else None

    def _learn(self, page: Page) -> None:
        if page.state == "blocked":
            self._rest.after_block(SourceError(self.name, page), page.retry_after)
        elif page.state == "unreachable":
            self._rest.after_failure(SourceError(self.name, page))
        else:
            self._rest.after_success()
        if page.body and self._kept is not None:
            keep(self._kept, self.name, page.body)


def keep(folder: Path, name: str, body: bytes) -> None:
    """Keep an answer that was not understood, the newest five, for whoever mends the parser."""
    kind = "json" if body.lstrip().startswith((b"{", b"[")) else "html"
    digest = hashlib.sha256(body).hexdigest()[:12]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}-{time.time_ns():020d}-{digest}.{kind}.gz").write_bytes(gzip.compress(body))
        for old in sorted(folder.glob(f"{name}-*"))[:-PAGES_KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        log.exception("an answer of %s could not be kept for diagnosis", name)


def _fresh(hits: list[Hit], known: set[str]) -> list[Hit]:
    """The hits not seen before, by key or by address, which are ``known`` from now on."""
    fresh = []
    for hit in hits:
        names = {hit.key, hit.image_url}
        if known.isdisjoint(names):
            fresh.append(hit)
        known |= names
    return fresh


class JsonService(Service):
    """A source whose answers are JSON objects."""

    def judged(self, answer: Fetched, query: Query, onward: Params) -> Page:
        """What the object says; another kind of body is an interposed page."""
        found = fields.document(answer.body)
        if found is not None:
            return self.read(found, answer.body, query, onward)
        if not answer.complete:
            return self.trouble("unreachable", "answer broke off", fleeting=True)
        state: State = "blocked" if answer.body.lstrip().startswith(b"<") else "changed"
        return self.trouble(state, f"no JSON from {urlsplit(answer.url).hostname}", body=answer.body)

    @abstractmethod
    def read(self, found: dict[str, object], body: bytes, query: Query, onward: Params) -> Page:
        """What a JSON object says."""


class NamingService(JsonService):
    """A JSON source that wants to know who asks: ``agent`` names the program and a contact."""

    def __init__(
        self,
        fetcher: Door,
        base_url: str = "",
        agent: str = "",
        *,
        manners: Manners = USUAL,
        kept: Path | None = None,
    ) -> None:
        super().__init__(fetcher, base_url, manners=manners, kept=kept)
        self._agent = agent

    def headers(self, query: Query) -> Params:
        """See ``Service.headers``."""
        return {"User-Agent": self._agent, "Accept": "application/json"}
