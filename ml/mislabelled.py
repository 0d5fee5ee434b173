"""Labels that are likely wrong: confident learning (Northcutt, Jiang and Chuang 2021). NumPy only."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Suspects:
    """Rows whose label is likely wrong, likeliest first, and the label each seems to have; arrays (K,)."""

    rows: npt.NDArray[np.int64]
    suggested: npt.NDArray[np.int64]


def suspects(probabilities: Floats, labels: Integers) -> Suspects:
    """Find likely wrong ``labels`` (N,) from ``probabilities`` (N, C) of a model that was not trained on these rows.

    A row counts confidently as a class when the class's probability reaches what rows of that label have on
    average; rows that count as another class than their label are the confident joint's off-diagonal. They are
    ordered by normalised margin: the label's probability less the suggested class's.
    """
    everyone = np.arange(len(labels))
    confident = probabilities >= _self_confidence(probabilities, labels)
    suggested = np.where(confident, probabilities, -1.0).argmax(axis=1)
    margin = probabilities[everyone, labels] - probabilities[everyone, suggested]
    rows = np.flatnonzero(confident.any(axis=1) & (suggested != labels) & (margin < 0))
    rows = rows[np.argsort(margin[rows], kind="stable")]
    return Suspects(rows, suggested[rows])


def _self_confidence(probabilities: Floats, labels: Integers) -> Floats:
    """Return (C,): the mean probability of each class over the rows labelled so; no row, never reached."""
    classes = probabilities.shape[1]
    count = np.bincount(labels, minlength=classes)
    total = np.bincount(labels, probabilities[np.arange(len(labels)), labels], minlength=classes)
    return np.where(count > 0, total / np.maximum(count, 1), np.inf)


@dataclass(frozen=True)
class Planted:
    """How well planted wrong labels were found, over all draws; rows that were suspect before are not counted."""

    planted: int
    flagged: int
    found: int

    @property
    def precision(self) -> float:
        """The share of planted ones among the suspects."""
        return self.found / max(1, self.flagged)

    @property
    def recall(self) -> float:
        """The share of the planted ones that was found."""
        return self.found / max(1, self.planted)


def found_when_planted(probabilities: Floats, labels: Integers, share: float = 0.05, draws: int = 10) -> Planted:
    """Give a ``share`` of rows another label, look for wrong ones, and count what comes back, ``draws`` times.

    Rows that are suspect before are left alone: nobody knows whether they are right.
    """
    trusted = np.setdiff1d(np.arange(len(labels)), suspects(probabilities, labels).rows)
    present, count = np.unique(labels), min(len(trusted), max(1, round(share * len(labels))))
    flagged = found = 0
    for seed in range(draws):
        draw = np.random.default_rng(seed)
        rows = draw.choice(trusted, count, replace=False)
        changed = labels.copy()
        changed[rows] = [draw.choice(present[present != label]) for label in labels[rows]]
        suspected = np.intersect1d(suspects(probabilities, changed).rows, trusted)
        flagged, found = flagged + len(suspected), found + len(np.intersect1d(suspected, rows))
    return Planted(count * draws, flagged, found)
