"""The training command makes a bundle that is served, from whatever photos it is given, and says what is wrong."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ml import engine, train
from ml.bundle import Bundle
from ml.fit import Recipe
from ml.preset import to_input

COLOURS = {
    "train/red": (220, 40, 40), "train/green": (40, 200, 40), "val/red": (220, 40, 40), "val/green": (40, 200, 40),
    "unknown/violet": (150, 40, 200), "notplace/grey": (120, 120, 120),
}  # fmt: skip


def save(path: Path, colour: tuple[int, int, int], seed: int, size: int) -> None:
    """Draw a photo of one colour with stripes of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    pixels = np.full((size, size, 3), colour, np.int16) + draw.integers(-40, 40, (size, 1, 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two places with their parts, and negatives."""
    root = tmp_path / "photos"
    rows: dict[str, list[tuple[str, str]]] = {"val": [], "negatives": []}
    for index, (folder, colour) in enumerate(COLOURS.items()):
        for number in range(6):
            save(root / folder / f"{number}.png", colour, index * 10 + number, 128 if number == 5 else 96)
            part = "AAABBB"[number] if folder.startswith("val") else ("train", "A", "B")[number % 3]
            table = "val" if folder.startswith("val") else "negatives"
            rows[table].append((f"{folder.removeprefix('val/')}/{number}.png", part))
    for table, parts in rows.items():
        with open(root / f"{table}-split.csv", "w", newline="") as file:
            csv.writer(file).writerows([("file", "part"), *parts])
    return root


def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, photos: Path, *options: str) -> Path:
    """Run the training command and return the bundle's folder."""
    out = tmp_path / "bundle"
    given = [str(photos), "--out", str(out), "--cache", str(tmp_path / "cache"), "--views", "1", *options]
    monkeypatch.setattr(sys, "argv", ["train", *given])
    train.main()
    return out


def test_a_backbone_with_negatives_becomes_a_bundle_of_places(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "train/red/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    monkeypatch.setattr(train, "TAIL", Recipe(epochs=1, batch=8, rate=1e-5))
    bundle = Bundle.load(command(monkeypatch, tmp_path, photos, "--epochs", "8"))
    assert (bundle.name, bundle.labels) == ("places", ["green", "red", "unknown", "not_a_place"])
    assert bundle.metrics["val"] == {"photos": 12, "top_1": 1.0, "top_5": 1.0}
    assert bundle.metrics["int8"]["accepted"] is (bundle.int8 is not None)
    seen = engine.load(bundle).infer(to_input(Image.open(photos / "val/red/3.png"), bundle.preset))
    assert seen["logits"].argmax() == 1
    assert np.linalg.norm(seen["embedding"]) == pytest.approx(1, abs=1e-3)
    assert "left out: " in (said := capsys.readouterr()).err and "broken.png" in said.err
    log = [json.loads(line) for line in (tmp_path / "bundle.run/log.jsonl").read_text().splitlines()]
    assert [line["phase"] for line in log].count("tail") == 1


def test_fine_tuning_is_kept_only_if_validation_improves(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "TAIL", Recipe(epochs=1, batch=8, rate=1.0, tuned_rate=1.0))  # a rate that destroys
    out = command(monkeypatch, tmp_path, photos, "--epochs", "8", "--no-eight-bits")
    assert "Fine-tuning did not help" in capsys.readouterr().out
    assert Bundle.load(out).metrics["val"]["top_1"] == 1.0


def test_a_small_network_is_trained_from_nothing_on_a_folder_of_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        name, colour = (("red", (220, 40, 40)), ("green", (40, 200, 40)))[number % 2]
        save(tmp_path / "photos" / name / f"{number}.png", colour, number, 64)
    options = ("--network", "cnn64", "--epochs", "4")
    out = command(monkeypatch, tmp_path, tmp_path / "photos", *options, "--balance", "equal")
    bundle = Bundle.load(out)
    assert (bundle.name, bundle.labels) == ("classes", ["green", "red"])
    assert bundle.metrics["val"]["top_1"] == 1.0
    assert (tmp_path / "bundle.run" / "whole.pt").is_file()


def sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, photos: Path, *options: str
) -> str:
    """Return the one sentence with which the command ends."""
    with pytest.raises(SystemExit) as left:
        command(monkeypatch, tmp_path, photos, *options)
    assert left.value.code == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said.splitlines()[-1]


def test_what_is_wrong_with_the_photos_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    (empty / "train").mkdir(parents=True)
    said = sentence(monkeypatch, capsys, tmp_path, empty)
    assert said == f"{empty} needs photos in train/ and in val/, in one folder a place."
    assert sentence(monkeypatch, capsys, tmp_path, tmp_path / "gone") == f"There is nothing at {tmp_path / 'gone'}."


def test_missing_weights_are_one_sentence_before_anything_is_computed(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    said = sentence(monkeypatch, capsys, tmp_path, photos, "--network", "resnet50")
    assert "python manage.py weights resnet50" in said
    assert not (tmp_path / "cache").exists()


def test_a_full_disk_under_the_features_says_where(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    said = sentence(monkeypatch, capsys, tmp_path, photos)
    assert "No space left on device; features are kept in" in said


def test_the_same_command_makes_the_same_model(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = []
    for number in range(2):
        out = command(
            monkeypatch, tmp_path, photos, "--no-fine-tuning", "--epochs", "3", "--run", str(tmp_path / f"{number}")
        )
        models.append((out / "model.onnx").read_bytes())
    assert models[0] == models[1]
    assert torch.load(tmp_path / "0" / "head.pt", weights_only=True)["progress"]["epoch"] == 3
