"""The figures follow their definitions, and agree with scikit-learn's where it has them."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.calibration  # type: ignore[import-untyped]
import sklearn.metrics  # type: ignore[import-untyped]
from scipy.stats import binomtest  # type: ignore[import-untyped]

from ml.metrics import (
    at_threshold,
    auroc,
    calibration_error,
    confusion,
    macro,
    per_class,
    reliability,
    risk_coverage,
    roc,
    threshold_for,
    top_k,
    wilson,
)

CLASSES = 9


def answers(seed: int, without: tuple[int, ...] = (), unsaid: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Return right and said classes (400,); no photo shows those in ``without``, none is said to show ``unsaid``."""
    draw = np.random.default_rng(seed)
    truth = draw.choice(np.setdiff1d(np.arange(CLASSES), without), 400)
    said = np.where(draw.random(400) < 0.7, truth, draw.integers(0, CLASSES, 400))
    allowed = np.setdiff1d(np.arange(CLASSES), unsaid)
    return truth, np.where(np.isin(said, unsaid), draw.choice(allowed, 400), said)


CASES = [
    answers(1),
    answers(2, without=(4,)),
    answers(3, unsaid=(0, 7)),
    answers(4, without=(2, 5), unsaid=(1, 5)),  # 5 does not occur at all
]


def test_top_k_counts_the_right_column_among_the_highest() -> None:
    scores, truth = np.array([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [1.0, 2.0, 3.0]]), np.array([0, 2, 0])
    assert [top_k(scores, truth, k) for k in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 1])


@pytest.mark.parametrize(("truth", "said"), CASES)
def test_the_confusion_matrix_is_scikit_learns(truth: np.ndarray, said: np.ndarray) -> None:
    expected = sklearn.metrics.confusion_matrix(truth, said, labels=range(CLASSES))
    assert (confusion(truth, said, CLASSES) == expected).all()


@pytest.mark.parametrize(("truth", "said"), CASES)
def test_every_class_has_scikit_learns_precision_recall_and_f1(truth: np.ndarray, said: np.ndarray) -> None:
    each = per_class(confusion(truth, said, CLASSES))
    expected = sklearn.metrics.precision_recall_fscore_support(truth, said, labels=range(CLASSES), zero_division=np.nan)
    for mine, theirs in zip((each.precision, each.recall, each.f1, each.support), expected, strict=True):
        assert mine == pytest.approx(theirs, nan_ok=True)


@pytest.mark.parametrize(("truth", "said"), CASES)
def test_the_macro_means_are_scikit_learns_over_the_classes_that_occur(truth: np.ndarray, said: np.ndarray) -> None:
    found = macro(confusion(truth, said, CLASSES))
    expected = sklearn.metrics.precision_recall_fscore_support(truth, said, average="macro", zero_division=0)
    assert [found["precision"], found["recall"], found["f1"]] == pytest.approx(list(expected[:3]))
    assert found["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(truth, said))


def test_f1_lies_between_precision_and_recall_as_the_place_image_paper_has_it_not() -> None:
    # Precision 0.846 and recall 0.335, of which the paper makes an F1 of 7.67.
    each = per_class(np.array([[335, 665], [61, 0]]))
    assert each.precision[0] == pytest.approx(0.846, abs=5e-4)
    assert each.recall[0] == pytest.approx(0.335)
    assert each.f1[0] == pytest.approx(0.480, abs=5e-4)


def test_auroc_is_the_share_of_pairs_in_order_and_half_of_the_ties() -> None:
    draw = np.random.default_rng(3)
    positive, negative = draw.integers(0, 9, 60) / 9, draw.integers(0, 7, 40) / 9
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert auroc(positive, negative) == pytest.approx(np.mean(pairs))


def test_the_roc_curve_is_scikit_learns_and_encloses_the_auroc() -> None:
    draw = np.random.default_rng(4)
    positive, negative = draw.integers(3, 15, 80) / 15, draw.integers(0, 12, 50) / 15
    truth, scores = np.repeat([1, 0], [80, 50]), np.concatenate([positive, negative])
    false, true, _ = sklearn.metrics.roc_curve(truth, scores, drop_intermediate=False)
    mine = roc(positive, negative)
    assert mine[0] == pytest.approx(false)
    assert mine[1] == pytest.approx(true)
    assert sklearn.metrics.auc(*mine) == pytest.approx(auroc(positive, negative))


def test_calibration_error_is_the_mean_gap_of_confidence_and_accuracy() -> None:
    confidence, right = np.array([0.9, 0.9, 0.1, 0.1]), np.array([True, False, False, False])
    assert calibration_error(confidence, right, bins=10) == pytest.approx((0.4 + 0.1) / 2)
    assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0


def test_the_reliability_bins_are_scikit_learns_calibration_curve() -> None:
    draw = np.random.default_rng(5)
    confidence = draw.random(500) ** 0.5
    right = draw.random(500) < confidence
    filled = [b for b in reliability(confidence, right, 10) if b.count]
    accuracy, mean = sklearn.calibration.calibration_curve(right, confidence, n_bins=10)
    assert [b.accuracy for b in filled] == pytest.approx(accuracy)
    assert [b.confidence for b in filled] == pytest.approx(mean)
    assert sum(b.count for b in filled) == 500


@pytest.mark.parametrize(("right", "of"), [(0, 5), (5, 5), (13, 14), (400, 821)])
def test_the_interval_of_a_share_is_wilsons(right: int, of: int) -> None:
    expected = binomtest(right, of).proportion_ci(0.95, "wilson")
    assert wilson(right, of) == pytest.approx((expected.low, expected.high), abs=1e-4)


def test_of_no_photos_any_share_is_possible() -> None:
    assert wilson(0, 0) == (0, 1)


CONFIDENCE = np.array([0.99, 0.5, 0.9, 0.9, 0.2])
RIGHT = np.array([True, False, True, False, False])


def test_risk_grows_with_coverage_and_equal_confidences_fall_together() -> None:
    coverage, risk = risk_coverage(CONFIDENCE, RIGHT)
    assert coverage == pytest.approx([0.2, 0.6, 0.8, 1.0])
    assert risk == pytest.approx([0, 1 / 3, 2 / 4, 3 / 5])


def test_a_row_of_the_threshold_table_counts_what_reaches_the_threshold() -> None:
    expected = {"photos": 5, "above": 3, "coverage": 0.6, "accuracy": 0.4, "accuracy_above": pytest.approx(2 / 3)}
    assert at_threshold(CONFIDENCE, RIGHT, 0.9) == expected
    assert at_threshold(CONFIDENCE, RIGHT, 0.999)["accuracy_above"] is None


def test_the_threshold_for_an_accuracy_is_the_lowest_that_reaches_it() -> None:
    assert threshold_for(CONFIDENCE, RIGHT, 0.95) == 0.99
    assert threshold_for(CONFIDENCE, RIGHT, 0.6) == 0.9
    assert threshold_for(CONFIDENCE, RIGHT, 0.4) == 0.2
    assert threshold_for(CONFIDENCE, ~RIGHT | True, 1.0) == 0.2
    assert threshold_for(CONFIDENCE, np.zeros(5, bool), 0.5) is None
