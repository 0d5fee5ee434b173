"""Collecting beside icrawler and img2dataset: pages docs/benchmarks/collecting.md and cleaning.md.

    python -m bench collecting

The same list of pictures for all, from a loopback server with latency and faults; our politeness delays are off, as
the others have none. Interleaved rounds, medians.
"""

import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from PIL import Image

from bench import cleaning, peers, summary
from bench.photos import ROOT, photos
from crawler.clean import Decoder, Rules, Verdict, clean_packed, unpacked
from crawler.collect import LIMITS, Outcome, Plan, Tools, Wanted, collect
from crawler.fetch import Fetcher
from crawler.limited import LimitedPool
from crawler.politeness import Manners, Polite
from crawler.sources.base import Hit, Query
from ml import header, picture

FAULTS = {"missing": 0.02, "failing": 0.01, "reset": 0.008, "html": 0.007, "stalled": 0.005}
CONNECTIONS = 32
# Connections that each one's own introduction shows.
INTRODUCED = {"icrawler": 4, "img2dataset": 64}
COLUMNS = ("collector", "connections", "kept", "seconds", "kept a second", "CPU ms a picture", "MB: middle, end, most")


@dataclass(frozen=True)
class Run:
    """One run of one collector: pictures kept, seconds from start to end and of CPU, megabytes over time."""

    kept: int
    seconds: float
    cpu: float
    memory: list[float]


class Listed:
    """A list of addresses as a source."""

    name = label = "list"
    filters: frozenset[str] = frozenset()

    def __init__(self, urls: Iterable[str]) -> None:
        self._urls = list(urls)

    def hits(self, query: Query) -> Iterator[Hit]:
        for url in self._urls:
            yield Hit("", url, url, "", None, None, "unknown", url)


def kinds(count: int, faults: dict[str, float]) -> list[str]:
    """Return what each address answers; the faults lie anywhere among the pictures."""
    listed = [kind for kind, part in faults.items() for _ in range(round(part * count))]
    listed += ["ok"] * (count - len(listed))
    random.Random(5).shuffle(listed)
    return listed


@contextmanager
def server(files: list[Path], answers: list[str]) -> Iterator[str]:
    """Serve files in a process of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rows:
        rows.writelines(f"{kind}\t{path}\n" for kind, path in zip(answers, files, strict=True))
        rows.flush()
        command = [sys.executable, "-m", "bench.picture_server", rows.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
            process.terminate()


def collected(urls: list[str], folder: Path, per_class: int, threads: int = CONNECTIONS) -> Outcome:
    """Run our collector on a list, every check on and no delays."""
    pair = urls[0].split("/")[2]
    polite = Polite(Fetcher({pair}, limits=LIMITS), Manners(delays=False, at_once=threads))
    decoder = Decoder(header.inspect, picture.decode, picture.to_jpeg)
    # Most of the photos here are 96 pixels wide.
    work = partial(clean_packed, rules=Rules(min_side=64), decoder=decoder)
    with LimitedPool(work) as pool:

        def judged(data: bytes) -> Verdict:
            return unpacked(pool(data))

        tools = Tools(lambda hit: polite.picture(hit.image_url).body, judged, polite.denied.denies_picture)
        wanted = [Wanted("all", "all", Query("all"))]
        return collect(folder, wanted, {"list": Listed(urls)}, tools, Plan(per_class, threads))


def ours(urls: str, folder: str, threads: str) -> None:
    """Be the process that is measured."""
    listed = Path(urls).read_text().split()
    collected(listed, Path(folder), len(listed), int(threads))


def commands(urls: Path, out: Path) -> dict[tuple[str, int], list[str] | None]:
    """Return how each collector is run, by name and connections."""
    found: dict[tuple[str, int], list[str] | None] = {}
    for threads in (CONNECTIONS, 0):
        for name, script in (("icrawler", peers.ICRAWLER), ("img2dataset", peers.IMG2DATASET)):
            count = threads or INTRODUCED[name]
            found[name, count] = peers.command(name, script, str(urls), str(out), str(count))
    own = [sys.executable, "-m", "bench.collecting", str(urls), str(out), str(CONNECTIONS)]
    return {("ours", CONNECTIONS): own, **found}


def run(command: list[str], out: Path, own: bool) -> Run:
    """Run a collector to its end and count the pictures that can be opened."""
    environment = None if own else peers.environment()
    began, cpu = time.monotonic(), cpu_of_children()
    memory = []
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            memory.append(resident(watched))
            time.sleep(0.2)
    seconds = time.monotonic() - began
    assert process.returncode == 0, command
    return Run(sum(opens(path) for path in out.rglob("*.jpg")), seconds, cpu_of_children() - cpu, memory)


def cpu_of_children() -> float:
    """Return CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident(process: psutil.Process) -> float:
    """Return megabytes of a process and its children; what they share counts once for each."""
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.Error:
        pass
    return total / 2**20


def opens(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, ValueError):
        return False
    return True


