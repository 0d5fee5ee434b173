"""From class names to sorted pictures in one command: collected or given photos, a network that is used again."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from places import classifying

ROOT = Path(__file__).parent.parent
COLOURS = {"red": (220, 40, 40), "green": (40, 200, 40)}


def save(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    pixels = np.full((64, 64, 3), colour, np.int16) + draw.integers(-40, 40, (64, 1, 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for number in range(40):
        for name, colour in COLOURS.items():
            save(tmp_path / "photos" / name / f"{number}.png", colour, number)
    save(tmp_path / "photos" / "not asked for" / "0.png", (0, 0, 0), 1)
    for number, colour in enumerate([*COLOURS.values()] * 3):
        save(tmp_path / "pictures" / f"{number}.png", colour, 900 + number)
    (tmp_path / "pictures" / "broken.jpg").write_bytes(b"no picture")
    return tmp_path


def classify(folders: Path, *options: str, classes: str = "Red, green") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "classify", "--classes", classes, "--pictures", str(folders / "pictures")]
    environment = {"PATH": "/usr/bin:/bin", "VAR_DIR": str(folders / "var"), "SECRET_KEY": "x"}
    return subprocess.run(
        [*command, "--network", "cnn64", "--epochs", "6", *options],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_photos_of_each_class_become_a_network_that_sorts_and_is_used_again(folders: Path) -> None:
    done = classify(folders, "--photos", str(folders / "photos"), "--threshold", "0.6")
    assert done.returncode == 0, done.stderr
    out = folders / "pictures-sorted"
    with open(out / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(Path(row["file"]).name, row["label"]) for row in rows] == [
        (f"{number}.png", ("red", "green")[number % 2]) for number in range(6)
    ]
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)
    sure = [row for row in rows if row["sure"] == "yes"]
    assert len(list((out / "red").iterdir())) == sum(row["label"] == "red" for row in sure)
    assert "broken.jpg" in done.stderr and "left out" in done.stderr
    explained = sorted(path.name for path in next((out / "explained").iterdir()).iterdir())
    assert explained == ["original.jpg", "overlay.jpg", "segmentation.jpg"]

    again = classify(folders, "--threshold", "0.5", "--out", str(folders / "again"), classes="GREEN,red")
    assert again.returncode == 0, again.stderr
    assert "epoch" not in again.stderr  # nothing was trained
    assert (folders / "again" / "predictions.csv").is_file()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--photos", "photos"), "needs a folder of photos for each class; missing: blue."),
        (("--photos", "photos", "--pictures", "gone"), "There is no folder"),
    ],
)
def test_what_is_missing_is_one_sentence(folders: Path, options: tuple[str, ...], complaint: str) -> None:
    given = [str(folders / option) if not option.startswith("--") else option for option in options]
    done = classify(folders, *given, classes="red, blue")
    assert done.returncode == 1
    assert complaint in done.stderr and "Traceback" not in done.stderr


def test_one_class_is_not_enough(folders: Path) -> None:
    done = classify(folders, classes="red, RED")
    assert "Name at least two different classes" in done.stderr


def test_a_network_is_found_by_its_classes_whatever_their_order_and_case() -> None:
    assert classifying.home(["Big Ben", "Louvre"], "vgg16") != classifying.home(["Big Ben", "Louvre"], "cnn64")
    first, second = (classifying.home(names, "vgg16").name for names in (["Big Ben", "louvre"], ["Louvre ", "big ben"]))
    assert first.rpartition("-")[2] == second.rpartition("-")[2]
