"""Figures that say how good answers are. NumPy only."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.integer]


def top_k(scores: Floats, truth: Integers, k: int) -> float:
    """Return the share of rows (N, C) whose right column is among the ``k`` highest."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float((best == truth[:, None]).any(axis=1).mean())


def confusion(truth: Integers, said: Integers, classes: int) -> npt.NDArray[np.int64]:
    """Return counts (C, C): how often each class (row) was taken for each class (column)."""
    pairs = truth.astype(np.int64) * classes + said
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


@dataclass(frozen=True)
class PerClass:
    """What a confusion matrix says of every class, arrays (C,); NaN where a figure is 0/0."""

    precision: Floats
    recall: Floats
    f1: Floats
    support: Integers
    predicted: Integers


def per_class(matrix: Integers) -> PerClass:
    """Return precision, recall and F1, their harmonic mean, of every class of a confusion matrix (C, C)."""
    right, support, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return PerClass(right / predicted, right / support, 2 * right / (support + predicted), support, predicted)


def macro(matrix: Integers) -> dict[str, float]:
    """Return accuracy, and precision, recall and F1 averaged over the classes that occur, every class alike.

    A class that occurs but is never said has no precision, one that is only said no recall: these count as 0.
    """
    each = per_class(matrix)
    occurs = each.support + each.predicted > 0
    means = {name: float(np.nan_to_num(getattr(each, name)[occurs]).mean()) for name in ("precision", "recall", "f1")}
    return {"accuracy": float(np.trace(matrix) / matrix.sum()), **means}


def wilson(right: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """Return where the share that ``right`` of ``of`` estimates lies, by default with 95% certainty (Wilson 1927)."""
    if not of:
        return 0.0, 1.0
    share, spread = right / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * (share * (1 - share) / of + spread / of / 4) ** 0.5
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence lies between ``low`` and ``high``; means, NaN where there are none."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def reliability(confidence: Floats, right: Bools, bins: int = 15) -> list[Bin]:
    """Return confidence against accuracy in ``bins`` bins of equal width."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    for b in range(bins):
        inside = which == b
        means = [float(x[inside].mean()) if inside.any() else float("nan") for x in (confidence, right)]
        found.append(Bin(b / bins, (b + 1) / bins, int(inside.sum()), *means))
    return found


def calibration_error(confidence: Floats, right: Bools, bins: int = 15) -> float:
    """Return the expected calibration error: the mean distance of confidence and accuracy over equal bins."""
    filled = [b for b in reliability(confidence, right, bins) if b.count]
    return sum(b.count * abs(b.confidence - b.accuracy) for b in filled) / len(confidence)


def auroc(positive: Floats, negative: Floats) -> float:
    """Return the probability that a positive scores above a negative; ties count half."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return float(below.mean() / 2 / len(negative))


def roc(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """Return the shares (false positives, true positives) at every threshold, from none above to all."""
    steps = np.unique(np.concatenate([positive, negative]))[::-1]
    false, true = (1 - np.searchsorted(np.sort(x), steps, "left") / len(x) for x in (negative, positive))
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], true])


def risk_coverage(confidence: Floats, right: Bools) -> tuple[Floats, Floats]:
    """Return coverage and the share of wrong ones among the covered, as the threshold falls; ties fall together."""
    order = np.argsort(-confidence, kind="stable")
    count = np.arange(1, len(order) + 1)
    last = np.append(np.diff(confidence[order]) != 0, True)
    return (count / len(order))[last], (np.cumsum(~right[order]) / count)[last]


def at_threshold(confidence: Floats, right: Bools, threshold: float) -> dict[str, float | None]:
    """Return how many answers reach ``threshold``, and how many are right over all and among those."""
    above = confidence >= threshold
    return {
        "photos": len(right),
        "above": int(above.sum()),
        "coverage": float(above.mean()),
        "accuracy": float(right.mean()),
        "accuracy_above": float(right[above].mean()) if above.any() else None,
    }


def threshold_for(confidence: Floats, right: Bools, accuracy: float) -> float | None:
    """Return the lowest threshold from which on answers are right that often, None when none is."""
    coverage, risk = risk_coverage(confidence, right)
    good = np.flatnonzero(1 - risk >= accuracy)
    if not len(good):
        return None
    return float(np.sort(confidence)[::-1][round(coverage[good[-1]] * len(confidence)) - 1])
