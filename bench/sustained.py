"""Many searches from many clients: errors, latencies, and memory while it lasts."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import requests

from bench import running
from bench.uploads import SMALL, photo
from bench.way import answered
from tests.site import Site

SETTLED = 0.2  # of the run: memory that is taken by then is not growth


@dataclass(frozen=True)
class Sustained:
    """What a run of searches showed: seconds of each, errors in words, megabytes by process over seconds."""

    seconds: list[float]
    errors: list[str]
    memory: Mapping[str, list[tuple[float, float]]]
    lasted: float

    def quantile(self, part: float) -> float:
        """Return milliseconds."""
        return float(np.quantile(self.seconds, part)) * 1000

    @property
    def growth(self) -> dict[str, float]:
        """Megabytes that each kind of process holds more in the last tenth than when it had settled."""
        grown = {}
        for kind, notes in self.memory.items():
            values = [value for _, value in notes]
            settled, tenth = int(len(values) * SETTLED), max(1, len(values) // 10)
            grown[kind] = float(np.median(values[-tenth:]) - np.median(values[settled : settled + tenth]))
        return grown


def measure(site: Site, searches: int, clients: int) -> Sustained:
    """Let ``clients`` send ``searches`` photos, each as soon as its last one is answered."""
    seconds: list[float] = []
    errors: list[str] = []
    lock = threading.Lock()

    def search(number: int) -> None:
        data = photo(400_000 + number, SMALL)
        began = time.perf_counter()
        try:
            problem = "" if answered(site, data) else "not answered"
        except (requests.RequestException, ValueError) as error:
            problem = repr(error)
        with lock:
            seconds.append(time.perf_counter() - began)
            errors.extend([problem] if problem else [])

    began = time.monotonic()
    with running.watched(site) as memory, ThreadPoolExecutor(clients) as pool:
        list(pool.map(search, range(searches)))
    return Sustained(seconds, errors, memory, time.monotonic() - began)
