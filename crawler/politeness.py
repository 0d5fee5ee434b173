"""Manners towards the machines of others: pace, patience, robots.txt, opt-outs, takedowns.

    polite = Polite(fetcher, Manners(), DenyList(hosts=frozenset({"a.example"})))
    fetched = polite.picture(hit.image_url, page=hit.page_url)     # raises FetchError

Everything is kept in memory, for one run; several threads may share one ``Polite``.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from protego import Protego
from tenacity import RetryCallState, Retrying, retry_if_exception, retry_if_result, stop_after_attempt

from crawler.addresses import Target, parse
from crawler.errors import FetchError
from crawler.fetch import PRODUCT, Fetched, Fetcher

LONGEST_REST = 24 * 3600.0
BLOCKED_REST = 15 * 60.0
FAILING_REST = 10 * 60.0
FAILURES = 5  # in a row, until a host is left alone
ROBOTS_KEPT = 24 * 3600.0
ROBOTS_REST = 60.0  # where they cannot be had
ROBOTS_BYTES = 500 * 1024  # what RFC 9309 asks to read at least
ANY_NUMBER = 10_000
MAX_ORIGINS = 2_000  # remembered at a time

_SILENT = {"unreachable", "dns_failed", "tls_failed", "too_slow"}
PASSING = {"unreachable", "dns_failed"}  # a deadline is paid once
_PASSING_STATUSES = {408, 425, 429, 500, 502, 503, 504}
T = TypeVar("T")


@dataclass(frozen=True)
class Clock:
    """The time that manners go by; tests have their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


REAL_TIME = Clock()


@dataclass(frozen=True)
class Manners:
    """How much is asked of a host: times in seconds.

    Two pictures of one host are ``pause`` to twice that apart, ``at_once`` of them under
    way. What may pass is asked ``tries`` times, ``backoff`` apart, doubling, with jitter,
    or as far apart as Retry-After says if that is at most ``patience``. Without ``delays``
    only Retry-After is waited for, and any number is under way: that is for servers of one's own.
    Services that allow a number of requests a day have them counted below ``counts``, where that is given.
    """

    pause: float = 0.5
    at_once: int = 2
    tries: int = 3
    backoff: float = 2.0
    patience: float = 30.0
    delays: bool = True
    counts: Path | None = None
    clock: Clock = REAL_TIME

    def paused(self, pause: float) -> float:
        """``pause``, or nothing where there are no delays."""
        return pause if self.delays else 0.0

    def wait(self, attempt: int, retry_after: float | None) -> float:
        """How long to wait after the ``attempt``-th try, the first being 1."""
        backoff = self.paused(self.backoff) * 2.0 ** (attempt - 1)
        return max(retry_after or 0.0, backoff * random.uniform(0.5, 1.0))  # noqa: S311  (jitter)


USUAL = Manners()


@dataclass(frozen=True)
class DenyList:
    """What must not be fetched or kept, because somebody asked for it.

    ``hosts`` stand for the hosts under them too; ``pages`` are addresses of pages or
    pictures; ``hashes`` SHA-256 in hexadecimal, of a file as it came or as it was kept;
    ``looks`` 64-bit perceptual hashes, which also deny what differs in ``near`` bits.
    """

    hosts: frozenset[str] = frozenset()
    pages: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()
    looks: frozenset[int] = frozenset()
    near: int = 4

    def denies_url(self, url: str) -> bool:
        """Whether an address, by http or https, or its host, is on the list."""
        try:
            target = parse(url)
        except FetchError:
            return False  # nor can it be fetched
        labels = target.host.split(".")
        families = {".".join(labels[start:]) for start in range(len(labels))}
        return _without_scheme(target) in self._addresses or not families.isdisjoint(self._names)

    def denies_picture(self, sha256: str, look: int | None = None) -> bool:
        """Whether a picture is on the list by what is in it."""
        if sha256.lower() in self._digests:
            return True
        return look is not None and any((look ^ denied).bit_count() <= self.near for denied in self.looks)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(target.host for target in _parsed(f"http://{host}/" for host in self.hosts))

    @cached_property
    def _addresses(self) -> frozenset[str]:
        return frozenset(_without_scheme(target) for target in _parsed(self.pages))

    @cached_property
    def _digests(self) -> frozenset[str]:
        return frozenset(digest.strip().lower() for digest in self.hashes)


