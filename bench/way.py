"""The way of a photo of 12 megapixels from POST to JSON: where every millisecond goes, and how many pass through."""

import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import peers, running
from bench.contenders import Contender
from bench.uploads import LARGE, SMALL, photo
from tests.site import ROOT, Site

CLIENTS = 8
DECODED, COMPUTED = "decoded", "computed"


@dataclass(frozen=True)
class Rates:
    """Photos a second: one process of decoding and engines, and the whole site."""

    bare: float
    site: float

    @property
    def ratio(self) -> float:
        return self.site / self.bare


@contextmanager
def bare(site: Site) -> Iterator[tuple[Contender, Path]]:
    """Run one process with the engines that the site has chosen; yield it and the folder of its photos."""
    with tempfile.TemporaryDirectory(prefix="bare-") as temporary:
        folder = Path(temporary)
        running.write(folder / "warm.jpg", photo(0))
        command = [sys.executable, "-m", "bench.bare", str(site.var_dir / "engine")]
        settings = peers.environment() | {"PYTHONPATH": str(ROOT)}
        with Contender("bare", command, folder, settings) as process:
            yield process, folder


def steps(site: Site, data: bytes) -> dict[str, float]:
    """Send a photo and return the milliseconds of each step on its way."""
    began = time.time()
    answer = site.post(data)
    ended = time.time()
    search = answer.json()
    assert answer.status_code == 201, search
    received, begun, finished, own = running.timestamps(site, search["id"])
    decoded, computed = own["decode"], own["recognise"]
    return {
        "sent and checked": (received - began) * 1000,
        "waits for the worker": (begun - received) * 1000,
        DECODED: decoded,
        COMPUTED: computed,
        "kept and written": (finished - begun) * 1000 - decoded - computed,
        "answered": (ended - finished) * 1000,
    }


def compare(site: Site, rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the median milliseconds of the steps of bare work and of the whole way, from interleaved rounds."""
    alone: list[dict[str, float]] = []
    whole: list[dict[str, float]] = []
    with bare(site) as (process, folder):
        for turn in range(-2, rounds):
            data = photo(100_000 + turn)
            decoded, computed = map(float, process.ask(running.write(folder / "now.jpg", data).name))
            alone.append({DECODED: decoded, COMPUTED: computed})
            whole.append(steps(site, data))
    return running.medians(alone[2:]), running.medians(whole[2:])


def rates(site: Site, rounds: int, burst: int, size: tuple[int, int]) -> Rates:
    """Return how many photos a second pass through one bare process and through the site, from interleaved rounds."""
    alone, whole = [], []
    with bare(site) as (process, folder):
        for turn in range(rounds):
            photos = [photo(200_000 + turn * burst + number, size) for number in range(burst)]
            files = [running.write(folder / f"{number}.jpg", data).name for number, data in enumerate(photos)]
            began = time.perf_counter()
            for name in files:
                process.ask(name)
            alone.append(burst / (time.perf_counter() - began))
            whole.append(a_second(site, photos))
    return Rates(sum(alone) / rounds, sum(whole) / rounds)


def a_second(site: Site, photos: list[bytes]) -> float:
    """Return how many photos a second the site answers to several clients."""
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda data: answered(site, data), photos))
    assert all(answers)
    return len(photos) / (time.perf_counter() - began)


def answered(site: Site, data: bytes) -> bool:
    """Send a photo and wait for its answer, however long it takes; return whether there is one."""
    response = site.post(data)
    search = response.json()
    while response.ok and search["state"] not in ("done", "failed"):
        time.sleep(0.3)
        response = site.get(search["url"])
        search = response.json()
    return bool(response.ok) and search["state"] == "done"


SIZES = {"12 megapixels": LARGE, "640 x 480": SMALL}
