"""Figures that say how good answers are."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]


def top_k(scores: Floats, truth: npt.NDArray[np.integer], k: int) -> float:
    """Return the share of rows (N, C) whose right column is among the ``k`` highest."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float((best == truth[:, None]).any(axis=1).mean())


def calibration_error(confidence: Floats, right: Bools, bins: int = 15) -> float:
    """Return the expected calibration error: the mean distance of confidence and accuracy over equal bins."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        (which == b).mean() * abs(confidence[which == b].mean() - right[which == b].mean())
        for b in range(bins)
        if (which == b).any()
    ]
    return float(sum(gaps))


def auroc(positive: Floats, negative: Floats) -> float:
    """Return the probability that a positive scores above a negative; ties count half."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return float(below.mean() / 2 / len(negative))
