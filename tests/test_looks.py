"""Colours and near-copies: what pictures are compared by beside their embeddings."""

from __future__ import annotations

import io
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from ml.tone import NUMBERS, tone
from places import looks
from tests.drawn import drawn


def cosine(one: Image.Image, other: Image.Image) -> float:
    """Return how alike two pictures are in colour."""
    return float(tone(one) @ tone(other))


def flat(colour: str) -> Image.Image:
    """Return a picture of one colour."""
    return Image.new("RGB", (90, 60), colour)


def again(image: Image.Image, quality: int) -> Image.Image:
    """Return a picture compressed once more."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out).convert("RGB")


def test_a_tone_has_unit_length_whatever_the_picture() -> None:
    for image in (flat("black"), flat("white"), flat("#ff00ff"), drawn(1), drawn(2, (33, 700))):
        assert tone(image).shape == (NUMBERS,)
        assert np.linalg.norm(tone(image)) == pytest.approx(1, abs=1e-3)


def test_colours_are_as_far_apart_as_they_look() -> None:
    assert cosine(flat("#c03020"), flat("#c83828")) > 0.9
    assert cosine(flat("#c03020"), flat("#c08020")) < 0.7
    assert cosine(flat("#c03020"), flat("#2030c0")) < 0.05
    assert cosine(flat("black"), flat("white")) == 0


def test_a_tone_does_not_depend_on_what_is_where() -> None:
    assert cosine(drawn(3), ImageOps.mirror(drawn(3))) > 0.999
    assert cosine(drawn(3), drawn(3, (640, 480))) > 0.99


def test_a_picture_is_near_to_its_copies_and_to_no_other() -> None:
    for seed in range(20):
        picture = drawn(seed)
        for copy in (again(picture, 40), picture.resize((120, 90)), ImageOps.mirror(picture), picture.convert("L")):
            assert looks.near(looks.look(picture), looks.look(copy.convert("RGB")))
    for one, other in combinations(range(20), 2):
        assert not looks.near(looks.look(drawn(one)), looks.look(drawn(other)))


def test_the_look_of_a_mirrored_picture_follows_from_its_look() -> None:
    for seed in range(20):
        assert looks.mirrored(looks.look(drawn(seed))) == looks.look(ImageOps.mirror(drawn(seed)))
        assert looks.mirrored(looks.mirrored(looks.look(drawn(seed)))) == looks.look(drawn(seed))


def test_a_look_fits_into_a_signed_column() -> None:
    values = [looks.look(drawn(seed)) for seed in range(40)]
    assert all(-(1 << 63) <= value < 1 << 63 for value in values)
    assert min(values) < 0 < max(values)


@pytest.mark.shared
def test_copies_of_real_photos_are_known_and_other_photos_of_the_place_are_not(val: Path) -> None:
    places = {
        folder: [Image.open(path).convert("RGB") for path in sorted(folder.glob("large-*.jpg"))[:6]]
        for folder in sorted(val.iterdir())[::2]
    }
    photos = [photo for each in places.values() for photo in each]
    assert len(photos) > 30
    copies = [
        (photo, ImageOps.mirror(again(photo.resize((photo.width // 2, photo.height // 2)), 50))) for photo in photos
    ]
    found = sum(looks.near(looks.look(photo), looks.look(copy)) for photo, copy in copies)
    assert found / len(copies) > 0.95
    pairs = [pair for each in places.values() for pair in combinations(map(looks.look, each), 2)]
    assert not any(looks.near(*pair) for pair in pairs)
