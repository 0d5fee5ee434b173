"""What an evaluation is of: a bundle as it is served here, and photos that say what they show."""

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml import engine
from ml.bundle import Bundle, BundleError
from ml.calibrate import OTHER, Calibration, with_others
from ml.datasets import Collection, Photo, read
from ml.preset import to_input

TIMED = 50  # pictures


@dataclass(frozen=True)
class Subject:
    """A bundle and its engine. A network that lacks the two other answers never gives them."""

    bundle: Bundle
    served: engine.Engine

    @classmethod
    def load(cls, folder: Path, wanted: str = engine.AUTO) -> "Subject":
        """Load the bundle in ``folder`` with the engine ``wanted``; raises BundleError, EngineError."""
        bundle = Bundle.load(folder)
        return cls(bundle, engine.load(bundle, wanted=wanted))

    @property
    def whole(self) -> bool:
        """Whether the labels end with the two other answers."""
        return bool(self.bundle.labels[-len(OTHER) :] == list(OTHER))

    @property
    def names(self) -> list[str]:
        """The label of every class, the two other answers among them."""
        names = [label if isinstance(label, str) else label["name"] for label in self.bundle.labels]
        return names if self.whole else [*names, *OTHER]

    @property
    def columns(self) -> dict[str, int]:
        """The class of every label that a photo may have; ImageNet's by name or by WordNet id."""
        ids = {x["wordnet_id"]: i for i, x in enumerate(self.bundle.labels) if isinstance(x, dict)}
        return {**ids, **{name: column for column, name in enumerate(self.names)}}

    @property
    def calibration(self) -> Calibration:
        """How its logits are read."""
        calibration = Calibration(**self.bundle.calibration)
        return calibration if self.whole else replace(calibration, threshold=0.0)

    def logits(self, image: Image.Image) -> npt.NDArray[np.float32]:
        """Return logits (C,) for a photo, minus infinity for answers that the network lacks; raises BundleError."""
        return self.complete(self.served.infer(to_input(image, self.bundle.preset))["logits"][0])

    def complete(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return logits (C,) with minus infinity for answers that the network lacks; raises BundleError."""
        if not np.isfinite(logits).all():
            raise BundleError(
                f"The model in {self.bundle.path} answers a photo with what is no number (NaN or infinite). "
                "Its training went wrong: train it again."
            )
        return logits if self.whole else with_others(logits)

    def first(self, image: Image.Image) -> int:
        """Return the best place's column."""
        return int(self.logits(image)[: -len(OTHER)].argmax())

    def cost(self, images: list[Image.Image]) -> dict[str, Any]:
        """Return megabytes on disk, and the median milliseconds that a picture takes to prepare and to compute."""
        prepared, computed = [], []
        for image in images[:TIMED]:
            start = time.perf_counter()
            x = to_input(image, self.bundle.preset)
            middle = time.perf_counter()
            self.served.infer(x)
            prepared.append(middle - start)
            computed.append(time.perf_counter() - middle)
        return {
            "megabytes": sum(file.stat().st_size for file in self.bundle.path.rglob("*") if file.is_file()) / 1e6,
            "pictures": len(computed),
            "prepare_ms": median(prepared) * 1000,
            "compute_ms": median(computed) * 1000,
            "engine": self.served.description,
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        }


@dataclass(frozen=True)
class Parts:
    """The photos to choose by, none where all are reported on, and those to report on."""

    choose: list[Photo]
    report: list[Photo]

    @classmethod
    def read(cls, photos: Path, every: int = 1, everything: bool = False) -> "Parts":
        """Read every n-th of the photos in ``photos`` that nothing is trained on, or of ``everything`` in it.

        Raises ValueError with a sentence.
        """
        if everything:
            return cls([], read(photos)[::every])
        collection = Collection.read(photos)
        return cls(collection.choose[::every], collection.report[::every])

    def of(self, bundles: Sequence[Bundle]) -> "Parts":
        """Return the photos that show what each of ``bundles`` knows, and those of the two other answers."""
        known = [{label if isinstance(label, str) else label["name"] for label in each.labels} for each in bundles]
        common = set.intersection(*known) | set(OTHER)
        choose, report = ([p for p in photos if p.label in common] for photos in (self.choose, self.report))
        return Parts(choose, report)

    def check(self, subject: Subject) -> list[str]:
        """Return sentences about classes without photos; raises ValueError for labels that the bundle lacks."""
        labels = {photo.label for photo in self.choose + self.report}
        if strange := sorted(labels - set(subject.columns)):
            raise ValueError(
                f"The photos have labels that the bundle in {subject.bundle.path} does not know: {some(strange)}. "
                "Give the photos that it was trained for, or train it on these."
            )
        there = {subject.columns[photo.label] for photo in self.report}
        names = [name for column, name in enumerate(subject.names[: -len(OTHER)]) if column not in there]
        return [f"No photo to report on shows {some(names)}: the figures leave this out."] if names else []


def some(names: list[str], most: int = 3) -> str:
    """Return the first ``most`` names in words."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
