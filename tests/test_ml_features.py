"""Frozen features are computed once, whatever happens meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.augment import PLAIN, SHRUNK, View, drawn, training_views
from ml.datasets import folder_of_folders
from ml.features import FeatureCache
from ml.picture import PictureError
from ml.preset import Preset
from tests.drawn import drawn as picture

PRESET = Preset(16, 16, "RGB", 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "squash", 16, "bilinear")


class Counting:
    """A network whose features are the mean colour; counts, and breaks off after ``limit`` pictures."""

    def __init__(self, limit: int = 10_000) -> None:
        self.pictures, self.limit = 0, limit

    def __call__(self, x: np.ndarray) -> dict[str, np.ndarray]:
        if self.pictures == self.limit:
            raise KeyboardInterrupt
        self.pictures += 1
        return {"mean": x.mean(axis=(2, 3))}


def save(path: Path, seed: int, size: tuple[int, int] = (96, 96)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, size).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed in range(6):
        save(tmp_path / "photos" / f"place-{seed % 2}" / f"{seed}.png", seed)
    return tmp_path / "photos"


def cache(tmp_path: Path, network: Counting, signature: str = "a network") -> FeatureCache:
    return FeatureCache(tmp_path / "cache", signature, PRESET, network)


def test_features_are_computed_once_also_for_another_process(photos: Path, tmp_path: Path) -> None:
    found, network = folder_of_folders(photos), Counting()
    first = cache(tmp_path, network).features(found)
    again = cache(tmp_path, network).features(found)
    assert network.pictures == len(again) == 6
    np.testing.assert_array_equal(first.rows("mean"), again.rows("mean"))
    np.testing.assert_array_equal(first.rows("mean")[[4, 1]], again.rows("mean", [4, 1]))


def test_a_moved_photo_keeps_its_features_and_a_changed_one_does_not(photos: Path, tmp_path: Path) -> None:
    network = Counting()
    cache(tmp_path, network).features(folder_of_folders(photos))
    (photos / "place-0" / "0.png").rename(photos / "place-1" / "9.png")
    save(photos / "place-0" / "2.png", seed=77)
    cache(tmp_path, network).features(folder_of_folders(photos))
    assert network.pictures == 7


def test_another_network_computes_its_own(photos: Path, tmp_path: Path) -> None:
    network = Counting()
    for signature in ("a network", "another"):
        cache(tmp_path, network, signature).features(folder_of_folders(photos))
    assert network.pictures == 12


def test_an_interrupted_computation_goes_on_where_it_stopped(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.features.SHARD", 2)
    found = folder_of_folders(photos)
    with pytest.raises(KeyboardInterrupt):
        cache(tmp_path, Counting(limit=5)).features(found)
    network = Counting()
    features = cache(tmp_path, network).features(found)
    assert network.pictures == 2
    assert features.rows("mean").shape == (6, 3)


def test_only_large_photos_are_looked_at_shrunk(photos: Path, tmp_path: Path) -> None:
    save(photos / "place-1" / "large.png", 8, (224, 300))
    network = Counting()
    kept = cache(tmp_path, network)
    kept.features(folder_of_folders(photos), PLAIN)
    kept.features(folder_of_folders(photos), SHRUNK)
    assert network.pictures == 7 + 1


def test_an_unreadable_photo_is_named(photos: Path, tmp_path: Path) -> None:
    (photos / "place-0" / "2.png").write_bytes(b"no picture at all")
    with pytest.raises(PictureError, match=r"2\.png: "):
        cache(tmp_path, Counting()).features(folder_of_folders(photos))


def test_a_drawn_view_is_the_same_each_time_and_another_for_every_photo_and_number() -> None:
    photo = picture(1, (300, 224))
    first, second = (View(f"drawn-{number}", drawn) for number in range(2))
    seen = [np.asarray(view(photo, seed)) for view, seed in ((first, "a" * 64), (first, "a" * 64), (second, "a" * 64))]
    np.testing.assert_array_equal(seen[0], seen[1])
    assert seen[0].shape != seen[2].shape or (seen[0] != seen[2]).any()
    assert (np.asarray(first(photo, "b" * 64)).tobytes()) != seen[0].tobytes()


def test_drawn_views_stay_close_to_the_photo() -> None:
    photo = picture(2, (300, 224))
    wanted = np.asarray(photo.resize((16, 16))).astype(float)
    for view in training_views(8)[2:]:
        seen = view(photo, "c" * 64)
        assert 32 <= min(seen.size) <= max(seen.size) <= 224
        nearest = min(
            np.abs(np.asarray(turned.resize((16, 16))).astype(float) - wanted).mean()
            for turned in (seen, seen.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
        )
        assert nearest < 60
