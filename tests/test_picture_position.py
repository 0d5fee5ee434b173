"""The position in a photo's EXIF is read where it is whole and possible, and nowhere else."""

from typing import Any

import pytest
from PIL.TiffImagePlugin import IFDRational

from ml.picture import gps
from tests.pictures import encode, exif, good, scene

PARIS = {1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)}


def placed(**changes: Any) -> bytes:
    """Return a JPEG taken in Paris, with fields of its GPS directory changed by ``f<number>``."""
    fields = PARIS | {int(name[1:]): value for name, value in changes.items()}
    return encode(scene(), "JPEG", exif=exif(1, {tag: value for tag, value in fields.items() if value is not None}))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_every_format_that_carries_exif_tells_where_it_was_taken(kind: str) -> None:
    position = gps(encode(scene(), kind, exif=exif(1, PARIS)))
    assert position == pytest.approx((48.8583, 2.2944), abs=1e-4)


def test_south_and_west_are_negative() -> None:
    assert gps(placed(f1="S", f3="W")) == pytest.approx((-48.8583, -2.2944), abs=1e-4)


def test_degrees_and_decimal_minutes_are_enough() -> None:
    assert gps(placed(f2=(48.0, 51.5))) == pytest.approx((48.8583, 2.2944), abs=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"f2": (91.0, 0.0, 0.0)},
        {"f4": (180.0, 0.0, 1.0)},
        {"f2": (IFDRational(1, 0), 0.0, 0.0)},
        {"f2": (IFDRational(0, 0), 0.0, 0.0)},
        {"f1": "X"},
        {"f1": ""},
        {"f1": None},
        {"f2": None},
        {"f4": None},
        {"f2": (1.0, 2.0, 3.0, 4.0)},
        {"f2": (0.0, 0.0, 0.0), "f4": (0.0, 0.0, 0.0)},
    ],
)
def test_an_impossible_or_partial_position_is_none(changes: dict[str, Any]) -> None:
    assert gps(placed(**changes)) is None


def test_a_picture_without_a_position_and_a_file_that_is_none_have_no_position() -> None:
    assert gps(good()["baseline.jpg"]) is None
    assert gps(good()["still.gif"]) is None
    assert gps(b"") is None
    assert gps(b"text") is None
