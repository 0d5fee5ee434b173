"""A head learns places from frozen features; the whole command makes a bundle that is served."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ml import engine, evaluate, train
from ml.bundle import Bundle
from ml.preset import to_input
from ml.train import Recipe, fit


def clusters(seed: int, photos: int = 200) -> tuple[Tensor, Tensor]:
    """Return features (2 views, photos, 40) that lie around one of five centres, and which."""
    draw = torch.Generator().manual_seed(seed)
    centres = torch.randn(5, 40, generator=torch.Generator().manual_seed(0))
    truth = torch.randint(5, (photos,), generator=draw)
    return centres[truth] + 0.6 * torch.randn(2, photos, 40, generator=draw), truth


def test_a_head_learns_what_can_be_told_apart() -> None:
    head = fit(*clusters(1), *clusters(2), 5, Recipe(epochs=20))
    features, truth = clusters(3)
    with torch.inference_mode():
        assert (head(features[0]).argmax(1) == truth).float().mean() > 0.95


def test_the_same_seed_gives_the_same_head() -> None:
    heads = [fit(*clusters(1), *clusters(2), 5, Recipe(epochs=3, seed=seed)) for seed in (4, 4, 5)]
    first, again, other = (head.out.weight for head in heads)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_stops_when_nothing_improves_and_keeps_the_best(capsys: pytest.CaptureFixture[str]) -> None:
    features, truth = clusters(1)
    noise = (features, truth[torch.randperm(len(truth), generator=torch.Generator().manual_seed(0))])
    with torch.random.fork_rng():
        recipe = Recipe(epochs=60, patience=3)
        best = train.validate(fit(features, truth, *noise, 5, recipe), *noise)[0]
        last = train.validate(fit(features, truth, *noise, 5, Recipe(epochs=60, patience=60)), *noise)[0]
    assert best <= last + 1e-6
    assert "60/60" in capsys.readouterr().err.splitlines()[-1].split("\r")[-1]


def save(path: Path, colour: tuple[int, int, int], seed: int, size: int) -> None:
    """Draw a photo of one colour with stripes of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    pixels = np.full((size, size, 3), colour, np.int16) + draw.integers(-40, 40, (size, 1, 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)


COLOURS = {
    "train/red": (220, 40, 40), "train/green": (40, 200, 40), "val/red": (220, 40, 40), "val/green": (40, 200, 40),
    "unknown/violet": (150, 40, 200), "notplace/grey": (120, 120, 120),
}  # fmt: skip


@pytest.fixture
def photos(tmp_path: Path) -> Path:
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


def test_the_command_makes_a_bundle_that_tells_the_places_apart(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "bundle"
    options = ["--out", str(out), "--cache", str(tmp_path / "cache"), "--epochs", "8"]
    monkeypatch.setattr(sys, "argv", ["train", str(photos), *options])
    train.main()
    bundle = Bundle.load(out)
    assert bundle.labels == ["green", "red", "unknown", "not_a_place"]
    assert bundle.metrics["val"] == {"photos": 12, "top_1": 1.0, "top_5": 1.0}
    seen = engine.load(bundle).infer(to_input(Image.open(photos / "val/red/3.png"), bundle.preset))
    assert seen["logits"].argmax() == 1
    assert np.linalg.norm(seen["embedding"]) == pytest.approx(1, abs=1e-3)
    assert evaluate.evaluate(out, photos)["val"]["top_1"] == 1.0


def test_a_folder_without_photos_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["train", str(tmp_path), "--out", str(tmp_path / "bundle")])
    with pytest.raises(SystemExit) as left:
        train.main()
    assert left.value.code == 1
    assert capsys.readouterr().err == f"{tmp_path} needs photos in train/ and in val/, in one folder a place.\n"
