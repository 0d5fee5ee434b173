"""The curators' loop on real pictures: does deciding in the site's order teach a model more than deciding at random?

    python -m bench loop

Writes docs/benchmarks/loop.md. Nobody decides here but a script that knows the truth. The order is that of
``ml.usefulness``, and likely wrong labels are those of ``ml.mislabelled``: the functions that the site's review calls.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from bench import heads, peers, plots, summary
from bench.photos import LANDMARKS
from ml import calibrate
from ml.augment import PLAIN, training_views
from ml.calibrate import OTHER
from ml.datasets import Collection
from ml.mislabelled import suspects
from ml.usefulness import MISLABELLED, SURE, usefulness

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.int64]

START = 8  # approved pictures of a place
A_ROUND = 150  # pictures that are decided
FIRST_SEED = 10  # the order was chosen by draws before these
SURE_FROM = 0.9  # probability from which on the site pre-labels
WRONG = 0.1  # of the labels under which pictures of places come

CLEANLAB = """
import json, sys
import numpy as np
from cleanlab.filter import find_label_issues
given = np.load(sys.argv[1])
labels, probabilities = given["labels"], given["probabilities"]
found = find_label_issues(labels, probabilities, return_indices_ranked_by="normalized_margin", n_jobs=1)
json.dump(found.tolist(), open(sys.argv[2], "w"))
"""


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int
    seeds: int


FULL = Size(rounds=3, seeds=4)
QUICK = Size(rounds=1, seeds=1)


@dataclass(frozen=True)
class Photos:
    """What the loop runs on: photos to decide on, to choose the epoch by and to report on; how many labels."""

    pool: heads.Photos
    choose: heads.Photos
    report: heads.Photos
    labels: int

    @property
    def places(self) -> int:
        """How many of the labels are places."""
        return self.labels - len(OTHER)


@dataclass(frozen=True)
class Start:
    """How a loop begins: which photos are approved, and under which place every photo came (N,)."""

    approved: Integers
    came_as: Integers


Order = Callable[[Floats, Integers], Floats]  # of probabilities (N, C) and columns (N,): higher is decided first


@dataclass(frozen=True)
class Round:
    """A model: its accuracy on half B, and what it was trained on.

    ``decided`` by the curator, of which ``wrong`` had come under a wrong label; ``believed``: not decided, but of the
    same place for the model before and for who collected them, of which ``mistaken`` are something else.
    """

    accuracy: float
    decided: int
    wrong: int
    believed: int
    mistaken: int
    probabilities: Floats  # (N, C) of the whole pool


def read() -> Photos:
    """Return the photos, as what the frozen network makes of them."""
    collection, cache = Collection.read(LANDMARKS), heads.features()
    parts = (
        (collection.train, training_views(0)), (collection.choose, (PLAIN,)), (collection.report, (PLAIN,)),
    )  # fmt: skip
    pool, choose, report = (heads.Photos(heads.pooled(cache, *part), collection.truth(part[0])) for part in parts)
    return Photos(pool, choose, report, len(collection.labels))


def begin(photos: Photos, seed: int) -> Start:
    """Draw what is approved, and what comes under a wrong label: negatives all do."""
    chance, truth = np.random.default_rng(seed), photos.pool.truth
    approved = [chance.permutation(np.flatnonzero(truth == place))[:START] for place in range(photos.places)]
    came_as = truth.copy()
    rest = np.setdiff1d(np.arange(len(truth)), np.concatenate(approved))
    of_places = rest[truth[rest] < photos.places]
    wrong = chance.permutation(of_places)[: round(WRONG * len(of_places))]
    came_as[wrong] = (truth[wrong] + chance.integers(1, photos.places, len(wrong))) % photos.places
    negatives = truth >= photos.places
    came_as[negatives] = chance.integers(0, photos.places, negatives.sum())
    return Start(np.concatenate(approved), came_as)


def loop(photos: Photos, start: Start, order: Order, size: Size, seed: int, first: Round, believe: bool) -> list[Round]:
    """Let the curator decide in ``order``, train, and so on; return the model of every round, ``first`` before any.

    ``believe``: also train on photos that nobody decided, where the last model is as sure as for a pre-label, of the
    same place as they came under.
    """
    truth, came_as, rounds, approved = photos.pool.truth, start.came_as, [first], start.approved
    for _ in range(size.rounds):
        probabilities = rounds[-1].probabilities
        rest = np.setdiff1d(np.arange(len(truth)), approved)
        ranked = rest[np.argsort(-order(probabilities[rest], came_as[rest]), kind="stable")]
        approved, rest = np.concatenate([approved, ranked[:A_ROUND]]), ranked[A_ROUND:]
        agreed = (probabilities[rest].argmax(axis=1) == came_as[rest]) & (probabilities[rest].max(axis=1) >= SURE_FROM)
        believed = rest[agreed] if believe else rest[:0]
        shown = photos.pool.of(
            np.concatenate([approved, believed]), np.concatenate([truth[approved], came_as[believed]])
        )
        decided = approved[len(start.approved) :]
        wrong, mistaken = (int((truth[rows] != came_as[rows]).sum()) for rows in (decided, believed))
        accuracy, seen = model(photos, shown, seed)
        rounds.append(Round(accuracy, len(decided), wrong, len(believed), mistaken, seen))
    return rounds


def model(photos: Photos, shown: heads.Photos, seed: int) -> tuple[float, Floats]:
    """Train on ``shown``; return the accuracy on half B and the probabilities (N, C) of the pool.

    What no photo was shown of, unknown places and no place at first, is impossible.
    """
    taught = np.isin(np.arange(photos.labels), shown.truth)
    choose = photos.choose.of(taught[photos.choose.truth])
    head = heads.trained(shown, choose, photos.labels, seed)

    def logits(views: Floats) -> Floats:
        return np.where(taught, heads.logits(head, views[:1])[0], calibrate.NEVER)

    temperature, _ = calibrate.best_temperature(logits(choose.views), choose.truth)
    known = photos.report.truth < photos.places
    said = logits(photos.report.views)[known, : photos.places].argmax(axis=1)
    accuracy = float((said == photos.report.truth[known]).mean())
    return accuracy, calibrate.softmax(logits(photos.pool.views), temperature)


def mislabelled_first(probabilities: Floats, came_as: Integers) -> Floats:
    """Return the order of a curator who begins with what is probably mislabelled, and goes on to the boundary."""
    useful = usefulness(probabilities, came_as)
    return np.where((useful > SURE) & (useful <= MISLABELLED[1]), useful + 2.0, useful)


def by_chance(seed: int) -> Order:
    """Return the order of somebody who does not choose."""
    chance = np.random.default_rng([seed, 1])
    return lambda probabilities, _: chance.random(len(probabilities))


@dataclass(frozen=True)
class Found:
    """How well wrong labels of the undecided photos were told: of a round, all seeds together."""

    flagged: int
    right: int
    moved: tuple[int, int]  # places under another place's name: found, and how many there are
    negatives: tuple[int, int]

    @property
    def precision(self) -> float:
        """The share of wrong ones among those that are flagged."""
        return self.right / max(1, self.flagged)

    @property
    def recall(self) -> float:
        """The share of the wrong ones that is flagged."""
        return self.right / max(1, self.moved[1] + self.negatives[1])


def found(photos: Photos, start: Start, rows: Integers, flagged: Integers) -> Found:
    """Return how well ``flagged``, of ``rows``, tell photos that came under a wrong label."""
    wrong = start.came_as != photos.pool.truth
    negative = photos.pool.truth >= photos.places
    parts = []
    for which in (wrong & ~negative, negative):
        parts.append((int(which[flagged].sum()), int(which[rows].sum())))
    return Found(len(flagged), int(wrong[flagged].sum()), *parts)


def together(each: Sequence[Found]) -> Found:
    """Return the sum over seeds."""
    moved, negatives = (tuple(np.sum([getattr(one, name) for one in each], axis=0)) for name in ("moved", "negatives"))
    return Found(sum(one.flagged for one in each), sum(one.right for one in each), moved, negatives)


def ours(probabilities: Floats, labels: Integers) -> Integers:
    """Return the rows that the site calls likely wrong."""
    return suspects(probabilities, labels).rows


def theirs(probabilities: Floats, labels: Integers) -> Integers | None:
    """Return the rows that cleanlab calls likely wrong, None where it cannot be installed."""
    with tempfile.TemporaryDirectory() as folder:
        given, said = Path(folder) / "given.npz", Path(folder) / "said.json"
        np.savez(given, probabilities=probabilities, labels=labels)
        command = peers.command("cleanlab", CLEANLAB, str(given), str(said))
        if command is None:
            return None
        subprocess.run(command, check=True, env=peers.environment(), stdout=sys.stderr)
        return np.array(json.loads(said.read_text()), np.int64)


TOP, WRONG_FIRST, CHANCE = "as the review shows it: near the boundary", "probably mislabelled first", "at random"
Arm = tuple[str, bool]  # in which order is decided, and whether what nobody decided is believed
ARMS: list[Arm] = [(order, believe) for believe in (False, True) for order in (TOP, WRONG_FIRST, CHANCE)]


@dataclass(frozen=True)
class Run:
    """One draw: the rounds of every arm, and how well wrong labels were told before anything and at the end."""

    arms: dict[Arm, list[Round]]
    told: dict[tuple[str, str], Found]  # by when, and by whom


def run(photos: Photos, size: Size, seed: int) -> Run:
    """Run every arm from the same start."""
    start = begin(photos, seed)
    first = Round(*_first(photos, start, seed))
    arms: dict[Arm, list[Round]] = {}
    for name, believe in ARMS:
        order = {TOP: usefulness, WRONG_FIRST: mislabelled_first, CHANCE: by_chance(seed)}[name]
        arms[name, believe] = loop(photos, start, order, size, seed, first, believe)
        print(seed, name, believe, [round(each.accuracy, 3) for each in arms[name, believe]], file=sys.stderr)
    told = {}
    rest = np.setdiff1d(np.arange(len(start.came_as)), start.approved)
    for when, seen in (("before", first), ("after", arms[TOP, True][-1])):
        given = seen.probabilities[rest], start.came_as[rest]
        for whose, find in ((OURS, ours), (CLEANLAB_, theirs)):
            if (flagged := find(*given)) is not None:
                told[when, whose] = found(photos, start, rest, rest[flagged])
    return Run(arms, told)


OURS, CLEANLAB_ = "ours (`ml.mislabelled`)", "cleanlab 2.9.0, `find_label_issues`"


def _first(photos: Photos, start: Start, seed: int) -> tuple[float, int, int, int, int, Floats]:
    accuracy, seen = model(photos, photos.pool.of(start.approved), seed)
    return accuracy, 0, 0, 0, 0, seen


def measure(out: Path, quick: bool = False) -> list[str]:
    """Measure, write loop.md and its plot into ``out``, and return the rows of the summary."""
    if not LANDMARKS.is_dir():
        return [summary.row("the curators' loop", f"not measured: {LANDMARKS} is not there")]
    size, photos = QUICK if quick else FULL, read()
    return written([run(photos, size, seed) for seed in range(FIRST_SEED, FIRST_SEED + size.seeds)], out, quick)


def written(runs: Sequence[Run], out: Path, quick: bool = False) -> list[str]:
    """Write page and plot of ``runs``, and return the rows of the summary."""
    plot(out / "loop.svg", runs)
    summary.page(out / "loop.md", "The curators' loop", list(page(runs)), quick)
    last = {arm: accuracies(runs, arm)[-1] for arm in ARMS}
    rows = []
    for believe, what in ((False, "only what was decided"), (True, "also what agrees")):
        ours_, chance = last[TOP, believe], last[CHANCE, believe]
        figure = f"{mean(ours_):.3f} and {mean(chance):.3f}"
        better = mean(ours_) > mean(chance)
        rows.append(
            summary.row(f"loop, {what} is trained on: in the order of the review, at random", figure, "better", better)
        )
    for whose in (OURS, CLEANLAB_):
        if all(("after", whose) in each.told for each in runs):
            told = together([each.told["after", whose] for each in runs])
            rows.append(
                summary.row(f"wrong labels, {whose}", f"precision {told.precision:.3f}, recall {told.recall:.3f}")
            )
    return rows


def accuracies(runs: Sequence[Run], arm: Arm) -> list[list[float]]:
    """Return the accuracies of an arm, for every round those of all draws."""
    return [[each.accuracy for each in rounds] for rounds in zip(*(one.arms[arm] for one in runs), strict=True)]


HOW = [
    f"From {START} approved pictures of each of the 59 places, over the rest of `train` mixed with negatives. All of",
    f"these came under some place's name, {WRONG:.0%} of the pictures of places under a wrong one. A round: the model",
    f"says what every picture shows, a curator (a script that knows) decides {A_ROUND}, a head is trained anew on",
    "frozen features. Accuracy is over the places, on half B of `val`; half A chooses the epoch and calibrates. These",
    "are the functions that the site's verbs call (`ml.usefulness`, `ml.mislabelled`, the head and loop of",
    "`ml.train`), without database and pages.",
]


def page(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from HOW
    yield from ("", f"Means of {len(runs)} draws, in brackets the least and the greatest.", "", "## Accuracy", "")
    yield from summary.table(("trained on", "decided", *_rounds(runs)), list(accuracy_lines(runs)))
    yield from ("", "![Accuracy over the rounds](loop.svg)", "")
    yield "`What agrees`: pictures that nobody has decided, for which the model of the round before gives the place"
    yield f"under whose name they came {SURE_FROM} or more, the site's threshold for a pre-label. What is probably"
    yield "mislabelled is what the model is sure of: it has little to learn from it, so deciding that first cleans more"
    yield "and teaches less. The order of the review was chosen among six by other draws, but on this same half B: its"
    yield "gain over chance may be a little optimistic."
    yield from ("", "## What was decided, after the last round", "")
    deciding = ("trained on", "order", "decisions", "of these under a wrong label", "agree", "of these mistaken")
    yield from summary.table(deciding, list(decision_lines(runs)))
    yield from ("", "## Wrong labels told by the model", "")
    yield "Of all pictures that were not approved at the start, by the model before anything was decided and by the"
    yield "last one (in the order of the review, with what agrees). `moved`: pictures of places under another place's"
    yield "name; the rest are negatives. A few per cent of the photos' own labels are wrong: false alarms here."
    yield ""
    telling = ("model", "by", "flagged", "precision", "recall", "moved", "negatives")
    yield from summary.table(telling, list(told_lines(runs)))


def _rounds(runs: Sequence[Run]) -> list[str]:
    return ["before", *(f"round {number}" for number in range(1, len(runs[0].arms[ARMS[0]])))]


def _trained_on(believe: bool) -> str:
    return "decided, and what agrees" if believe else "decided"


def accuracy_lines(runs: Sequence[Run]) -> Iterator[str]:
    """Yield a line for every arm."""
    for order, believe in ARMS:
        cells = [
            f"{mean(each):.3f} ({min(each):.3f} to {max(each):.3f})" for each in accuracies(runs, (order, believe))
        ]
        yield summary.line(_trained_on(believe), order, *cells)


def decision_lines(runs: Sequence[Run]) -> Iterator[str]:
    """Yield a line for every arm."""
    for order, believe in ARMS:
        last = [each.arms[order, believe][-1] for each in runs]
        counts = [mean(getattr(one, name) for one in last) for name in ("decided", "wrong", "believed", "mistaken")]
        yield summary.line(_trained_on(believe), order, *(f"{count:.0f}" for count in counts))


def told_lines(runs: Sequence[Run]) -> Iterator[str]:
    """Yield a line for every model and way to tell."""
    for when, whose in runs[0].told:
        told = together([each.told[when, whose] for each in runs])
        parts = [f"{part[0]} of {part[1]}" for part in (told.moved, told.negatives)]
        yield summary.line(when, whose, str(told.flagged), f"{told.precision:.3f}", f"{told.recall:.3f}", *parts)


def plot(path: Path, runs: Sequence[Run]) -> None:
    """Draw the accuracy over the rounds, a band from the least to the greatest draw for the best arm and chance."""
    with mpl.rc_context(plots.STYLE):
        figure, axes = plots.blank("Accuracy on val (half B) over the rounds", 3.2)
        colours = dict(zip((TOP, WRONG_FIRST, CHANCE), (plots.OURS, plots.PARTS[4], plots.OTHER), strict=True))
        for order, believe in ARMS:
            found, name = accuracies(runs, (order, believe)), f"{order}{', with what agrees' * believe}"
            style, x = "-" if believe else ":", range(len(found))
            axes.plot(x, [mean(each) for each in found], style, color=colours[order], marker="o", label=name)
            if believe and order != WRONG_FIRST:
                low, high = [min(each) for each in found], [max(each) for each in found]
                axes.fill_between(x, low, high, color=colours[order], alpha=0.15, linewidth=0)
        axes.set_xticks(range(len(_rounds(runs))), _rounds(runs))
        axes.legend(frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.12))
        plots.save(figure, path)
