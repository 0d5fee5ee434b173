"""The papers' networks beside ours, in one table: writes docs/benchmarks/models.md.

    python -m bench models

Bundles are kept under var/bench, so that a second run is quick; a training that was interrupted goes on.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from bench import peers, plots, spent, summary, training
from bench.spent import ROOT, Spent
from ml.calibrate import OTHER
from ml.evaluate import STARTER, look
from ml.metrics import confusion, macro, wilson
from ml.subject import TIMED, Parts, Subject

LANDMARKS = ROOT.parent / "shared" / "data" / "landmarks"
FOLDER = peers.CACHE / "models"
CNN64 = "cnn64"
TRAINED = {
    CNN64: ["--network", "cnn64"],
    "frozen": ["--pooling", "mean", "--no-fine-tuning", "--views", "0", "--cache", str(peers.CACHE / "features")],
}
NAMES = {
    CNN64: "`cnn64`, 64 x 64 pixels, 50 epochs from nothing (Jang)",
    "frozen": "VGG16 frozen, mean of the last map, dense 1,024 (Paruchuri, Wicker)",
    "ours": "ours, as it ships: `ml/starter/places`",
}
TRAINING, VALIDATION = plots.OURS, "#fd7e14"  # colours


@dataclass(frozen=True)
class Model:
    """One row of the table. ``training`` None: it was trained elsewhere."""

    small: tuple[int, int]  # photos right, photos
    large: tuple[int, int]
    f1: float  # macro
    megabytes: float
    milliseconds: float
    training: Spent | None


def trained(name: str, photos: Path, folder: Path, quick: bool = False) -> Path:
    """Return the bundle of a recipe, trained if it is not there."""
    bundle = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    if not (bundle / "bundle.json").is_file():
        command = [sys.executable, "-m", "ml.train", str(photos), "--out", str(bundle), *TRAINED[name]]
        spent.run(command + ["--epochs", "2"] * quick, folder / f"{name}.json")
    return bundle


def model(bundle: Path, photos: Path, taken: Path) -> Model:
    """Return the row of a bundle, on the known places of the half of ``photos`` to report on."""
    subject = Subject.load(bundle)
    parts = Parts.read(photos)
    parts.check(subject)
    known = [photo for photo in parts.report if photo.label not in OTHER]
    seen = look(subject, known, others=False).seen
    logits = seen.plain[:, : -len(OTHER)]
    cost = subject.cost([photo.open() for photo in known[:TIMED]])
    right = logits.argmax(1) == seen.truth
    small, large = ((int(right[rows].sum()), int(rows.sum())) for rows in (~seen.large, seen.large))
    matrix = confusion(seen.truth, logits.argmax(1), logits.shape[1])
    return Model(
        small, large, f1=macro(matrix)["f1"],
        megabytes=(bundle / "model.onnx").stat().st_size / 1e6,
        milliseconds=cost["prepare_ms"] + cost["compute_ms"],
        training=Spent(**json.loads(taken.read_text())) if taken.is_file() else None,
    )  # fmt: skip


def measure(out: Path, quick: bool = False) -> list[str]:
    """Train what is not there, write the page and the curve, and return the rows for the short table."""
    if not LANDMARKS.is_dir():
        return [summary.row("the papers' networks beside ours", f"not measured: {LANDMARKS} is not there")]
    if not quick:
        return measured(out, LANDMARKS, FOLDER, quick)
    with tempfile.TemporaryDirectory() as folder:
        training.subset(Path(folder) / "photos", training.QUICK)
        return measured(out, Path(folder) / "photos", Path(folder), quick)


def measured(out: Path, photos: Path, folder: Path, quick: bool) -> list[str]:
    """Do what ``measure`` says with ``photos``, bundles in ``folder``."""
    bundles = {name: trained(name, photos, folder, quick) for name in TRAINED}
    models = {
        name: model(bundle, photos, folder / f"{name}.json") for name, bundle in [*bundles.items(), ("ours", STARTER)]
    }
    epochs = [json.loads(line) for line in (folder / f"{CNN64}.run" / "log.jsonl").read_text().splitlines()]
    curve(epochs, out / "cnn64.svg")
    goals = rows(models)
    lines = [*page(models, epochs), "", *summary.table(summary.COLUMNS, goals)]
    summary.page(out / "models.md", "The papers' networks beside ours", lines, quick)
    return goals


def page(models: dict[str, Model], epochs: Sequence[dict[str, float]]) -> list[str]:
    """Return the lines of the page."""
    columns = ("network", "small photos", "large photos", "macro F1", "file", "a picture", "training", "CPU time")
    lines = [summary.line(NAMES[name], *cells(each)) for name, each in models.items()]
    best = max(epochs, key=lambda epoch: epoch["val_accuracy"])
    return [
        "Accuracy (and where it lies with 95% certainty) and macro F1 over the 59 places, on half B of `val`, which",
        "nothing was trained on or chosen by; trained on `train`, with its negatives, by `python -m ml.train`. Answers",
        "and times (from the decoded photo to the answer, the median) come through the serving engine. Training is",
        "what all its processes took; features that were at hand already are not in it.",
        "",
        *summary.table(columns, lines),
        "",
        f"## The {len(epochs)} epochs of `cnn64`",
        "",
        f"The highest accuracy on half A was {best['val_accuracy']:.3f}, in epoch {best['epoch']}. Kept is the epoch",
        "of the lowest loss on half A. The paper's 0.9375 is of its own photos, of which none is to be had.",
        "",
        "![Loss and accuracy over the epochs](cnn64.svg)",
    ]


def cells(each: Model) -> list[str]:
    """Return the cells of a row."""
    taken = each.training.words if each.training else ("[model card](../model-card.md)", "")
    accuracy = [share(*each.small), share(*each.large)]
    return [*accuracy, f"{each.f1:.3f}", f"{each.megabytes:.1f} MB", f"{each.milliseconds:.1f} ms", *taken]


def share(right: int, of: int) -> str:
    """Return a share with its 95% interval."""
    low, high = wilson(right, of)
    return f"{right / of:.3f} ({low:.3f} to {high:.3f})" if of else "none"


def rows(models: dict[str, Model]) -> list[str]:
    """Return the rows for the short table."""
    best = models["ours"]
    others = [each for name, each in models.items() if name != "ours"]
    accuracies = {
        name: " / ".join(f"{right / of:.3f}" if of else "none" for right, of in (each.small, each.large))
        for name, each in models.items()
    }
    return [
        *(summary.row(f"{NAMES[name]}: accuracy small / large", value) for name, value in accuracies.items()),
        summary.row(
            "macro F1, ours and the better of the papers'",
            f"{best.f1:.3f} and {max(each.f1 for each in others):.3f}",
            "higher",
            best.f1 > max(each.f1 for each in others),
        ),
    ]


def curve(epochs: Sequence[dict[str, float]], path: Path) -> None:
    """Draw loss and accuracy over the epochs."""
    numbers = [epoch["epoch"] for epoch in epochs]
    kept = min(epochs, key=lambda epoch: epoch["val_loss"])
    with mpl.rc_context({**plots.STYLE, "axes.grid": True, "grid.color": "#e9ecef"}):
        figure, (loss, accuracy) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
        for key, name, colour in (
            ("loss", "training, drawn views", TRAINING),
            ("val_loss", "half A of val", VALIDATION),
        ):
            loss.plot(numbers, [epoch[key] for epoch in epochs], color=colour, label=name, linewidth=2)
        loss.legend(frameon=False)
        loss.set(title="loss", xlabel="epoch", xlim=(1, None), ylim=(0, None))
        accuracy.plot(numbers, [epoch["val_accuracy"] for epoch in epochs], color=VALIDATION, linewidth=2)
        accuracy.plot(kept["epoch"], kept["val_accuracy"], "o", color=VALIDATION)
        words = f"kept: {kept['val_accuracy']:.3f} in epoch {kept['epoch']}"
        accuracy.text(kept["epoch"], kept["val_accuracy"] - 0.06, words, ha="right", va="top")
        accuracy.set(title="accuracy on half A of val", xlabel="epoch", xlim=(1, None), ylim=(0, 1))
        plots.save(figure, path)
