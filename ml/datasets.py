"""Folders of photos, the views that training takes of them, and their frozen features, computed once."""

import csv
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from tqdm import tqdm

from ml.picture import PictureError, decode
from ml.preset import Preset, to_input

Array = npt.NDArray[np.float32]
Infer = Callable[[Array], Array]  # one picture (1, 3, H, W) to its features (1, D)

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
SMALL = 96  # pixels: the size of most photos that are trained on
NEGATIVES = {"unknown": "unknown", "not_a_place": "notplace"}  # label: folder
SHARD = 256  # features a file; what an interruption loses at most


def batched(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield the items in lists of ``size``; the last may be shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


@dataclass(frozen=True)
class Photo:
    """One file, what it shows, and whether it is larger than the blurred ones."""

    path: Path
    label: str

    @cached_property
    def sha256(self) -> str:
        """The hash of the file's bytes."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @cached_property
    def large(self) -> bool:
        """Whether the photo holds more detail than ``SMALL`` pixels do."""
        with Image.open(self.path) as image:
            return min(image.size) > SMALL


def plain(image: Image.Image) -> Image.Image:
    """Return the photo as it is."""
    return image


def flipped(image: Image.Image) -> Image.Image:
    """Return the photo mirrored left to right."""
    return ImageOps.mirror(image)


def shrunk(image: Image.Image) -> Image.Image:
    """Return the photo as a ``SMALL`` square, so that sharpness tells nothing about the label."""
    return image.resize((SMALL, SMALL), Image.Resampling.BILINEAR)


def shrunk_flipped(image: Image.Image) -> Image.Image:
    """Return the mirrored photo as a ``SMALL`` square."""
    return flipped(shrunk(image))


View = Callable[[Image.Image], Image.Image]

VIEWS: tuple[View, ...] = (plain, flipped, shrunk, shrunk_flipped)
# A photo that is small already needs no second look at that size.
_OF_SMALL: dict[View, View] = {shrunk: plain, shrunk_flipped: flipped}


def folder_of_folders(root: Path) -> list[Photo]:
    """Return the photos below ``root``; the first folder's name is the label. Sorted by path."""
    found = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    return [Photo(path, path.relative_to(root).parts[0]) for path in found if path.parent != root]


def labelled(root: Path, label: str) -> list[Photo]:
    """Return all photos below ``root`` under one label."""
    return [Photo(photo.path, label) for photo in folder_of_folders(root)]


def part(photos: Iterable[Photo], root: Path, split: Path, name: str) -> list[Photo]:
    """Return those photos that the table ``split`` (path below ``root``, part) puts into part ``name``."""
    if not split.is_file():
        raise ValueError(f"{split} is missing: it says which photos are for choosing (A) and reporting (B).")
    with open(split, newline="") as file:
        rows = csv.reader(file)
        next(rows)
        chosen = {path for path, which in rows if which == name}
    return [photo for photo in photos if photo.path.relative_to(root).as_posix() in chosen]


@dataclass(frozen=True)
class Collection:
    """Photos to train on, to choose and calibrate by, and to report on; ``labels`` numbers the classes."""

    labels: list[str]
    train: list[Photo]
    choose: list[Photo]
    report: list[Photo]

    @classmethod
    def read(cls, root: Path) -> "Collection":
        """Read ``root``: train/ and val/ by place, unknown/ and notplace/ of negatives, and the tables of parts.

        val-split.csv and negatives-split.csv put photos into "train", "A" (choose) or "B" (report).
        """
        train, val = folder_of_folders(root / "train"), folder_of_folders(root / "val")
        if not train or not val:
            raise ValueError(f"{root} needs photos in train/ and in val/, in one folder a place.")
        negatives = [photo for kind, folder in NEGATIVES.items() for photo in labelled(root / folder, kind)]
        places = sorted({photo.label for photo in train})
        if strange := {photo.label for photo in val} - set(places):
            raise ValueError(f"{root / 'val'} has a place that train/ lacks: {min(strange)}.")

        def parts(name: str) -> list[Photo]:
            return part(val, root / "val", root / "val-split.csv", name) + part(
                negatives, root, root / "negatives-split.csv", name
            )

        return cls([*places, *NEGATIVES], train + parts("train"), parts("A"), parts("B"))

    def truth(self, photos: Sequence[Photo]) -> npt.NDArray[np.int64]:
        """Return the right column (N,) of every photo."""
        columns = {label: column for column, label in enumerate(self.labels)}
        return np.array([columns[photo.label] for photo in photos])


class FeatureCache:
    """Features of photos on disk, by content: the file's bytes, the view, and the network's signature.

    Written in shards, each whole or not at all, so it may be interrupted and goes on where it stopped.
    """

    def __init__(self, folder: Path, signature: str, preset: Preset, infer: Infer) -> None:
        self.folder = folder / hashlib.sha256(signature.encode()).hexdigest()[:16]
        self.preset, self.infer = preset, infer
        self.rows: dict[str, Array] = {}
        self.folder.mkdir(parents=True, exist_ok=True)
        for shard in sorted(self.folder.glob("*.npz")):
            with np.load(shard, allow_pickle=False) as data:
                self.rows.update(zip(data["keys"].tolist(), data["features"], strict=True))

    def features(self, photos: Sequence[Photo], view: View = plain) -> Array:
        """Return the features (N, D) of ``view`` of every photo, computing those that are missing."""
        views = [view if photo.large else _OF_SMALL.get(view, view) for photo in photos]
        keys = [f"{v.__name__}-{photo.sha256}" for v, photo in zip(views, photos, strict=True)]
        wanted = zip(keys, photos, views, strict=True)
        self._compute({key: (photo, v) for key, photo, v in wanted if key not in self.rows}, view.__name__)
        return np.stack([self.rows[key] for key in keys])

    def _compute(self, missing: dict[str, tuple[Photo, View]], what: str) -> None:
        progress = tqdm(total=len(missing), desc=what, disable=not missing)
        with progress, ThreadPoolExecutor(1) as ahead:  # decodes while the network works
            for keys in batched(missing, SHARD):
                inputs = ahead.map(lambda key: self._input(*missing[key]), keys)
                rows = {}
                for key, x in zip(keys, inputs, strict=True):
                    rows[key] = self.infer(x)[0]
                    progress.update()
                self._store(rows)

    def _input(self, photo: Photo, view: View) -> Array:
        try:
            image = decode(photo.path.read_bytes())
        except PictureError as error:
            raise PictureError(error.code, f"{photo.path}: {error.message}") from error
        return to_input(view(image), self.preset)

    def _store(self, rows: dict[str, Array]) -> None:
        self.rows.update(rows)
        keys, features = list(rows), np.stack(list(rows.values()))
        name = hashlib.sha256("".join(keys).encode()).hexdigest()[:16]
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
            np.savez(file, keys=np.array(keys), features=features)
        os.replace(file.name, self.folder / f"{name}.npz")
