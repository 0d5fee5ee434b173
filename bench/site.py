"""The running site: what each request takes, where the milliseconds of a photo go, how much it bears.

python -m bench site
"""

import io
import socket
import statistics
import struct
import tempfile
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from bench import plots, running, sustained, way
from bench.running import milliseconds
from bench.summary import line, page, row, table
from bench.sustained import Sustained
from bench.uploads import LARGE, SMALL, photo
from bench.way import Rates
from ml.golden import golden_picture
from tests.site import Site, start_site, until

CLIENTS = 16
GIVE_UP_S = 120
RANKED = "a known place's answer: 35 pictures of the web found and ranked from memory"
NOISE_MB = 10  # of memory, which comes and goes


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int
    burst: int
    searches: int


FULL = Size(rounds=15, burst=40, searches=2000)
QUICK = Size(rounds=2, burst=4, searches=20)


@dataclass(frozen=True)
class Worker:
    """The search worker: seconds from its start to its first answer, megabytes, and whether it maps torch."""

    seconds: float
    processes: int
    master: float
    child: float
    proportional: float
    torch: bool


@dataclass(frozen=True)
class Measured:
    """Everything that was measured of one site."""

    second: float  # seconds of the second start
    latencies: dict[str, float]
    bare: dict[str, float]
    way: dict[str, float]
    worker: Worker
    rates: dict[str, Rates]
    sustained: Sustained
    memory: dict[str, float]


def measure(out: Path, quick: bool = False) -> list[str]:
    """Write site.md and its plots to ``out``; return the rows of the summary."""
    size = QUICK if quick else FULL
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with start_site(Path(folder)):
            pass  # the first start makes the database and chooses the engines
        began = time.perf_counter()
        with start_site(Path(folder)) as site:
            second = time.perf_counter() - began
            latencies = of_requests(site, size.rounds)
            bare, whole = way.compare(site, size.rounds)
            worker = of_worker(site)
            rates = {name: way.rates(site, 3, size.burst, pixels) for name, pixels in way.SIZES.items()}
            lasting = sustained.measure(site, size.searches, CLIENTS)
            memory = {kind: running.resident(found) for kind, found in running.processes(site).items()}
    found = Measured(second, latencies, bare, whole, worker, rates, lasting, memory)
    plots.stacked(out / "site-way.svg", "A photo of 12 megapixels: milliseconds", {"bare": bare, "the site": whole})
    series = {kind: ([at for at, _ in notes], [mb for _, mb in notes]) for kind, notes in lasting.memory.items()}
    plots.over_time(out / "site-memory.svg", f"{size.searches} searches from {CLIENTS} clients: megabytes", series)
    page(out / "site.md", "The running site", list(text(found, size)), quick)
    return summary_of(found)


def bomb() -> bytes:
    """Return a PNG of a few kilobytes that says it is 30,000 pixels square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


def announce(site: Site) -> None:
    """Announce a body of a gigabyte and wait for the refusal."""
    host = urlsplit(site.url)
    with socket.create_connection((host.hostname, host.port)) as raw:
        raw.sendall(
            b"POST /api/v1/searches/ HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 999999999\r\n\r\n"
        )
        assert raw.recv(64).startswith(b"HTTP/1.1 413")


def of_known_place(site: Site) -> str:
    """Return the address of an answer all of whose similar pictures are embedded."""
    out = io.BytesIO()
    golden_picture().save(out, "JPEG", quality=92)
    search = site.ended(site.post(out.getvalue()).json())

    def ranked() -> bool:
        results = site.get(search["url"]).json()["similar"]["results"]
        return bool(results) and all(result["score"] is not None for result in results)

    until(ranked, GIVE_UP_S, "the embedding of similar pictures")
    return str(search["url"])


def of_requests(site: Site, rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each kind of request."""
    taken: dict[str, list[float]] = defaultdict(list)
    refused, known = bomb(), of_known_place(site)
    for turn in range(-1, rounds):
        small, large = photo(5000 + turn, SMALL), photo(6000 + turn)
        requests: dict[str, Callable[[], object]] = {
            "a new photo of 640 x 480, POST to answer": partial(site.post, small),
            "a new photo of 12 megapixels, POST to answer": partial(site.post, large),
            "the same photo of 12 megapixels again": partial(site.post, large),
            "a picture refused from its header": partial(site.post, refused),
            "a body refused from its announced length": partial(announce, site),
            "the first page": partial(site.get, "/"),
            RANKED: partial(site.get, known),
        }
        for name, work in requests.items():
            spent = milliseconds(work)
            taken[name] += [spent] if turn >= 0 else []
    return {name: statistics.median(values) for name, values in taken.items()}


def of_worker(site: Site) -> Worker:
    """Stop the search worker, send a photo, start the worker, and wait for its answer."""
    supervisor = running.supervisor(site)
    supervisor.stopProcess("site:search")
    waiting = site.post(photo(7000, SMALL)).json()
    began = time.perf_counter()
    supervisor.startProcess("site:search", False)
    until(lambda: site.get(waiting["url"]).json()["state"] == "done" or None, GIVE_UP_S, "the first answer")
    seconds = time.perf_counter() - began
    until(lambda: site.get("/healthz").status_code == 200 or None, GIVE_UP_S, "the site's health")
    found = running.processes(site)["search worker"]
    pids = {process.pid for process in found}
    children = [process for process in found if process.ppid() in pids]
    masters = [process for process in found if process not in children]
    torch = any(running.maps(process, "/torch/") for process in found)
    shares = sum(running.proportional(process) for process in found)
    largest = max(running.resident([child]) for child in children)
    return Worker(seconds, len(children), running.resident(masters), largest, shares, torch)


