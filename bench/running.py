"""Looking at a running site from outside: its processes, its rows, its supervisor."""

import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from bench import filling
from geosite.launch.addresses import socket_folder
from tests.site import Site

KINDS = {
    "search@": "search worker",
    "io@": "io worker",
    "gunicorn": "web",
    " beat ": "beat",
    "postgres": "database",
    "valkey": "broker",
}


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long ``work`` takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def processes(site: Site) -> dict[str, list[psutil.Process]]:
    """Return the site's processes by what they do."""
    found: dict[str, list[psutil.Process]] = defaultdict(list)
    for process in psutil.process_iter():
        try:
            if process.environ().get("VAR_DIR") == str(site.var_dir):
                command = " ".join(process.cmdline())
                found[next((name for word, name in KINDS.items() if word in command), "others")].append(process)
        except psutil.Error:
            continue
    return found


def resident(found: list[psutil.Process]) -> float:
    """Return the megabytes of processes; what they share counts once for each."""
    total = 0
    for process in found:
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total / 2**20


def proportional(process: psutil.Process) -> float:
    """Return the megabytes of one process; what it shares with others is divided among them."""
    return float(process.memory_full_info().pss) / 2**20


def maps(process: psutil.Process, word: str) -> bool:
    """Whether a process has a file mapped whose path holds ``word``."""
    return any(word in each.path for each in process.memory_maps())


@contextmanager
def watched(site: Site, every_s: float = 1.0) -> Iterator[dict[str, list[tuple[float, float]]]]:
    """Note the megabytes of each kind of process over seconds while the block runs."""
    notes: dict[str, list[tuple[float, float]]] = defaultdict(list)
    found, began, ended = processes(site), time.monotonic(), threading.Event()

    def note() -> None:
        while not ended.wait(every_s):
            for kind, members in found.items():
                notes[kind].append((time.monotonic() - began, resident(members)))

    watcher = threading.Thread(target=note)
    watcher.start()
    try:
        yield notes
    finally:
        ended.set()
        watcher.join()


def supervisor(site: Site) -> Any:
    """Return the supervisor's own interface."""
    path = socket_folder(site.var_dir) / "supervisor.sock"
    return ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{path}")).supervisor


def timestamps(site: Site, pk: str) -> tuple[float, float, float, dict[str, float]]:
    """Return when a search was received, begun and finished, in seconds, and its own timings."""
    with filling.connect(site.var_dir) as connection:
        row = connection.execute(
            "SELECT created_at, started_at, finished_at, timings FROM places_search WHERE id = %s", [pk]
        ).fetchone()
    assert row is not None
    return row[0].timestamp(), row[1].timestamp(), row[2].timestamp(), row[3]


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each key."""
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def write(path: Path, data: bytes) -> Path:
    """Write a file and return where."""
    path.write_bytes(data)
    return path
