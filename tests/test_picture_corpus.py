"""The hostile files of ../shared get the verdicts that its table expects, quickly and in little memory."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.picture import decode, gps
from tests.pictures import CORNERS, corners

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "hostile"
TABLE = FOLDER / "expected.csv"
# Without ../shared one name stands for all, for the test to be skipped or, in CI, to fail.
ROWS = list(csv.DictReader(TABLE.open(encoding="utf-8"))) if TABLE.is_file() else []
FILES = [row["file"] for row in ROWS] or ["missing"]
EXPECTED = {row["file"]: row["error_code"] for row in ROWS}

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    """What decoding each file answered, in a process of its own."""
    assert FOLDER.is_dir(), f"{FOLDER} is missing"
    paths = [str(FOLDER / name) for name in FILES]
    command = [sys.executable, "-m", "tests.measure_pictures", *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return {row["file"]: row for row in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", FILES)
def test_a_file_gets_the_verdict_that_the_table_expects(name: str, measured: dict[str, dict[str, Any]]) -> None:
    row = measured[name]
    assert row["code"] == EXPECTED[name]
    assert bool(row["message"]) == bool(row["code"])
    assert row["by_structure"] == bool(row["code"]), "its structure tells, no pixel need be decoded"
    assert row["seconds"] < 1
    assert row["megabytes"] < (64 if row["code"] else 200)


@pytest.mark.parametrize("name", [name for name in FILES if "exif-turn" in name and "turn9" not in name])
def test_a_turned_file_stands_upright(name: str) -> None:
    image = decode((FOLDER / name).read_bytes())
    assert image.size == (240, 160)
    assert np.abs(np.subtract(corners(image), CORNERS)).max() <= 6


@pytest.mark.parametrize("name", ["34-cmyk-adobe.jpg", "35-cmyk-nomarker.jpg", "36-ycck.jpg"])
def test_printing_inks_become_the_colours_they_stand_for(name: str) -> None:
    assert np.abs(np.subtract(corners(decode((FOLDER / name).read_bytes())), CORNERS)).max() <= 6


def test_rotated_primaries_are_honoured() -> None:
    red, green, _ = corners(decode((FOLDER / "28-icc-swapped.png").read_bytes()))[0]
    assert green > red + 100


def test_a_position_is_read_for_the_owner() -> None:
    assert gps((FOLDER / "25-exif-gps.jpg").read_bytes()) == pytest.approx((48.8583, 2.2944), abs=1e-4)
