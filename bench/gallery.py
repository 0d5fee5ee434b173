"""Neighbours among 100,000 embeddings: the site's own query beside exact NumPy and FAISS HNSW.

    python -m bench gallery

Recall at ten against the exact answer. Rounds are interleaved; who does not search is stopped.
"""

import shutil
import statistics
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench import filling, peers, plots
from bench.contenders import Contender, ContenderError
from bench.embeddings import BUNDLE, Gallery, Vectors, gallery, nearest, queries
from bench.gallery_peers import CONTENDERS, COUNT
from bench.summary import line, page, row, table
from ml.bundle import Bundle

ROOT = Path(__file__).parent.parent
PICTURES, QUERIES = 100_000, 300
FOLDER = peers.CACHE / "gallery"
GOAL_RECALL, GOAL_MS = 0.98, 15
KINDS = {0: "among all", 1: "of one place"}

Rows = npt.NDArray[np.int64]


@dataclass
class Found:
    """What one contender found: milliseconds and recall of each query."""

    description: str
    milliseconds: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        return float(np.quantile(self.milliseconds, 0.95))


def measure(out: Path, quick: bool = False) -> list[str]:
    """Write gallery.md and its plot to ``out``; return the rows of the summary."""
    pictures, count = (2000, 20) if quick else (PICTURES, QUERIES)
    filled, (asked, places) = gallery(pictures, 60 if quick else None), queries(count)
    truth = prepare(filled, asked, places)
    var_dir = folder_for(pictures)
    with filling.database(var_dir):
        filling.fill(var_dir, filled)
        found, problems = search(var_dir, truth)
    shown = {f"{name}, {KINDS[kind]}": each.p95 for (name, kind), each in found.items()}
    plots.bars(out / "gallery.svg", f"{pictures:,} embeddings: 95th percentile, milliseconds", shown, "ours, among all")
    page(out / "gallery.md", "Search by look in a large gallery", text(filled, found, problems), quick)
    return rows(found, pictures)


def folder_for(pictures: int) -> Path:
    """Return where a site with so many pictures of the shipped bundle has its data; older ones make place."""
    version = Bundle.load(BUNDLE).version
    for old in peers.CACHE.glob("sites/*"):
        if old.name.partition("_")[0] != version:
            shutil.rmtree(old, ignore_errors=True)
    folder = peers.CACHE / "sites" / f"{version}_{pictures}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def prepare(filled: Gallery, asked: Vectors, places: npt.NDArray[np.str_]) -> dict[int, list[Rows]]:
    """Write what the contenders read; return the exact answers of each kind of question."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    good = np.flatnonzero(filling.approved(len(filled.vectors)))
    vectors = filled.vectors[good].astype(np.float16).astype(np.float32)  # as the database has them
    np.save(FOLDER / "vectors.npy", vectors)
    np.save(FOLDER / "places.npy", filled.places[good])
    np.save(FOLDER / "queries.npy", asked)
    np.save(FOLDER / "asked.npy", places)
    np.save(FOLDER / "numbers.npy", good)
    among = {slug: np.flatnonzero(filled.places[good] == slug) for slug in set(places)}
    of_place = [
        among[slug][nearest(vectors[among[slug]], COUNT, query[np.newaxis])[0]]
        for query, slug in zip(asked, places, strict=True)
    ]
    return {0: list(nearest(vectors, COUNT, asked)), 1: of_place}


def search(var_dir: Path, truth: dict[int, list[Rows]]) -> tuple[dict[tuple[str, int], Found], list[str]]:
    """Let all answer every question in turns; return what they found, and who could not take part."""
    numbers = np.load(FOLDER / "numbers.npy")
    row_of = {str(number): row for row, number in enumerate(numbers)}
    known = known_places(var_dir)
    with ExitStack() as stack:
        running, problems = started(stack, var_dir)
        found = {(name, kind): Found(each.description) for name, each in running.items() for kind in truth}
        for query in range(len(truth[0])):
            for kind, answers in truth.items():
                if kind and str(np.load(FOLDER / "asked.npy")[query]) not in known:
                    continue  # what shows no place of ours is never looked for in one
                for name, contender in running.items():
                    milliseconds, *rows = contender.ask(query, kind)
                    got = {row_of[each] for each in rows} if name == "ours" else {int(each) for each in rows}
                    found[name, kind].milliseconds.append(float(milliseconds))
                    found[name, kind].recall.append(len(got & set(answers[query].tolist())) / len(answers[query]))
    return found, problems


def known_places(var_dir: Path) -> set[str]:
    """Return the slugs of the site's places."""
    with filling.connect(var_dir) as connection:
        return {slug for (slug,) in connection.execute("SELECT slug FROM places_place")}


def started(stack: ExitStack, var_dir: Path) -> tuple[dict[str, Contender], list[str]]:
    """Start all contenders and let them answer once."""
    running, problems = {}, []
    for name in CONTENDERS:
        python = peers.installed("faiss") if name.startswith("FAISS") else Path(sys.executable)
        settings = filling.environment(var_dir) if name == "ours" else peers.environment()
        command = [str(python), "-P", str(ROOT / "bench" / "gallery_peers.py"), name, str(FOLDER)]
        try:
            if python is None:
                raise ContenderError("could not be installed here")
            running[name] = stack.enter_context(Contender(name, command, FOLDER, settings))
            running[name].ask(0, 0)
        except ContenderError as error:
            running.pop(name, None)
            problems.append(f"{name} {error}.")
    return running, problems


def rows(found: dict[tuple[str, int], Found], pictures: int) -> list[str]:
    """Return the rows of the summary."""
    lines = []
    for kind, words in KINDS.items():
        ours = found["ours", kind]
        recall = statistics.mean(ours.recall)
        what = f"gallery search, {pictures:,} embeddings, {words}"
        lines.append(row(f"{what}: recall at {COUNT}", f"{recall:.3f}", f"{GOAL_RECALL}", recall >= GOAL_RECALL))
        figure = f"{ours.p50:.1f} ms, {ours.p95:.1f} ms"
        lines.append(row(f"{what}: p50, p95", figure, f"p95 under {GOAL_MS} ms", ours.p95 < GOAL_MS))
    return lines


def text(filled: Gallery, found: dict[tuple[str, int], Found], problems: list[str]) -> list[str]:
    """Return the page."""
    hard = found["ours", 0]
    lines = [
        f"{len(filled.vectors):,} embeddings: {filled.real:,} of real pictures and their flips, the others drawn",
        "around those, part of the way to one of the nearest and aside, so that neighbours stay hard to tell apart. A",
        f"tenth waits for curators and must not be found. {len(hard.recall)} questions: real pictures without their",
        "edges, whose embeddings are not in the gallery. Ours is `places.gallery.neighbours`, the site's own query",
        f"through Django, which answers 24 pictures with their places; the others answer {COUNT} numbers.",
        "",
        "![95th percentiles](gallery.svg)",
        "",
        *table(
            ("search", "among", f"recall at {COUNT}", "least recall", "p50", "p95", "p99"),
            [of(name, kind, each) for (name, kind), each in found.items()],
        ),
    ]
    return [*lines, "", *problems] if problems else lines


def of(name: str, kind: int, found: Found) -> str:
    """Return a contender's line."""
    times = [f"{np.quantile(found.milliseconds, part):.1f} ms" for part in (0.5, 0.95, 0.99)]
    recall = f"{statistics.mean(found.recall):.3f}", f"{min(found.recall):.1f}"
    return line(f"{name} ({found.description})", KINDS[kind].removeprefix("among "), *recall, *times)
