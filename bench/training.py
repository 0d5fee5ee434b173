"""Training beside Keras: the same frozen recipe, pictures, weights and epochs; writes docs/benchmarks/training.md.

    python -m bench.training

Ours is measured cold, before Keras and after it: nothing cached, so that the features are computed in its time.
"""

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

from bench import peers, spent, summary
from bench.spent import ROOT, Spent
from ml.train import HEAD, Options, train
from ml.weights import VGG16
from tests.drawings import KINDS, drawing

DOCS = ROOT / "docs" / "benchmarks"
LANDMARKS = ROOT.parent / "shared" / "data" / "landmarks"
BATCH, RATE = 15, 1e-3  # the papers' and Keras' own
GOAL = 10  # times


@dataclass(frozen=True)
class Size:
    """How much is trained."""

    places: int
    photos: int  # of each place, to train on
    choose: int  # of each place, to choose the epoch by, at most
    report: int  # of each place, at most
    epochs: int


FULL = Size(places=10, photos=8, choose=3, report=60, epochs=20)
QUICK = Size(places=3, photos=4, choose=2, report=3, epochs=2)


@dataclass(frozen=True)
class Trained:
    """What a training took, and how many of the photos to report on its network gets right."""

    taken: Spent
    accuracy: float
    epochs: int


def subset(folder: Path, size: Size) -> None:
    """Write photos for both, in the form that each reads."""
    parts = landmarks(size) if LANDMARKS.is_dir() else drawings(size)
    rows = []
    for part, label, name, data in parts:
        ours = folder / ("train" if part == "train" else "val") / label / name
        for path in {ours, folder / part / label / name}:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if part != "train":
            rows.append((f"{label}/{name}", {"choose": "A", "report": "B"}[part]))
    with open(folder / "val-split.csv", "w", newline="") as file:
        csv.writer(file).writerows([("path", "part"), *rows])


Part = tuple[str, str, str, bytes]  # train, choose or report; the label; the file's name and content


