"""An answer's confidence is how often such answers are right."""

from __future__ import annotations

import numpy as np
import pytest

from ml.calibrate import NEVER, OTHER, Calibration, answer, fit, softmax
from ml.metrics import calibration_error

LABELS = ["bridge", "tower", "palace", *OTHER]


def overconfident(seed: int, photos: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return logits of five labels that are three times too sure, and what was right."""
    draw = np.random.default_rng(seed)
    honest = draw.normal(size=(photos, len(LABELS))) * 2
    truth = np.array([draw.choice(len(LABELS), p=p) for p in softmax(honest)])
    return honest * 3, truth


def test_probabilities_add_up_to_one_even_for_huge_logits() -> None:
    assert softmax(np.array([[1e4, 0.0, -1e4], [0.0, 0.0, 0.0]])).sum(axis=1) == pytest.approx(1)


def test_too_sure_logits_are_taken_back_by_their_factor() -> None:
    assert fit(*overconfident(1)).temperature == pytest.approx(3, rel=0.1)


def test_confidence_fits_on_photos_that_it_was_not_fitted_on() -> None:
    calibration = fit(*overconfident(1))
    logits, truth = overconfident(2)
    right = logits[:, :-2].argmax(axis=1) == truth
    assert calibration_error(calibration.confidences(logits), right) < 0.03
    assert calibration_error(Calibration().confidences(logits), right) > 0.1


def test_confidence_is_that_of_the_best_place_whatever_the_kind() -> None:
    said = answer(np.array([2.0, 1.0, 0.0, 0.0, 6.0]), LABELS, Calibration())
    assert said.kind == "not_a_place"
    assert said.confidence == pytest.approx(softmax(np.array([2.0, 1.0, 0.0, 0.0, 6.0]))[0])
    assert [label for label, _ in said.predictions] == ["bridge", "tower", "palace"]


def test_a_place_is_answered_from_the_threshold_on() -> None:
    logits = np.log(np.array([[0.45, 0.2, 0.1, 0.2, 0.05]]))
    assert Calibration(threshold=0.44).kinds(logits) == ["place"]
    assert Calibration(threshold=0.46).kinds(logits) == ["unknown"]


def test_a_separable_set_gives_finite_confidences() -> None:
    logits, truth = np.eye(5)[[0, 1, 2, 3, 4] * 10] * 50, np.array([0, 1, 2, 3, 4] * 10)
    confidences = fit(logits, truth).confidences(logits)
    assert np.isfinite(confidences).all()
    assert confidences[:3].min() > 0.8 > 0.2 > confidences[3:5].max()


def test_a_network_without_unknown_says_no_place_only_where_that_is_likelier_than_every_place() -> None:
    doubtful, thing = [1.0, 0.9, 0.8, NEVER, 0.5], [1.0, 0.9, 0.8, NEVER, 3.0]
    unsure = Calibration(threshold=0.99)
    assert unsure.kinds(np.array([doubtful, thing])) == ["unknown", "not_a_place"]
    assert unsure.kinds(np.array([[1.0, 0.9, 0.8, NEVER, NEVER]])) == ["unknown"]
