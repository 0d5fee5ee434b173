"""Collecting: so many pictures of each class from several sources, fetched politely, cleaned, kept once.

    sources -> hits in turns -> fetch -> clean -> copies? -> a numbered file and a row in the manifest

A run may be stopped or killed at any time; the same call goes on where it was.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from crawler.clean import Dropped, Kept, Verdict
from crawler.fetch import Limits
from crawler.ledger import Ledger, Shelf, equalise, sha256_of
from crawler.near import difference_hash
from crawler.offers import Finder, Offer, Offers
from crawler.report import write_report
from crawler.sources.base import Hit, Query
from errors import UserError

# There are other pictures: one that trickles is not worth a thread for the whole of its time.
LIMITS = Limits(slowest=16 * 1024)
_OPEN = 4  # classes that are looked up at the same time
_TICK_S = 0.1
_REPORTED_EVERY_S = 0.5
# A source that names nothing but what is no use would otherwise go on for thousands of pictures.
_HITS_PER_PICTURE = 10


@dataclass(frozen=True)
class Wanted:
    """One class: the folder its pictures go to, its name for people, and what is looked for."""

    folder: str
    name: str
    query: Query


@dataclass(frozen=True)
class Plan:
    """How many pictures a class, how many downloads at once; ``equal`` leaves equal numbers in all classes."""

    per_class: int = 200
    threads: int = 32
    equal: bool = False


@dataclass(frozen=True)
class Tools:
    """What a run works with.

    ``fetch`` gives a hit's bytes or raises a UserError; ``clean`` judges them; ``denies`` says of a
    SHA-256 and a look (``crawler.near``) whether a takedown forbids them.
    """

    fetch: Callable[[Hit], bytes]
    clean: Callable[[bytes], Verdict]
    denies: Callable[[str, int | None], bool]


@dataclass(frozen=True)
class Progress:
    """Where a run stands. ``rate`` is kept pictures a second in this run; ``left_s`` is None while unknown."""

    name: str
    kept: int
    wanted: int
    dropped: int
    seconds: float
    rate: float
    left_s: float | None


def no_news(progress: Progress) -> None:
    """Take no notice of progress."""


def never() -> bool:
    """Say that a run is not to stop."""
    return False


@dataclass(frozen=True)
class Result:
    """What became of one class. ``offered`` are the hits of this run, by source."""

    wanted: Wanted
    asked: int
    kept: int
    offered: Mapping[str, int]
    reasons: Mapping[str, int]
    troubles: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """What was asked, what came of it and, if that is less, why."""
        said = f"{self.wanted.name}: asked for {self.asked}, got {self.kept}."
        if self.kept >= self.asked:
            return said
        offered = ", ".join(f"{name} {count}" for name, count in self.offered.items()) or "nothing"
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(self.reasons.items())) or "nothing"
        troubles = "".join(f" {trouble}" for trouble in self.troubles.values())
        return f"{said} The sources offered: {offered}. Dropped: {reasons}.{troubles}"


@dataclass(frozen=True)
class Outcome:
    """What became of a run; ``equal`` is the number that was left in every class, if that was asked."""

    results: list[Result]
    stopped: bool
    equal: int | None = None


@dataclass
class _Class:
    """A class while it is being collected."""

    wanted: Wanted
    shelf: Shelf
    most: int
    offers: Offers | None = None
    under_way: int = 0
    ended: bool = False

    def needs(self, per_class: int) -> bool:
        """Whether one more download should begin."""
        return not self.ended and len(self.shelf.files) + self.under_way < per_class


def collect(
    folder: Path,
    wanted: Sequence[Wanted],
    sources: Mapping[str, Finder],
    tools: Tools,
    plan: Plan,
    on_progress: Callable[[Progress], None] = no_news,
    should_stop: Callable[[], bool] = never,
) -> Outcome:
    """Fill ``folder`` with a folder a class of numbered JPEGs, a manifest and a report.

    Raises UserError when another run is at work there. What a run lacks that ended is in its
    ``Outcome``; each of its results has the reason.
    """
    names = [each.folder for each in wanted]
    if len(set(names)) != len(names) or not all(_is_plain(name) for name in names):
        raise UserError("bad_folders", "Every class needs a folder name of its own, without slashes or leading dots.")
    ledger = Ledger(folder, names, lambda data: _sketch(tools.clean(data)))
    try:
        run = _Run(wanted, sources, tools, plan, ledger)
        stopped = run.go(on_progress, should_stop)
        equal = equalise(folder, run.shelves) if plan.equal and not stopped else None
        outcome = Outcome(run.results(), stopped, equal)
        write_report(folder, [(each.wanted.folder, each.wanted.name, each.sentence) for each in outcome.results])
        return outcome
    finally:
        ledger.close()


class _Run:
    def __init__(
        self, wanted: Sequence[Wanted], sources: Mapping[str, Finder], tools: Tools, plan: Plan, ledger: Ledger
    ) -> None:
        self._sources, self._tools, self._plan, self._ledger = sources, tools, plan, ledger
        most = plan.per_class * _HITS_PER_PICTURE
        self._classes = [_Class(each, ledger.shelves[each.folder], most) for each in wanted]
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._stopping = False
        self._error: BaseException | None = None
        self._began = time.monotonic()
        self._kept_before = self._kept()

    def go(self, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool]) -> bool:
        """Collect until every class has what it needs, or no more is offered. True: it was stopped."""
        pool = ThreadPoolExecutor(self._plan.threads, "collect")
        reported = 0.0
        try:
            while not (self._stopping or should_stop()):
                if not self._begin(pool):
                    if self._is_over():
                        break
                    with self._changed:
                        self._changed.wait(_TICK_S)
                if time.monotonic() - reported >= _REPORTED_EVERY_S:
                    on_progress(self._progress())
                    reported = time.monotonic()
            else:
                self._stopping = True
        finally:
            self._close()
            pool.shutdown(cancel_futures=True)
        if self._error is not None:
            raise self._error
        on_progress(self._progress())
        return self._stopping

    @property
    def shelves(self) -> list[Shelf]:
        """What each class has."""
        return [each.shelf for each in self._classes]

    def results(self) -> list[Result]:
        """Return what became of each class."""
        return [
            Result(
                each.wanted,
                self._plan.per_class,
                len(each.shelf.files),
                dict(each.offers.given) if each.offers else {},
                dict(each.shelf.reasons),
                each.offers.troubles if each.offers else {},
            )
            for each in self._classes
        ]

    def _begin(self, pool: ThreadPoolExecutor) -> bool:
        """Begin one download of the first class that needs one; False where there is nothing to begin now."""
        # As many again wait as are being fetched, so that no thread is idle.
        if sum(each.under_way for each in self._classes) >= 2 * self._plan.threads:
            return False
        for each in self._open():
            assert each.offers is not None
            offer = each.offers.next()
            each.ended = each.offers.ended or each.offers.given.total() > each.most
            if offer is None:
                continue
            with self._lock:
                if self._ledger.seen(offer.hit.image_url):
                    return True
                each.under_way += 1
            pool.submit(self._take, each, offer)
            return True
        return False

    def _is_over(self) -> bool:
        with self._lock:
            return not any(each.under_way or each.needs(self._plan.per_class) for each in self._classes)

    def _open(self) -> Iterator[_Class]:
        """Yield the first classes that need more, looked up."""
        needy = (each for each in self._classes if each.needs(self._plan.per_class))
        for each, _ in zip(needy, range(_OPEN), strict=False):
            each.offers = each.offers or Offers(each.wanted.query, self._sources)
            yield each

    def _take(self, each: _Class, offer: Offer) -> None:
        """Fetch and clean one picture, and note what became of it; our own errors end the run."""
        try:
            if not self._stopping:
                self._fetch_and_keep(each.wanted.folder, offer)
        except BaseException as error:  # noqa: BLE001  (raised again where the run ends)
            self._error, self._stopping = error, True
        finally:
            with self._changed:
                each.under_way -= 1
                self._changed.notify()

    def _fetch_and_keep(self, folder: str, offer: Offer) -> None:
        sha256 = ""
        try:
            data = self._tools.fetch(offer.hit)
            sha256 = sha256_of(data)
            with self._lock:
                if self._ledger.is_copy(folder, offer, sha256):
                    return
            verdict = self._judge(data, sha256)
        except UserError as error:
            verdict = Dropped(error.code, error.message)
        with self._lock:
            if isinstance(verdict, Kept):
                self._ledger.keep(folder, offer, sha256, verdict)
            else:
                self._ledger.drop(folder, offer, verdict, sha256)

    def _judge(self, data: bytes, sha256: str) -> Verdict:
        verdict = self._tools.clean(data)
        look = difference_hash(verdict.sketch) if isinstance(verdict, Kept) else None
        if self._tools.denies(sha256, look):
            return Dropped("denied", "It is on the list of what must not be collected.")
        return verdict

    def _kept(self) -> int:
        return sum(len(each.shelf.files) for each in self._classes)

    def _progress(self) -> Progress:
        with self._lock:
            kept, wanted = self._kept(), self._plan.per_class * len(self._classes)
            dropped = sum(each.shelf.reasons.total() for each in self._classes)
            name = next((each.wanted.name for each in self._classes if each.needs(self._plan.per_class)), "")
        seconds = time.monotonic() - self._began
        rate = (kept - self._kept_before) / seconds if seconds > 0 else 0.0
        return Progress(name, kept, wanted, dropped, seconds, rate, (wanted - kept) / rate if rate > 0 else None)

    def _close(self) -> None:
        for each in self._classes:
            if each.offers is not None:
                each.offers.close()


def _is_plain(name: str) -> bool:
    return bool(name) and not name.startswith(".") and not {"/", "\\", "\0"} & set(name)


def _sketch(verdict: Verdict) -> bytes | None:
    return verdict.sketch if isinstance(verdict, Kept) else None
