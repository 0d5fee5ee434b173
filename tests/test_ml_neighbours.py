"""Places that a network was not taught: how probability is shared with what it knows. NumPy only."""

import numpy as np
import numpy.typing as npt
import pytest

from ml.neighbours import NewPlaces, Pictures, share

LABELS = 6  # four places, unknown, not a place
Array = npt.NDArray[np.float64]


def around(axis: int, count: int, seed: int = 0) -> Array:
    """Return unit vectors (count, 64) near an axis."""
    vectors = np.eye(64)[axis] + np.random.default_rng([seed, axis]).normal(0, 0.03, (count, 64))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def said(column: int, count: int, probability: float = 0.9) -> Array:
    """Return probabilities (count, LABELS) of a classifier that says one thing."""
    rest = (1 - probability) / (LABELS - 1)
    return np.where(np.arange(LABELS) == column, probability, rest) * np.ones((count, 1))


@pytest.fixture
def new() -> NewPlaces:
    """Two places: the first is taken for unknown, the second for the first place that the classifier knows."""
    return NewPlaces.of(
        {"one": Pictures(around(0, 5), said(4, 5, 0.5)), "two": Pictures(around(1, 5), said(0, 5, 0.5))}
    )


def test_without_new_places_all_is_kept() -> None:
    shared = share(NewPlaces.of({}), around(0, 3), said(0, 3))
    assert shared.kept.tolist() == [1, 1, 1]
    assert shared.new.shape == (3, 0)


def test_probability_is_shared_and_none_is_lost(new: NewPlaces) -> None:
    shared = share(new, np.concatenate([around(axis, 4, 1) for axis in range(3)]), said(4, 12, 0.6))
    assert shared.kept + shared.new.sum(axis=1) == pytest.approx(np.ones(12))
    assert (shared.new >= 0).all()


def test_a_photo_like_a_new_places_pictures_is_that_place(new: NewPlaces) -> None:
    assert share(new, around(0, 4, 1), said(4, 4, 0.6)).new[:, 0].min() > 0.9
    assert share(new, around(1, 4, 1), said(0, 4, 0.6)).new[:, 1].min() > 0.9


def test_what_looks_like_neither_is_left_to_the_classifier(new: NewPlaces) -> None:
    for column in range(LABELS):
        assert share(new, around(5, 4), said(column, 4)).kept.min() > 0.99


def test_what_its_pictures_are_never_taken_for_speaks_against_a_place(new: NewPlaces) -> None:
    halfway = around(0, 1) + 2 * around(5, 1)
    halfway /= np.linalg.norm(halfway)
    alike, unlike = (share(new, halfway, said(column, 1, 0.6)).new[0, 0] for column in (4, 2))
    assert alike > 2 * unlike


def test_a_place_whose_pictures_seem_to_show_none_is_not_every_photo_that_shows_none() -> None:
    new = NewPlaces.of({"one": Pictures(around(0, 5), said(5, 5, 0.99))})
    halfway = around(0, 1) + around(5, 1)
    assert share(new, halfway / np.linalg.norm(halfway), said(5, 1, 0.99)).kept[0] > 0.5
    assert share(new, around(0, 1, 1), said(5, 1, 0.99)).kept[0] < 0.5


def test_a_network_without_an_answer_for_the_unknown_is_not_taken_to_rule_it_out(new: NewPlaces) -> None:
    taught = said(0, 1, 0.6)
    taught[:, -2:] = 0
    taught /= taught.sum()
    signs = new.signs(around(1, 1), taught)
    assert signs[0, :, 4:].tolist() == [[0, 0], [0, 0]]
    assert np.isfinite(signs).all()
