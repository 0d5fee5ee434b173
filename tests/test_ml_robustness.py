"""Photos are changed as they are said to be, and an answer that changes with them is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ml.robustness import cropped, halved, narrowed, recompressed, robustness, steady
from tests.drawn import drawn


def brightness(image: Image.Image) -> int:
    return round(float(np.asarray(image).mean()) / 64)


def test_each_change_does_what_it_says() -> None:
    image = drawn(1, (200, 100))
    assert halved(image).size == (100, 50)
    assert cropped(image).size == (180, 90)
    assert narrowed(image).size == (160, 100)
    assert np.array_equal(np.asarray(cropped(image)), np.asarray(image)[5:95, 10:190])
    after = np.asarray(recompressed(image), int)
    assert after.shape == (100, 200, 3)
    assert 0 < np.abs(after - np.asarray(image, int)).mean() < 8


def test_a_photo_of_one_pixel_survives_every_change() -> None:
    assert steady([Image.new("RGB", (1, 1))], brightness).all()


def test_an_answer_that_looks_at_the_size_is_not_steady() -> None:
    images = [drawn(seed) for seed in range(3)]
    assert robustness(images, lambda image: image.width) == {
        "halved": 0, "recompressed": 1, "cropped": 0, "narrowed": 0,
    }  # fmt: skip
    assert steady(images, brightness).shape == (3, 4)


def test_the_share_is_of_photos() -> None:
    images = [drawn(seed) for seed in range(4)]
    dark = brightness(images[0])
    # Only the first photo, as it is, gets an answer of its own.
    shares = robustness(images, lambda image: int(image.size == (320, 240) and brightness(image) == dark + 9))
    assert list(shares.values()) == pytest.approx([1] * 4)
    marked = images[2].tobytes()
    shares = robustness(images, lambda image: int(image.tobytes() == marked))
    assert list(shares.values()) == pytest.approx([0.75] * 4)


def test_without_photos_there_are_no_shares() -> None:
    assert robustness([], brightness) == {}