def _parsed(urls: Iterable[str]) -> Iterator[Target]:
    for url in urls:
        try:
            yield parse(url)
        except FetchError:
            continue  # nothing that it could stand for can be fetched


def _without_scheme(target: Target) -> str:
    return f"{target.authority}{target.path}"


class Turns:
    """Lets so many requests run at once, each beginning a pause after the one before."""

    def __init__(self, pause: float, at_once: int, clock: Clock) -> None:
        self.pause = pause
        self._clock = clock
        self._places = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self._next = clock.now()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn and hold it."""
        with self._places:
            if wait := self._reserved():
                self._clock.sleep(wait)
            yield

    def _reserved(self) -> float:
        with self._lock:
            now = self._clock.now()
            start = max(now, self._next)
            self._next = start + self.pause * random.uniform(1.0, 2.0)  # noqa: S311  (jitter)
            return start - now


class Rest:
    """Knows for how long a host wants to be left alone, and by which error it said so."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until = clock.now()
        self._error: Exception | None = None
        self._blocks = self._failures = 0

    def left(self) -> float:
        """Seconds until the host may be asked again."""
        return max(self._until - self._clock.now(), 0.0)

    def check(self, patience: float) -> None:
        """Wait out a short rest; raise the error that began a longer one."""
        left = self.left()
        if left > patience and self._error is not None:
            raise self._error.with_traceback(None)  # or it would grow with each raise
        if left:
            self._clock.sleep(left)

    def after_success(self) -> None:
        """The host answered."""
        with self._lock:
            self._blocks = self._failures = 0

    def after_block(self, error: Exception, retry_after: float | None) -> None:
        """The host refused: as long as it says, else 15 minutes, doubling to a day."""
        with self._lock:
            seconds = BLOCKED_REST * 2.0**self._blocks if retry_after is None else retry_after
            self._blocks = min(self._blocks + 1, 10)
            self._begin(error, seconds)

    def after_failure(self, error: Exception) -> None:
        """The host did not answer; the fifth time in a row it is left alone for a while."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES:
                self._failures = 0
                self._begin(error, FAILING_REST)

    def _begin(self, error: Exception, seconds: float) -> None:
        self._error = error
        self._until = self._clock.now() + min(seconds, LONGEST_REST)


def patiently(ask: Callable[[], T], manners: Manners, passing: Callable[[T], float | None]) -> T:
    """What ``ask`` gives, asked again while ``passing`` says that it may get better.

    ``passing`` gives the least seconds to wait, 0 if any will do, None for an answer to keep. A
    ``FetchError`` that may pass is retried as well. The last try's answer or error stands.
    """

    def wait(state: RetryCallState) -> float:
        assert state.outcome is not None
        error = state.outcome.exception()
        least = error.retry_after if isinstance(error, FetchError) else passing(state.outcome.result())
        return manners.wait(state.attempt_number, least)

    retrying = Retrying(
        stop=stop_after_attempt(manners.tries),
        wait=wait,
        sleep=manners.clock.sleep,
        retry=retry_if_exception(lambda error: _may_pass(error, manners.patience))
        | retry_if_result(lambda answer: passing(answer) is not None),
        retry_error_callback=_last,
    )
    return retrying(ask)


def _last(state: RetryCallState) -> Any:
    assert state.outcome is not None
    return state.outcome.result()  # or raises what the last try raised


def _may_pass(error: BaseException, patience: float) -> bool:
    if not isinstance(error, FetchError):
        return False
    passing = error.code in PASSING or error.status in _PASSING_STATUSES
    return passing and (error.retry_after or 0.0) <= patience


def user_agent(contact: str) -> str:
    """A name to collect under. ``contact`` is where its operator can be reached."""
    about = f" ({contact})" if contact else ""
    return f"{PRODUCT}/1.0{about}"


@dataclass
class _Origin:
    """What is remembered of one scheme, host and port."""

    turns: Turns
    rest: Rest
    lock: threading.Lock = field(default_factory=threading.Lock)
    rules: Protego | None = None
    rules_until: float = float("-inf")


class Polite:
    """Fetches pictures for a collection, as their owners would have it."""

    def __init__(self, fetcher: Fetcher, manners: Manners = USUAL, denied: DenyList | None = None) -> None:
        self.denied = denied or DenyList()
        self._fetcher = fetcher
        self._manners = manners
        self._origins: OrderedDict[str, _Origin] = OrderedDict()
        self._lock = threading.Lock()

    def picture(self, url: str, page: str = "") -> Fetched:
        """The bytes of a picture that ``page`` shows, undecoded.

        ``FetchError`` ``opted_out`` is for robots.txt, the owner's headers and the deny-list. A
        body that broke off after the last try is given as it is, not ``complete``.
        """
        if page and self.denied.denies_url(page):
            raise FetchError("opted_out")
        target = parse(url)
        self._origin(target).rest.check(self._manners.patience)
        self._judge(target)
        fetched = patiently(lambda: self._fetch(target), self._manners, _broke_off)
        if self.denied.denies_picture(hashlib.sha256(fetched.body).hexdigest()):
            raise FetchError("opted_out")
        return fetched

    def _fetch(self, target: Target) -> Fetched:
        origin = self._origin(target)
        with origin.turns.taken(), _watched(origin.rest):
            return self._fetcher.picture(target.url, collecting=True, judge=self._judge)

    def _judge(self, target: Target) -> None:
        """Raises ``opted_out`` for what its owner does not want collected; called for each hop."""
        if self.denied.denies_url(target.url):
            raise FetchError("opted_out")
        if not self._rules(target).can_fetch(target.url, PRODUCT):
            raise FetchError("opted_out")

    def _rules(self, target: Target) -> Protego:
        """The host's robots.txt, asked once a day."""
        origin = self._origin(target)
        with origin.lock:
            now = self._manners.clock.now()
            if origin.rules is None or now > origin.rules_until:
                origin.rules = self._read_rules(target, origin.rest)
                origin.rules_until = now + ROBOTS_KEPT
                delay = min(origin.rules.crawl_delay(PRODUCT) or 0.0, self._manners.patience)
                origin.turns.pause = max(origin.turns.pause, self._manners.paused(delay))
            return origin.rules

    def _read_rules(self, target: Target, rest: Rest) -> Protego:
        """Raises ``FetchError`` where there may be rules that cannot be had (RFC 9309, 2.3.1)."""

        def ask() -> Fetched:
            with _watched(rest):
                return self._fetcher.page(f"{target.scheme}://{target.authority}/robots.txt")

        try:
            answer = patiently(ask, self._manners, lambda _: None)
        except FetchError as error:
            failing = error.status is not None and (error.status >= 500 or error.status == 429)
            if failing or error.code in _SILENT:
                rest.after_block(error, error.retry_after or ROBOTS_REST)
                raise
            return Protego.parse("")
        return Protego.parse(answer.body[:ROBOTS_BYTES].decode("utf-8-sig", "replace"))

    def _origin(self, target: Target) -> _Origin:
        name = f"{target.scheme}://{target.authority}"
        manners = self._manners
        with self._lock:
            if name not in self._origins:
                at_once = manners.at_once if manners.delays else ANY_NUMBER
                turns = Turns(manners.paused(manners.pause), at_once, manners.clock)
                self._origins[name] = _Origin(turns, Rest(manners.clock))
            self._origins.move_to_end(name)
            if len(self._origins) > MAX_ORIGINS:
                self._origins.popitem(last=False)
            return self._origins[name]


@contextmanager
def _watched(rest: Rest) -> Iterator[None]:
    """Learn from how a fetch ends when the host wants to be left alone."""
    try:
        yield
    except FetchError as error:
        if error.retry_after is not None:
            rest.after_block(error, error.retry_after)
        elif error.code in _SILENT:
            rest.after_failure(error)
        else:
            rest.after_success()
        raise
    rest.after_success()


def _broke_off(fetched: Fetched) -> float | None:
    return None if fetched.complete else 0.0
