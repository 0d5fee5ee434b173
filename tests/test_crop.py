"""The part of a photo: what is one, at which size it is decoded, what is cut out."""

from __future__ import annotations

import pytest

from errors import UserError
from ml.crop import cut, parse, side_to_decode
from ml.header import PictureError, PictureInfo
from tests.drawn import drawn


@pytest.mark.parametrize(
    ("text", "crop"),
    [
        ("", None),
        ("0,0,1,1", None),
        ("0,0,1.0004,1", None),
        ("0.25,0.5,0.5,0.25", [0.25, 0.5, 0.5, 0.25]),
        (" 0.1 , 0.2,0.3,0.4 ", [0.1, 0.2, 0.3, 0.4]),
        ("0.5,0.5,0.5005,0.5", [0.5, 0.5, 0.5, 0.5]),
        ("-0.0005,0,0.5,0.123456", [0.0, 0.0, 0.5, 0.1235]),
    ],
)
def test_a_part_is_four_fractions_held_inside_the_photo(text: str, crop: list[float] | None) -> None:
    assert parse(text) == crop


@pytest.mark.parametrize(
    "text",
    [
        *("1", "0,0,1", "0,0,1,1,1", "a,b,c,d", "0;0;1;1", "0.5,0.5,0.6,0.5", "-0.1,0,1,1", "0,0,0,1", "0,0,-1,1"),
        *("nan,0,1,1", "0,nan,1,1", "0,0,nan,1", "0,0,1,nan", "inf,0,1,1", "0,0,1e999,1", "0,0,0.0001,1", "1,1,1,1"),
    ],
)
def test_what_is_no_part_of_a_photo_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(text)
    assert refused.value.code == "bad_form"
    assert len(refused.value.message) > 20


@pytest.mark.parametrize(
    ("size", "part", "side"),
    [
        ((800, 600), [0.0, 0.0, 0.5, 0.5], 1600),  # small photos are not enlarged anyway
        ((8000, 6000), [0.0, 0.0, 0.5, 0.5], 1600),
        ((8000, 6000), [0.4, 0.4, 0.15, 0.15], 1992),  # 224 pixels of 900
        ((8000, 6000), [0.4, 0.4, 0.02, 0.02], 3200),  # as large as a worker can bear
        ((6000, 8000), [0.4, 0.4, 0.15, 0.15], 1992),
    ],
)
def test_a_small_part_is_decoded_larger(size: tuple[int, int], part: list[float], side: int) -> None:
    assert side_to_decode(PictureInfo("JPEG", *size), part, 1600) == side


def test_exactly_the_part_is_cut_out() -> None:
    image = drawn(1, (400, 300))
    assert cut(image, None) is image
    assert cut(image, [0.25, 0.1, 0.5, 0.9]).tobytes() == image.crop((100, 30, 300, 300)).tobytes()
    assert cut(image, [0.9, 0.85, 0.1, 0.15]).size == (40, 45)


def test_a_part_of_a_few_pixels_is_too_small() -> None:
    with pytest.raises(PictureError) as refused:
        cut(drawn(1, (400, 300)), [0.1, 0.1, 0.05, 0.5])
    assert refused.value.code == "too_small"
    assert "20 x 150" in refused.value.message
