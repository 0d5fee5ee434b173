"""``python -m bench.engine [BUNDLE]``: measures the engines on this machine and writes docs/benchmarks/engine.md.

Every engine runs in a process of its own; the processes take turns picture by picture, so that whatever else
runs on the machine slows all of them alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parent.parent
OUT = ROOT / "docs" / "benchmarks" / "engine.md"
ROUNDS, WARM, MANY = 20, 30, 2000


def serve(folder: str, name: str, threads: str, cache: str) -> None:
    """Load one engine, then compute as many pictures as each line of the input says."""
    began = time.perf_counter()
    from ml.bundle import Bundle
    from ml.engine import candidates
    from ml.engine.agreement import drawn_pictures
    from ml.preset import to_input

    bundle = Bundle.load(Path(folder))
    engine = candidates.make(name, bundle, Path(cache), int(threads))
    x = to_input(next(drawn_pictures()), bundle.preset)
    engine.infer(x)
    print(json.dumps({"start_s": time.perf_counter() - began}), flush=True)
    for line in sys.stdin:
        spent, worked = [], []
        for _ in range(int(line)):
            start, before = time.perf_counter(), time.process_time()
            engine.infer(x)
            spent.append((time.perf_counter() - start) * 1000)
            worked.append((time.process_time() - before) * 1000)
        memory = psutil.Process().memory_full_info()
        said = {"ms": spent, "cpu": worked, "rss": memory.rss / 1e6, "own": memory.uss / 1e6}
        print(json.dumps(said), flush=True)


class Child:
    """An engine in its own process."""

    def __init__(self, folder: Path, name: str, threads: int, cache: Path) -> None:
        self.name, self.threads = name, threads
        command = [sys.executable, "-m", "bench.engine", "--serve", str(folder), name, str(threads), str(cache)]
        self.process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.start_s = float(self.read()["start_s"])
        self.spent: list[float] = []
        self.worked: list[float] = []

    def ask(self, count: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def compute(self, count: int) -> dict[str, Any]:
        self.ask(count)
        return self.read()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def a_second(children: list[Child], count: int) -> float:
    """Return answers a second while all of ``children`` compute ``count`` pictures each at the same time."""
    began = time.perf_counter()
    for child in children:
        child.ask(count)
    for child in children:
        child.read()
    return len(children) * count / (time.perf_counter() - began)


def rows(folder: Path, cache: Path, names: list[str]) -> list[str]:
    """Return the table of all engines with one thread and with two."""
    children = [Child(folder, name, threads, cache) for name in names for threads in (1, 2)]
    for _ in range(ROUNDS):
        for child in children:
            said = child.compute(1)
            child.spent += said["ms"]
            child.worked += said["cpu"]
    columns = ["engine", "threads", "ms, least", "ms, median", "ms of CPU, median", "of f32's CPU"]
    columns += ["start, s", "memory, MB", "its own, MB"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    # What else runs takes the cores away but adds little to the time that they worked, so ratios are of that.
    single = {child.threads: statistics.median(child.worked) for child in children if child.name == "openvino-f32"}
    for child in children:
        memory = child.compute(WARM)
        least, median, cpu = min(child.spent), statistics.median(child.spent), statistics.median(child.worked)
        lines.append(
            f"| {child.name} | {child.threads} | {least:.1f} | {median:.1f} "
            f"| {cpu:.1f} | {cpu / single[child.threads]:.2f} "
            f"| {child.start_s:.1f} | {memory['rss']:.0f} | {memory['own']:.0f} |"
        )
        child.end()
    return lines


def processes(folder: Path, cache: Path, names: list[str]) -> list[str]:
    """Return the table of one process with two threads against two processes with one."""
    lines = [
        "| engine | one process, two threads: a second | two processes, one thread each | gain |",
        "|---|---|---|---|",
    ]
    for name in names:
        wide, narrow = Child(folder, name, 2, cache), [Child(folder, name, 1, cache) for _ in range(2)]
        pairs = [(a_second([wide], 10), a_second(narrow, 5)) for _ in range(4)]
        one, two = (max(figures) for figures in zip(*pairs, strict=True))
        lines.append(f"| {name} | {one:.1f} | {two:.1f} | {two / one:.2f} |")
        for child in [wide, *narrow]:
            child.end()
    return lines


def growth(folder: Path, cache: Path, names: list[str], many: int) -> list[str]:
    """Return the table of memory after few and after many answers."""
    lines = [f"| engine | MB after {many // 10} answers | MB after {many} answers |", "|---|---|---|"]
    for name in names:
        child = Child(folder, name, 0, cache)
        few, all_ = child.compute(many // 10)["rss"], child.compute(many - many // 10)["rss"]
        lines.append(f"| {name} | {few:.0f} | {all_:.0f} |")
        child.end()
    return lines


def machine() -> str:
    """Return the CPU, its cores, and what else it was doing."""
    from ml.engine.choice import cpu

    return f"{cpu()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the engines and write docs/benchmarks/engine.md.")
    parser.add_argument("bundle", nargs="?", type=Path, default=ROOT / "ml" / "starter" / "places")
    parser.add_argument("--many", type=int, default=MANY, help="answers after which memory is looked at")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    from ml.bundle import Bundle
    from ml.engine import candidates

    names = candidates.available(Bundle.load(options.bundle))
    with tempfile.TemporaryDirectory() as temporary:
        cache, folder = Path(temporary), options.bundle.resolve()
        for name in names:
            Child(folder, name, 1, cache).end()  # compiles, so that the start is a second one
        parts = ["## One picture", "", *rows(folder, cache, names), "", "## Processes or threads", ""]
        parts += [
            *processes(folder, cache, names),
            "",
            "## Memory over time",
            "",
            *growth(folder, cache, names, options.many),
        ]
    head = ["# Engines", "", f"Made by `python -m bench.engine` on {datetime.now(UTC):%Y-%m-%d}: {machine()}.", ""]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("\n".join([*head, *parts]) + "\n")
    print(options.out.read_text())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
    else:
        main()