def race(count: int, rounds: int) -> dict[tuple[str, int], list[Run]]:
    """Have every collector that is to be had collect the same list, in turns."""
    runs: dict[tuple[str, int], list[Run]] = {}
    with server(photos(count), kinds(count, FAULTS)) as url, tempfile.TemporaryDirectory() as folder:
        urls, out = Path(folder) / "urls.txt", Path(folder) / "out"
        urls.write_text("\n".join(f"{url}/{number}.jpg" for number in range(count)))
        for turn in range(rounds):
            for name, command in commands(urls, out).items():
                each = runs.setdefault(name, [])
                if command is not None:
                    print(f"round {turn + 1}: {name}", file=sys.stderr)
                    each.append(run(command, out, name[0] == "ours"))
                    shutil.rmtree(out)
    return runs


def race_row(name: str, threads: int, rounds: list[Run]) -> str:
    """Return one line of the table of collectors."""
    if not rounds:
        return summary.line(name, str(threads), "could not be installed here", "", "", "", "")
    kept, seconds = statistics.median(r.kept for r in rounds), statistics.median(r.seconds for r in rounds)
    cpu = statistics.median(r.cpu / r.kept * 1000 for r in rounds)
    memory = "{:.0f}, {:.0f}, {:.0f}".format(*memory_of(rounds[-1].memory))
    figures = (f"{kept:.0f}", f"{seconds:.1f}", f"{rate(rounds):.0f}", f"{cpu:.1f}", memory)
    return summary.line(name, str(threads), *figures)


def rate(rounds: list[Run]) -> float:
    """Return the median of kept pictures a second, starting up included."""
    return statistics.median(each.kept / each.seconds for each in rounds)


def race_goals(runs: dict[tuple[str, int], list[Run]]) -> Iterator[str]:
    """Yield what the summary says of the collectors."""
    own = rate(runs["ours", CONNECTIONS])
    for (name, threads), rounds in runs.items():
        factor = {"icrawler": 2.0, "img2dataset": 1.0}.get(name)
        if factor is not None and rounds:
            measure = f"kept pictures a second, beside {name} with {threads} connections"
            figure = f"{own:.0f} and {rate(rounds):.0f}: {own / rate(rounds):.1f} times"
            yield summary.row(measure, figure, f"{factor:g} times", own >= factor * rate(rounds))
    middle, end, _ = memory_of(runs["ours", CONNECTIONS][-1].memory)
    figure = f"{middle:.0f} MB in the middle, {end:.0f} MB at the end"
    yield summary.row("memory while collecting", figure, "flat", end < middle * 1.1)


def memory_of(samples: list[float]) -> tuple[float, float, float]:
    """Return the medians of the middle and of the last tenths, and the most."""
    tenth = max(1, len(samples) // 10)
    middle = samples[len(samples) // 2 - tenth : len(samples) // 2 + tenth] or samples
    return statistics.median(middle), statistics.median(samples[-2 * tenth :]), max(samples)


def promises() -> Iterator[str]:
    """Measure what is promised of our collector alone."""
    files = photos(400)
    with tempfile.TemporaryDirectory() as folder:
        with server(files, kinds(400, FAULTS)) as url:
            got = collected(addresses(url, 400), Path(folder) / "asked", 200).results[0].kept
        yield summary.row("asked for 200 of a list with faults", f"{got} kept", "200", got == 200)
        took = []
        for endless in (0, 8):
            with server(files[:200], ["endless"] * endless + ["ok"] * (200 - endless)) as url:
                began = time.monotonic()
                collected(addresses(url, 200), Path(folder) / f"{endless}", 200)
                took.append(time.monotonic() - began)
    deadline = LIMITS.total
    figure = f"{took[1]:.1f} s, {took[0]:.1f} s without them"
    goal = f"at most the deadline of {deadline:.0f} s more"
    yield summary.row("200 pictures, 8 bodies that never end", figure, goal, took[1] - took[0] < deadline + 1)


def addresses(url: str, count: int) -> list[str]:
    """Return the addresses of the first pictures."""
    return [f"{url}/{number}.jpg" for number in range(count)]


def measure(out: Path, quick: bool = False) -> list[str]:
    """Measure, write the pages into ``out`` and return the rows of the summary."""
    runs = race(100 if quick else 2000, 1 if quick else 3)
    told = list(promises())
    table = summary.table(COLUMNS, [race_row(*name, rounds) for name, rounds in runs.items()])
    faults = ", ".join(f"{kind} {part:.1%}" for kind, part in FAULTS.items())
    about = (
        "Of the list's pictures a twentieth is faulty "
        f"({faults}); the time to the first byte is 80 ms in the median, log-normal. Seconds are those from the start "
        "of a process to its end; kept are files that can be opened. Ours decodes, checks, compares and encodes "
        "every picture and keeps copies once; icrawler only stores what comes; img2dataset decodes and encodes. "
        f"Load average of the machine at the end: {os.getloadavg()[1]:.1f} (that of an idle one is below 1)."
    )
    promised = summary.table(summary.COLUMNS, told)
    summary.page(out / "collecting.md", "Collecting", [about, "", *table, "", "## Promises", "", *promised], quick)
    return [*race_goals(runs), *told, *cleaning.measure(out, quick)]


if __name__ == "__main__":
    ours(*sys.argv[1:])
