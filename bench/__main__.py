"""``make bench``: measures the running site and writes docs/benchmarks.md.

Everything is a median over interleaved rounds in one run, on pictures drawn on the spot.
"""

from __future__ import annotations

import os
import platform
import socket
import statistics
import struct
import sys
import tempfile
import time
import zlib
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.drawn import jpeg
from tests.site import Site, start_site

OUT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
ROUNDS = 15
CLIENTS, BURST = 8, 80


def bomb() -> bytes:
    """Return a PNG of a few kilobytes that says it is 30,000 pixels square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long ``work`` takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def announce(site: Site) -> None:
    """Announce a body of a gigabyte and wait for the refusal."""
    host = urlsplit(site.url)
    with socket.create_connection((host.hostname, host.port)) as raw:
        raw.sendall(
            b"POST /api/v1/searches/ HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 999999999\r\n\r\n"
        )
        assert raw.recv(64).startswith(b"HTTP/1.1 413")


def latencies(site: Site) -> dict[str, float]:
    """Return the median milliseconds of each kind of request."""
    taken: dict[str, list[float]] = defaultdict(list)
    refused = bomb()
    for turn in range(ROUNDS):
        small, large = jpeg(5000 + turn), jpeg(6000 + turn, (4000, 3000))
        requests: dict[str, Callable[[], object]] = {
            "a new photo of 320 x 240, POST to answer": partial(site.post, small),
            "a new photo of 12 megapixels, POST to answer": partial(site.post, large),
            "the same photo of 12 megapixels again": partial(site.post, large),
            "a picture refused from its header": partial(site.post, refused),
            "a body refused from its announced length": partial(announce, site),
            "the first page": partial(site.get, "/"),
        }
        for name, work in requests.items():
            taken[name].append(milliseconds(work))
    return {name: statistics.median(values) for name, values in taken.items()}


def answers_per_second(site: Site) -> float:
    """Return how many small new photos are answered a second for several clients at once."""
    photos = [jpeg(7000 + number) for number in range(BURST)]
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        for search in list(pool.map(lambda photo: site.post(photo).json(), photos)):
            site.ended(search)
    return BURST / (time.perf_counter() - began)


def memory(site: Site) -> dict[str, float]:
    """Return resident megabytes of the site's processes, summed by what they do."""
    sums: dict[str, float] = defaultdict(float)
    kinds = {
        "search@": "search workers",
        "io@": "io worker",
        "gunicorn": "web",
        " beat ": "beat",
        "postgres": "database",
    }
    for process in psutil.process_iter():
        try:
            if process.environ().get("VAR_DIR") == str(site.var_dir):
                command = " ".join(process.cmdline())
                kind = next((name for word, name in kinds.items() if word in command), "others")
                sums[kind] += process.memory_info().rss / 2**20
        except psutil.Error:
            continue
    return dict(sums)


def processor() -> str:
    """Return the name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main() -> int:
    """Measure and write."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with start_site(Path(folder)) as site:
            times, rate, resident = latencies(site), answers_per_second(site), memory(site)
        began = time.perf_counter()
        with start_site(Path(folder)):
            second = time.perf_counter() - began
    lines = [
        "# Benchmarks",
        "",
        f"Made by `make bench` on {datetime.now(tz=UTC):%Y-%m-%d}: {processor()}, {os.cpu_count()} cores.",
        f"Python {platform.python_version()}; medians of {ROUNDS} interleaved rounds over HTTP on loopback.",
        "",
        "| measure | figure | goal |",
        "|---|---|---|",
        f"| second start, to the first healthy answer | {second:.1f} s | under 10 s |",
    ]
    goals = {name: "under 50 ms" for name in times if "refused" in name}
    lines += [f"| {name} | {value:.0f} ms | {goals.get(name, '')} |" for name, value in times.items()]
    lines += [f"| answers a second, {CLIENTS} clients, new small photos | {rate:.1f} | |"]
    lines += [f"| resident memory: {name} | {value:.0f} MB | |" for name, value in sorted(resident.items())]
    OUT.write_text("\n".join(lines) + "\n")
    print(OUT.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