def landmarks(size: Size) -> Iterator[Part]:
    """Yield photos of the first places, to train on a few, spread over those that there are."""
    places = sorted(path.name for path in (LANDMARKS / "train").iterdir())[: size.places]
    with open(LANDMARKS / "val-split.csv", newline="") as file:
        halves = dict(list(csv.reader(file))[1:])
    for place in places:
        found = sorted((LANDMARKS / "train" / place).glob("*.jpg"))
        step = max(1, len(found) // size.photos)
        yield from (("train", place, path.name, path.read_bytes()) for path in found[::step][: size.photos])
        held_out = sorted((LANDMARKS / "val" / place).glob("*.jpg"))
        for half, part, most in (("A", "choose", size.choose), ("B", "report", size.report)):
            mine = [path for path in held_out if halves[f"{place}/{path.name}"] == half]
            yield from ((part, place, path.name, path.read_bytes()) for path in mine[:most])


def drawings(size: Size) -> Iterator[Part]:
    """Yield drawings of a few kinds, where the photos are not there."""
    parts = ["train"] * size.photos + ["choose"] * size.choose + ["report"] * size.report
    for kind in KINDS:
        for number, part in enumerate(parts):
            yield part, kind, f"{number}.png", drawing(kind, number, 96)


def ours(photos: Path, folder: Path, epochs: int) -> None:
    """Be the process that is measured: `ml.train` with the papers' recipe, not stopped early."""
    recipe = replace(HEAD, epochs=epochs, patience=epochs, batch=BATCH, rate=RATE, smoothing=0.0, mixup=0.0)
    bundle = train(
        Options(
            photos, folder / "bundle", cache=folder / "cache", pooling="mean", views=0, fine_tune=False, head=recipe
        )
    )
    accuracy = {name: part for name, part in bundle.metrics["report"].items() if name in ("small", "large")}
    right = sum(part["photos"] * part["top_1"] for part in accuracy.values())
    done = len((folder / "bundle.run" / "log.jsonl").read_text().splitlines())
    said = {"accuracy": right / sum(part["photos"] for part in accuracy.values()), "epochs": done}
    (folder / "said.json").write_text(json.dumps(said))


def run_ours(photos: Path, epochs: int) -> Trained:
    """Train with ours, nothing at hand."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.training", "--ours", str(photos), folder, str(epochs)]
        return measured(command, Path(folder) / "said.json")


def run_keras(photos: Path, epochs: int) -> Trained | None:
    """Train with Keras, None where it cannot be installed."""
    script = (Path(__file__).parent / "keras_frozen.py").read_text()
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said.json"
        arguments = (str(photos), str(VGG16.places()[0]), str(epochs), str(said))
        command = peers.command("keras", script, *arguments)
        return measured(command, said, peers.environment()) if command else None


def measured(command: list[str], said: Path, environment: dict[str, str] | None = None) -> Trained:
    """Run a training to its end; ``said`` is the file in which it says how good it became."""
    taken = spent.run(command, environment=environment)
    values = json.loads(said.read_text())
    return Trained(taken, values["accuracy"], values["epochs"])


def measure(out: Path, quick: bool = False) -> list[str]:
    """Train with both, write the page, and return the rows for the short table."""
    size = QUICK if quick else FULL
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder)
        subset(photos, size)
        runs = [run_ours(photos, size.epochs)]
        keras = run_keras(photos, size.epochs)
        runs.append(run_ours(photos, size.epochs))
        what = described(photos, size)
    goals = rows(runs, keras)
    page = [*HOW, "", what, "", *table(runs, keras), "", *summary.table(summary.COLUMNS, goals)]
    summary.page(out / "training.md", "Training beside Keras", page, quick)
    return goals


HOW = [
    "The papers' recipe: VGG16 with the Oxford weights, frozen; the mean of its last map, dense 1,024, ReLU, dropout",
    "of a half, softmax; Adam at 0.001, batches of 15, pictures mirrored by chance, the best epoch kept. Keras (on",
    "TensorFlow) computes the backbone in every epoch, validation too, as the papers' generator makes it do; ours",
    "computes each picture's features once a view, starting with nothing cached. Whole processes, from start to end.",
]


def described(photos: Path, size: Size) -> str:
    """Return what is trained and reported on."""
    counts = {part: len(list((photos / part).rglob("*.*g"))) for part in ("train", "choose", "report")}
    places = len(list((photos / "report").iterdir()))
    return (
        f"{places} labels; {counts['train']} pictures to train on, {counts['choose']} to choose the epoch by, "
        f"{counts['report']} to report on; {size.epochs} epochs."
    )


def table(runs: Sequence[Trained], keras: Trained | None) -> list[str]:
    """Return the lines of the page's table."""
    named = [("ours, before Keras", runs[0]), ("ours, after Keras", runs[1])]
    named += [("Keras", keras)] if keras else []
    columns = ("training", "wall time", "CPU time", "accuracy", "epochs")
    return summary.table(
        columns,
        [summary.line(name, *t.taken.words, f"{t.accuracy:.3f}", str(t.epochs)) for name, t in named],
    )


def rows(runs: Sequence[Trained], keras: Trained | None) -> list[str]:
    """Return the rows for the short table."""
    if keras is None:
        return [summary.row("Keras beside ours", "cannot be installed here", f"at least {GOAL} times", None)]
    seconds, accuracy = mean(run.taken.wall for run in runs), min(run.accuracy for run in runs)
    ratio, cpu = keras.taken.wall / seconds, keras.taken.cpu / mean(run.taken.cpu for run in runs)
    return [
        summary.row("the papers' recipe in Keras, wall time", keras.taken.words[0]),
        summary.row("the same with `python -m ml.train`, nothing cached", f"{seconds:.1f} s"),
        summary.row(
            "times less wall time than Keras", f"{ratio:.1f} ({cpu:.1f} in CPU time)", f"at least {GOAL}", ratio >= GOAL
        ),
        summary.row(
            "accuracy, ours and Keras",
            f"{accuracy:.3f} and {keras.accuracy:.3f}",
            "no lower",
            accuracy >= keras.accuracy,
        ),
    ]


def main() -> int:
    """Measure, or be the process that is measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.training", description="Train beside Keras.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see whether it runs")
    parser.add_argument("--ours", nargs=3, metavar=("PHOTOS", "FOLDER", "EPOCHS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ours:
        photos, folder, epochs = given.ours
        ours(Path(photos), Path(folder), int(epochs))
    else:
        print("\n".join(measure(peers.CACHE / "quick" if given.quick else DOCS, given.quick)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
