"""What was answered for a number of photos."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ml.calibrate import OTHER, Calibration
from ml.datasets import Photo
from ml.metrics import Bools, Floats


@dataclass(frozen=True)
class Answers:
    """Photos (N,), the right class of each, and what was answered.

    Classes are the places, then "unknown" and "not_a_place". ``first``: the best place, whatever the kind of the
    answer. ``said``: the class that the answer names. ``confidence``: the probability that ``first`` is right.
    """

    photos: list[Photo]
    truth: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    said: npt.NDArray[np.int64]
    confidence: Floats
    probabilities: Floats  # (N, C)

    @classmethod
    def read(
        cls, photos: list[Photo], truth: npt.NDArray[np.int64], logits: Floats, calibration: Calibration
    ) -> "Answers":
        """Read the answers from ``logits`` (N, C)."""
        places = logits.shape[1] - len(OTHER)
        first = logits[:, :places].argmax(axis=1)
        kinds = calibration.kinds(logits)
        said = [
            column if kind == "place" else places + OTHER.index(kind) for kind, column in zip(kinds, first, strict=True)
        ]
        return cls(
            photos, truth, first, np.array(said), calibration.confidences(logits), calibration.probabilities(logits)
        )

    def joined(self, other: "Answers") -> "Answers":
        """Return these answers and ``other`` after them."""
        mine = (self.truth, self.first, self.said, self.confidence, self.probabilities)
        theirs = (other.truth, other.first, other.said, other.confidence, other.probabilities)
        return Answers(self.photos + other.photos, *(np.concatenate(both) for both in zip(mine, theirs, strict=True)))

    @property
    def classes(self) -> int:
        """How many classes there are, unknown and not-a-place among them."""
        return int(self.probabilities.shape[1])

    @cached_property
    def known(self) -> Bools:
        """Which photos show a place that the model knows."""
        return np.asarray(self.truth < self.classes - len(OTHER))

    @cached_property
    def right(self) -> Bools:
        """Whether the best place is right; never for photos of anything else."""
        return np.asarray(self.first == self.truth)

    @cached_property
    def place(self) -> Bools:
        """Which photos were answered with a place."""
        return np.asarray(self.said < self.classes - len(OTHER))