def summary_of(found: Measured) -> list[str]:
    """Return the rows of the summary."""
    quick = {name: ms for name, ms in found.latencies.items() if "refused" in name or name == RANKED}
    return [
        row("second start, to the first healthy answer", f"{found.second:.1f} s", "under 10 s", found.second < 10),
        *(row(name, f"{value:.0f} ms", "under 50 ms", value < 50) for name, value in quick.items()),
        *of_speed(found),
        *of_load(found.sustained),
    ]


def of_speed(found: Measured) -> Iterator[str]:
    """Yield the rows about one photo, the worker, and photos a second."""
    bare, whole, worker = sum(found.bare.values()), sum(found.way.values()), found.worker
    figure = f"{whole / bare:.2f} ({whole:.0f} / {bare:.0f} ms)"
    yield row("12 megapixels, POST to JSON / bare decoding and engines", figure, "1.5 or less", whole / bare <= 1.5)
    yield row("search worker: start to first answer", f"{worker.seconds:.1f} s", "3 s", worker.seconds <= 3)
    yield row("search worker: resident memory of a process", f"{worker.child:.0f} MB", "450 MB", worker.child <= 450)
    yield row("search worker: torch imported", "yes" if worker.torch else "no", "no", not worker.torch)
    for name, rate in found.rates.items():
        figure = f"{rate.ratio:.2f} ({rate.site:.1f} / {rate.bare:.1f})"
        yield row(f"answers a second, {name}: site / one bare process", figure, "0.7 or more", rate.ratio >= 0.7)


def of_load(lasting: Sustained) -> Iterator[str]:
    """Yield the rows about the sustained run."""
    middle, late = lasting.quantile(0.5), lasting.quantile(0.99)
    grown = max(lasting.growth.values())
    searches = f"{len(lasting.seconds)} searches from {CLIENTS} clients"
    yield row(f"{searches}: errors", f"{len(lasting.errors)}", "0", not lasting.errors)
    yield row(f"{searches}: growth of memory", f"{grown:.0f} MB", "none", grown < NOISE_MB)
    yield row(
        f"{searches}: p99 / p50", f"{late / middle:.2f} ({late:.0f} / {middle:.0f} ms)", "under 3", late < 3 * middle
    )


def text(found: Measured, size: Size) -> Iterator[str]:
    """Yield the page."""
    yield f"Over HTTP on loopback, clients on the same cores; medians of {size.rounds} interleaved rounds. Large"
    yield f"photos have {LARGE[0]} x {LARGE[1]} pixels; every one is another file to the site."
    yield from ("", "## Requests", "")
    yield from table(("request", "ms"), [line(name, f"{value:.0f}") for name, value in found.latencies.items()])
    yield from ("", "## Where every millisecond goes", "", "![stacked bars](site-way.svg)", "")
    yield from table(("step", "bare, ms", "the site, ms"), steps(found))
    yield from ("", "- *sent and checked*: the client's own work, the upload, the header's judgement, the row's birth;")
    yield "- *waits for the worker*: the file and the row stored, the message through the broker, the claim;"
    yield "- *kept and written*: the upright JPEG made and stored, the row written; *answered*: ring, read, JSON, back."
    yield from (
        "",
        "Bare is one process that decodes and computes both networks, nothing else, asked in the same rounds.",
    )
    yield from ("", "## The search worker", "")
    worker = found.worker
    yield f"{worker.seconds:.1f} s from its start to its first answer. Processes with the models: {worker.processes},"
    yield f"the largest with {worker.child:.0f} MB resident; their master: {worker.master:.0f} MB; all, what they share"
    yield f"counted once: {worker.proportional:.0f} MB. torch is {'mapped' if worker.torch else 'not mapped'} in any."
    yield from ("", "## Answers a second", "")
    yield f"{way.CLIENTS} clients, bursts of {size.burst} new photos; the bare process takes one photo after the other."
    yield ""
    rates = [line(n, f"{r.bare:.1f}", f"{r.site:.1f}", f"{r.ratio:.2f}") for n, r in found.rates.items()]
    yield from table(("photos", "bare", "the site", "ratio"), rates)
    yield from of_lasting(found.sustained)
    yield from ("", "## Memory after all this", "")
    yield from table(("processes", "resident MB"), [line(k, f"{mb:.0f}") for k, mb in sorted(found.memory.items())])


def steps(found: Measured) -> list[str]:
    """Return a line for each step and one for all."""
    lines = [
        line(step, f"{found.bare[step]:.1f}" if step in found.bare else "", f"{ms:.1f}")
        for step, ms in found.way.items()
    ]
    return [*lines, line("**all**", f"{sum(found.bare.values()):.1f}", f"{sum(found.way.values()):.1f}")]


def of_lasting(lasting: Sustained) -> Iterator[str]:
    """Yield the section of the sustained run."""
    yield from ("", "## Under load for long", "", "![memory over time](site-memory.svg)", "")
    yield f"{len(lasting.seconds)} searches from {CLIENTS} clients, each photo new, 640 x 480, {lasting.lasted:.0f} s:"
    yield (
        f"{len(lasting.errors)} errors; "
        + ", ".join(f"p{round(part * 100)} {lasting.quantile(part):.0f} ms" for part in (0.5, 0.9, 0.99))
        + f", at most {max(lasting.seconds) * 1000:.0f} ms."
    )
    yield from (f"- {each}" for each in sorted(set(lasting.errors))[:5])
    yield ""
    rows = [
        line(kind, f"{notes[-1][1]:.0f}", f"{lasting.growth[kind]:+.1f}")
        for kind, notes in sorted(lasting.memory.items())
    ]
    yield from table(("processes", "resident MB at the end", "more than when settled, a fifth into the run"), rows)
