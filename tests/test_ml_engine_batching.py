"""Pictures that come together are computed together, and everybody gets their own answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ml.engine.base import Array
from ml.engine.batching import Batcher


def picture(value: float) -> Array:
    return np.full((1, 3, 2, 2), value, np.float32)


class Held:
    """A model that doubles, whose first batch waits until it is let go."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.began, self.go = threading.Event(), threading.Event()

    def __call__(self, x: Array) -> dict[str, Array]:
        self.sizes.append(len(x))
        self.began.set()
        assert self.go.wait(30)
        return {"double": x.mean((1, 2, 3))[:, None] * 2}


def test_those_who_wait_share_the_next_batches() -> None:
    model = Held()
    batcher = Batcher(model, most=4, wait_s=0.001)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(batcher, picture(0))
        assert model.began.wait(30)
        others = [pool.submit(batcher, picture(value)) for value in range(1, 9)]
        while batcher.waiting.qsize() < len(others):
            threading.Event().wait(0.001)
        model.go.set()
        answers = [answer.result(30)["double"] for answer in [first, *others]]
    assert model.sizes == [1, 4, 4]
    np.testing.assert_array_equal(np.concatenate(answers)[:, 0], np.arange(9) * 2)
    assert {answer.shape for answer in answers} == {(1, 1)}


def test_one_picture_alone_does_not_wait_for_others() -> None:
    model = Held()
    model.go.set()
    assert Batcher(model, most=4, wait_s=0.001)(picture(3))["double"] == 6
    assert model.sizes == [1]


def test_an_error_reaches_those_who_asked_and_the_next_are_served() -> None:
    def sometimes(x: Array) -> dict[str, Array]:
        if x.max() > 1:
            raise ValueError("too bright")
        return {"same": x}

    batcher = Batcher(sometimes, most=4, wait_s=0.001)
    with pytest.raises(ValueError, match="too bright"):
        batcher(picture(2))
    np.testing.assert_array_equal(batcher(picture(1))["same"], picture(1))
