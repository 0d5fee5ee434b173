"""The figures follow their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from ml.metrics import auroc, calibration_error, top_k


def test_top_k_counts_the_right_column_among_the_highest() -> None:
    scores, truth = np.array([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [1.0, 2.0, 3.0]]), np.array([0, 2, 0])
    assert [top_k(scores, truth, k) for k in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 1])


def test_auroc_is_the_share_of_pairs_in_order_and_half_of_the_ties() -> None:
    draw = np.random.default_rng(3)
    positive, negative = draw.integers(0, 9, 60) / 9, draw.integers(0, 7, 40) / 9
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert auroc(positive, negative) == pytest.approx(np.mean(pairs))


def test_calibration_error_is_the_mean_gap_of_confidence_and_accuracy() -> None:
    confidence, right = np.array([0.9, 0.9, 0.1, 0.1]), np.array([True, False, False, False])
    assert calibration_error(confidence, right, bins=10) == pytest.approx((0.4 + 0.1) / 2)
    assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0
