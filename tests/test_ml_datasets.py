"""Photos are read from folders, and their features are computed once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.datasets import Collection, FeatureCache, folder_of_folders, plain, shrunk
from ml.picture import PictureError
from ml.preset import Preset
from tests.drawn import drawn

PRESET = Preset(16, 16, "RGB", 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "squash", 16, "bilinear")


class Counting:
    """A network whose features are the mean colour; counts, and breaks off after ``limit`` pictures."""

    def __init__(self, limit: int = 10_000) -> None:
        self.pictures, self.limit = 0, limit

    def __call__(self, x: np.ndarray) -> np.ndarray:
        if self.pictures == self.limit:
            raise KeyboardInterrupt
        self.pictures += 1
        means: np.ndarray = x.mean(axis=(2, 3))
        return means


def save(path: Path, seed: int, size: tuple[int, int] = (96, 96)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn(seed, size).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed in range(6):
        save(tmp_path / "photos" / f"place-{seed % 2}" / f"{seed}.png", seed)
    return tmp_path / "photos"


def test_a_folders_name_is_the_label(photos: Path) -> None:
    (photos / "place-0" / "notes.txt").write_text("no photo")
    save(photos / "loose.png", 9)
    assert [(p.label, p.path.name) for p in folder_of_folders(photos)] == [
        ("place-0", "0.png"), ("place-0", "2.png"), ("place-0", "4.png"),
        ("place-1", "1.png"), ("place-1", "3.png"), ("place-1", "5.png"),
    ]  # fmt: skip


def test_features_are_computed_once_also_for_another_process(photos: Path, tmp_path: Path) -> None:
    found, network = folder_of_folders(photos), Counting()
    first = FeatureCache(tmp_path / "cache", "a network", PRESET, network).features(found)
    again = FeatureCache(tmp_path / "cache", "a network", PRESET, network).features(found)
    assert network.pictures == 6
    np.testing.assert_array_equal(first, again)


def test_a_moved_photo_keeps_its_features_and_a_changed_one_does_not(photos: Path, tmp_path: Path) -> None:
    network = Counting()
    FeatureCache(tmp_path / "cache", "a network", PRESET, network).features(folder_of_folders(photos))
    (photos / "place-0" / "0.png").rename(photos / "place-1" / "9.png")
    save(photos / "place-0" / "2.png", seed=77)
    FeatureCache(tmp_path / "cache", "a network", PRESET, network).features(folder_of_folders(photos))
    assert network.pictures == 7


def test_another_network_computes_its_own(photos: Path, tmp_path: Path) -> None:
    network = Counting()
    for signature in ("a network", "another"):
        FeatureCache(tmp_path / "cache", signature, PRESET, network).features(folder_of_folders(photos))
    assert network.pictures == 12


def test_an_interrupted_computation_goes_on_where_it_stopped(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.datasets.SHARD", 2)
    found = folder_of_folders(photos)
    with pytest.raises(KeyboardInterrupt):
        FeatureCache(tmp_path / "cache", "a network", PRESET, Counting(limit=5)).features(found)
    network = Counting()
    features = FeatureCache(tmp_path / "cache", "a network", PRESET, network).features(found)
    assert network.pictures == 2
    assert features.shape == (6, 3)


def test_only_large_photos_are_looked_at_shrunk(photos: Path, tmp_path: Path) -> None:
    save(photos / "place-1" / "large.png", 8, (224, 300))
    network = Counting()
    cache = FeatureCache(tmp_path / "cache", "a network", PRESET, network)
    for view in (plain, shrunk):
        cache.features(folder_of_folders(photos), view)
    assert network.pictures == 8


def test_a_photo_that_cannot_be_read_is_named(photos: Path, tmp_path: Path) -> None:
    broken = photos / "place-0" / "2.png"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(PictureError, match=r"place-0/2\.png"):
        FeatureCache(tmp_path / "cache", "a network", PRESET, Counting()).features(folder_of_folders(photos))


def test_a_collection_without_photos_to_choose_by_is_refused(photos: Path) -> None:
    photos.rename(photos.parent / "train")
    with pytest.raises(ValueError, match="needs photos in train/ and in val/"):
        Collection.read(photos.parent)
