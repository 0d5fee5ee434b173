"""LeNet-5 on MNIST, from idx files and from a list of pictures: writes docs/benchmarks/digits.md.

python -m bench digits
"""

import gzip
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tqdm import tqdm

from bench import peers, spent, summary
from bench.spent import ROOT, Spent
from ml import engine
from ml.bundle import Bundle
from ml.datasets import Photo, idx, image_list
from ml.preset import to_input
from ml.subject import Subject

MNIST = ROOT.parent / "shared" / "data" / "mnist"
FOLDER = peers.CACHE / "digits"
ACCURACY, MILLISECONDS = 0.992, 1.0  # the goals (Zhang and Chen 2020)
RECIPE = ["--network", "lenet5"]


@dataclass(frozen=True)
class Result:
    """A network trained from one kind of input: what that took, how good it is, how fast on one core."""

    training: Spent
    accuracy: float
    milliseconds: float  # a picture, prepared and computed; the median


def digits(folder: Path, name: str) -> list[Photo]:
    """Return the digits of MNIST's ``train`` or ``t10k`` files."""
    pictures, labels = (next(folder.glob(f"{name}-{kind}*")) for kind in ("images-idx3", "labels-idx1"))
    return idx(pictures, labels)


def few(folder: Path, counts: dict[str, int]) -> Path:
    """Write idx files with the first digits of MNIST's; return their folder."""
    for name, count in counts.items():
        for kind, head, each in (("images-idx3", 16, 28 * 28), ("labels-idx1", 8, 1)):
            source = next(MNIST.glob(f"{name}-{kind}*"))
            data = gzip.decompress(source.read_bytes())
            header = data[:4] + struct.pack(">I", count) + data[8:head]
            (folder / source.name).write_bytes(gzip.compress(header + data[head : head + each * count]))
    return folder


def listed(photos: Sequence[Photo], folder: Path) -> Path:
    """Write digits as PNG files with a list of lines `path label`; return the list."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = []
    for number, photo in enumerate(tqdm(photos, folder.name)):
        photo.open().save(folder / f"{number:05}.png", compress_level=1)
        lines.append(f"{number:05}.png {photo.label}\n")
    (folder / "list.txt").write_text("".join(lines))
    return folder / "list.txt"


def result(source: Path, name: str, test: Sequence[Photo], quick: bool) -> Result:
    """Train from ``source`` and try the bundle on the digits to test by."""
    out = FOLDER / name
    for old in (out, out.with_name(f"{name}.run")):
        shutil.rmtree(old, ignore_errors=True)
    command = [sys.executable, "-m", "ml.train", str(source), *RECIPE, "--out", str(out)]
    return Result(spent.run(command + ["--epochs", "1"] * quick), *tried(out, test))


def tried(folder: Path, test: Sequence[Photo]) -> tuple[float, float]:
    """Return accuracy and the median milliseconds of a picture, prepared and computed by one core."""
    bundle = Bundle.load(folder)
    subject = Subject(bundle, engine.load(bundle, FOLDER / "engines", threads=1))
    right, taken = 0, []
    for photo in tqdm(test, folder.name):
        image = photo.open()
        began = time.perf_counter()
        logits = subject.served.infer(to_input(image, bundle.preset))["logits"][0]
        taken.append(time.perf_counter() - began)
        right += subject.names[int(logits.argmax())] == photo.label
    return right / len(test), median(taken) * 1000


def measure(out: Path, quick: bool = False) -> list[str]:
    """Train twice, write the page, and return the rows for the short table."""
    if not MNIST.is_dir():
        return [summary.row("LeNet-5 on MNIST", f"not measured: {MNIST} is not there")]
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not quick:
        return measured(out, MNIST, quick)
    with tempfile.TemporaryDirectory() as folder:
        return measured(out, few(Path(folder), {"train": 600, "t10k": 200}), quick)


def measured(out: Path, source: Path, quick: bool) -> list[str]:
    """Do what ``measure`` says with the idx files in ``source``."""
    train, test = digits(source, "train"), digits(source, "t10k")
    results = {"idx files": result(source, "idx", test, quick)}
    lists = [listed(photos, FOLDER / name) for name, photos in (("listed-train", train), ("listed-test", test))]
    results["a list of PNG files, lines `path label`"] = result(lists[0], "list", image_list(lists[1]), quick)
    columns = ("trained from", "training", "CPU time", f"right, of {len(test):,} test digits", "a digit")
    lines = [
        summary.line(name, *r.training.words, f"{r.accuracy:.2%}", f"{r.milliseconds:.3f} ms")
        for name, r in results.items()
    ]
    goals = [row for name, r in results.items() for row in rows(name, r)]
    page = [*HOW, "", *summary.table(columns, lines), "", *summary.table(summary.COLUMNS, goals)]
    summary.page(out / "digits.md", "LeNet-5 on MNIST", page, quick)
    return goals


HOW = [
    f"`python -m ml.train ../shared/data/mnist {' '.join(RECIPE)}`, and the same from a list of",
    "pictures. The test digits play no part in training or in choosing the epoch; of the files, a twelfth of",
    "the others is kept to choose by, of the list a fifth is kept to choose and report by. Answers and times come",
    "through the serving engine with one thread, from the picture in memory to the answer.",
]


def rows(name: str, found: Result) -> list[str]:
    """Return the rows for the short table."""
    return [
        summary.row(
            f"LeNet-5 from {name}: test digits right", f"{found.accuracy:.2%}", f"at least {ACCURACY:.1%}",
            found.accuracy >= ACCURACY,
        ),
        summary.row(
            f"LeNet-5 from {name}: a digit on one core", f"{found.milliseconds:.2f} ms", f"under {MILLISECONDS:g} ms",
            found.milliseconds < MILLISECONDS,
        ),
        summary.row(f"LeNet-5 from {name}: training", "{} ({} of CPU)".format(*found.training.words)),
    ]  # fmt: skip
