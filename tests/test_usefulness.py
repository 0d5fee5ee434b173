"""Which pictures come first: what lies near a boundary, what is probably mislabelled, the rest."""

from __future__ import annotations

import numpy as np
import pytest

from ml.usefulness import MISLABELLED, NO_LABEL, usefulness

SURE, TORN, DISPUTED = [0.96, 0.03, 0.01], [0.46, 0.44, 0.10], [0.02, 0.95, 0.03]


def test_torn_comes_before_mislabelled_and_mislabelled_before_sure() -> None:
    rows, labels = np.array([SURE, TORN, DISPUTED]), np.array([0, NO_LABEL, 0])
    found = usefulness(rows, labels)
    assert np.argsort(-found).tolist() == [1, 2, 0]
    assert MISLABELLED[0] < found[2] < MISLABELLED[1] < found[1]


def test_within_each_kind_it_rises_with_the_doubt_about_the_label() -> None:
    own = np.linspace(0, 1, 401)
    found = usefulness(np.stack([own, 1 - own], axis=1), np.zeros(401, np.int64))
    assert found.min() == 0 and 1.9 < found.max() <= 2
    falls = np.diff(found) > 0
    # Towards a surer label it falls, but for the one step from the mislabelled up to the torn.
    assert falls.sum() == 1


def test_a_label_that_the_model_agrees_with_counts_like_none() -> None:
    rows = np.array([SURE, TORN])
    assert usefulness(rows, rows.argmax(axis=1)) == pytest.approx(usefulness(rows, np.array([-1, -1])))


def test_nothing_is_the_answer_for_nothing_and_what_is_given_stays_as_it_is() -> None:
    assert usefulness(np.zeros((0, 3)), np.zeros(0, np.int64)).shape == (0,)
    rows = np.array([SURE], np.float32)
    usefulness(rows, np.array([1]))
    assert rows.tolist() == np.array([SURE], np.float32).tolist()
