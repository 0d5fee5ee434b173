"""The same photo cropped, mirrored, marked or compressed again is found; other photos are not."""

import random
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crawler.near import SIDE, NearIndex, difference_hash, sketch
from tests.copies import CHANGES
from tests.drawn import drawn

SHARED = Path(__file__).parents[2] / "shared" / "data" / "landmarks" / "val"


def textured(seed: int) -> Image.Image:
    """Return a picture with coarse and fine detail, as photos have."""
    fine = drawn(seed + 10_000, (64, 48)).resize((320, 240), Image.Resampling.NEAREST)
    return Image.blend(drawn(seed), fine, 0.3)


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found_and_others_are_not(change: str) -> None:
    chance = random.Random(1)
    originals = [textured(seed) for seed in range(60)]
    index = NearIndex()
    for image in originals:
        index.add(sketch(image))
    found = [index.find(sketch(CHANGES[change](image, chance))) for image in originals]
    assert sum(number == at for at, number in enumerate(found)) >= 55
    assert all(number in (at, None) for at, number in enumerate(found))


@pytest.mark.parametrize("change", ["cropped by 10 % of both sides", "flipped and cropped"])
def test_the_whole_is_found_when_the_crop_came_first(change: str) -> None:
    chance = random.Random(2)
    index, originals = NearIndex(), [textured(seed) for seed in range(60)]
    for image in originals:
        index.add(sketch(CHANGES[change](image, chance)))
    assert sum(index.find(sketch(image)) == at for at, image in enumerate(originals)) >= 54


def test_different_pictures_are_not_copies() -> None:
    index = NearIndex()
    for seed in range(300):
        assert index.find(sketch(textured(seed))) is None
        index.add(sketch(textured(seed)))
    assert len(index) == 300


def test_pictures_of_one_colour_are_no_copies_of_each_other() -> None:
    index = NearIndex()
    index.add(sketch(Image.new("RGB", (300, 300), "red")))
    assert index.find(sketch(Image.new("RGB", (300, 300), "navy"))) is None


def test_the_hash_is_that_of_neighbouring_cells() -> None:
    rising = Image.fromarray(np.tile(np.arange(0, 256, 8), (SIDE, 1)).astype(np.uint8)).convert("RGB")
    assert difference_hash(sketch(rising)) == 2**64 - 1
    assert difference_hash(sketch(rising.transpose(Image.Transpose.FLIP_LEFT_RIGHT))) == 0


def test_eight_times_the_pictures_take_far_less_than_sixty_four_times_as_long() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (4500, 12, 12), dtype=np.uint8)
    sketches = [Image.fromarray(cells).resize((SIDE, SIDE), Image.Resampling.BICUBIC).tobytes() for cells in noise]

    def seconds(some: list[bytes]) -> float:
        index, began = NearIndex(), time.process_time()
        for each in some:
            index.find(each)
            index.add(each)
        return time.process_time() - began

    assert seconds(sketches[500:]) < 24 * seconds(sketches[:500])


@pytest.mark.shared
def test_copies_of_real_photos_are_found() -> None:
    chance = random.Random(5)
    photos = [Image.open(path).convert("RGB") for path in sorted(SHARED.rglob("large-*.jpg"))[:120]]
    assert len(photos) == 120
    index = NearIndex()
    for photo in photos:
        index.add(sketch(photo))
    right = wrong = 0
    for at, photo in enumerate(photos):
        for change in CHANGES.values():
            number = index.find(sketch(change(photo, chance)))
            right += number == at
            wrong += number not in (at, None)
    assert right >= 0.95 * len(photos) * len(CHANGES)
    assert wrong <= 0.01 * len(photos) * len(CHANGES)
