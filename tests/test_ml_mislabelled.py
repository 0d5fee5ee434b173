"""Labels that are wrong are found among those that are right."""

from __future__ import annotations

import numpy as np

from ml.calibrate import softmax
from ml.mislabelled import found_when_planted, suspects


def classified(seed: int, photos: int = 600, classes: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities (photos, classes) of a model that is mostly right, and the right labels."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, photos)
    logits = draw.normal(size=(photos, classes))
    logits[np.arange(photos), labels] += 5
    return softmax(logits), labels


def test_a_wrong_label_is_suspected_first_and_the_right_one_suggested() -> None:
    probabilities, labels = classified(1)
    sure = int(probabilities.max(axis=1).argmax())
    right = labels[sure]
    labels[sure] = (right + 1) % 12
    found = suspects(probabilities, labels)
    assert found.rows[0] == sure
    assert found.suggested[0] == right


def test_planted_wrong_labels_are_found_and_little_else() -> None:
    found = found_when_planted(*classified(2))
    assert found.planted == 10 * 30
    assert found.recall > 0.7
    assert found.precision > 0.9


def test_nothing_is_suspected_where_the_model_agrees_with_every_label() -> None:
    probabilities = np.full((30, 3), 0.1)
    labels = np.arange(30) % 3
    probabilities[np.arange(30), labels] = 0.8
    assert not len(suspects(probabilities, labels).rows)


def test_a_class_that_no_photo_is_labelled_as_is_never_suggested() -> None:
    probabilities, labels = classified(3)
    probabilities[:, 4] = 0.9
    kept = labels != 4
    assert 4 not in suspects(probabilities[kept], labels[kept]).suggested


def test_an_unsure_model_accuses_no_label() -> None:
    labels = np.arange(40) % 4
    assert not len(suspects(np.full((40, 4), 0.25), labels).rows)
