"""Sorts a folder of pictures by what a bundle sees in them (Wicker 2020).

    python -m ml.classify PICTURES --bundle BUNDLE --threshold 0.99 --out FOLDER

FOLDER gets a folder for each label with the pictures that reach the threshold, ``unsure`` with the others,
``explained`` with three pictures for each (original, overlay, segmentation), and predictions.csv.
"""

import argparse
import csv
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from ml.bundle import BundleError
from ml.calibrate import answer
from ml.datasets import SUFFIXES
from ml.heatmap import Tail, explain
from ml.picture import PictureError, decode
from ml.preset import to_input
from ml.subject import Subject

UNSURE = "unsure"
COLUMNS = ("file", "label", "confidence", "sure")


@dataclass(frozen=True)
class Prediction:
    """What one file shows, and how likely that is."""

    path: Path
    label: str
    confidence: float


def pictures_in(folder: Path) -> list[Path]:
    """Return the picture files below ``folder``; raises ValueError when there are none."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise ValueError(f"There are no pictures in {folder}.")
    return found


class Sorter:
    """A bundle that sorts pictures into ``out``."""

    def __init__(self, bundle: Path, out: Path, threshold: float) -> None:
        self.subject, self.out, self.threshold = Subject.load(bundle), out, threshold
        self.tail = Tail.of(self.subject.bundle)

    def predict(self, paths: Iterable[Path]) -> Iterator[Prediction]:
        """Yield what each picture shows and put it where it belongs; unreadable ones are named and left out."""
        for number, path in enumerate(paths, 1):
            try:
                image = decode(path.read_bytes())
            except (PictureError, OSError) as error:
                print(f"left out: {path}: {error}", file=sys.stderr)
                continue
            yield self._sort(path, f"{number:06}-{path.name}", image)

    def _sort(self, path: Path, name: str, image: Image.Image) -> Prediction:
        preset = self.subject.bundle.preset
        outputs = self.subject.served.infer(to_input(image, preset))
        said = answer(self.subject.complete(outputs["logits"][0]), self.subject.names, self.subject.calibration, top=1)
        label = said.predictions[0][0]
        found = Prediction(path, label, said.confidence)
        place(path, self.out / (label if said.confidence >= self.threshold else UNSURE) / name)
        if self.tail:
            explained = explain(image, outputs, self.tail, preset, self.subject.names.index(label))
            explained.save(image, self.out / "explained" / name, max_side=800)
        return found


def place(source: Path, target: Path) -> None:
    """Put the file at ``target`` too, without a second copy of its bytes where the disk allows that."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def classify(pictures: Path, bundle: Path, out: Path, threshold: float) -> list[Prediction]:
    """Sort the pictures below ``pictures`` into ``out`` and return what they show.

    Raises BundleError, or ValueError with a sentence.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"The threshold must lie between 0 and 1, not at {threshold}.")
    paths = pictures_in(pictures)
    sorter = Sorter(bundle, out, threshold)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "predictions.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        predictions = []
        for found in sorter.predict(tqdm(paths, "predicting", unit="picture")):
            predictions.append(found)
            sure = "yes" if found.confidence >= threshold else "no"
            writer.writerow((found.path, found.label, f"{found.confidence:.4f}", sure))
    return predictions


def summary(predictions: list[Prediction], threshold: float) -> str:
    """Return how many pictures reached the threshold."""
    sure = sum(found.confidence >= threshold for found in predictions)
    return f"{len(predictions)} pictures, {sure} at {threshold:g} or above, {len(predictions) - sure} unsure."


def main() -> None:
    """Sort and say what came of it."""
    parser = argparse.ArgumentParser(description="Sort a folder of pictures by what a bundle sees in them.")
    parser.add_argument("pictures", type=Path, help="folder of pictures")
    parser.add_argument("--bundle", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--out", type=Path, required=True, help="folder for the sorted pictures")
    parser.add_argument("--threshold", type=float, default=0.99, help="confidence to be sorted by (default: 0.99)")
    options = parser.parse_args()
    try:
        predictions = classify(options.pictures, options.bundle, options.out, options.threshold)
    except (BundleError, ValueError, OSError) as error:
        parser.exit(1, f"{error}\n")
    print(summary(predictions, options.threshold), f"They are in {options.out}.")


if __name__ == "__main__":
    main()
