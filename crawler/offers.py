"""Several sources as one: their hits in turns, each source looked up ahead in a thread of its own."""

import contextlib
import queue
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from crawler.sources.base import Hit, Query, SourceError

# So few wait here that a page is asked for only when the one before is nearly used up.
_AHEAD = 8
# For the source whose turn it is; then it is the next one's, so a slow one holds nobody up.
_PATIENCE_S = 0.05


class Finder(Protocol):
    """What is needed of a ``crawler.sources.base.Source``."""

    def hits(self, query: Query) -> Iterator[Hit]:
        """See ``Source.hits``."""


class Offer(NamedTuple):
    """A hit and the name of the source that gave it."""

    source: str
    hit: Hit


class Offers:
    """What the sources have for one query. ``given`` counts what was taken, ``troubles`` says who failed and how."""

    def __init__(self, query: Query, sources: Mapping[str, Finder]) -> None:
        self.given: Counter[str] = Counter(dict.fromkeys(sources, 0))
        self.troubles: dict[str, str] = {}
        self._ahead = {name: _Ahead(name, query, source) for name, source in sources.items()}
        self._turns = list(sources)

    def next(self) -> Offer | None:
        """Return the next hit; None where there is none at the moment (see ``ended``)."""
        for name in list(self._turns):
            self._turns.append(self._turns.pop(0))
            ahead = self._ahead[name]
            hit = ahead.next()
            if hit is not None:
                self.given[name] += 1
                return Offer(name, hit)
            if ahead.ended:
                self._turns.remove(name)
                if ahead.trouble:
                    self.troubles[name] = ahead.trouble
        return None

    @property
    def ended(self) -> bool:
        """Whether no source has more."""
        return not self._turns

    def close(self) -> None:
        """Ask no source for more."""
        for ahead in self._ahead.values():
            ahead.close()


class _Ahead:
    """One source's hits, fetched by a thread a little ahead of their use."""

    def __init__(self, name: str, query: Query, source: Finder) -> None:
        self.ended = False
        self.trouble = ""
        self._error: BaseException | None = None
        self._closing = threading.Event()
        self._hits: queue.Queue[Hit | None] = queue.Queue(_AHEAD)
        # A daemon, because a source may be waiting for minutes when the run is stopped.
        threading.Thread(target=self._fill, args=(query, source), daemon=True, name=name).start()

    def next(self) -> Hit | None:
        """Return a hit, or None: no more, or not now. Raises what the source raised, if we are at fault."""
        try:
            hit = None if self.ended else self._hits.get(timeout=_PATIENCE_S)
        except queue.Empty:
            return None
        self.ended = hit is None
        if self._error is not None and self.ended:
            raise self._error
        return hit

    def close(self) -> None:
        """Have the thread end with the hit that it is at."""
        self._closing.set()
        with contextlib.suppress(queue.Empty):
            while True:
                self._hits.get_nowait()

    def _fill(self, query: Query, source: Finder) -> None:
        try:
            for hit in source.hits(query):
                self._hits.put(hit)
                if self._closing.is_set():
                    return
        except SourceError as error:
            self.trouble = error.message
        except BaseException as error:  # noqa: BLE001  (handed on to who takes the hits)
            self._error = error
        self._hits.put(None)
