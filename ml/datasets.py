"""Labelled photos, from whatever they lie in, and their parts: to train on, to choose by, to report on.

    python -m ml.datasets PHOTOS --npy FOLDER     writes them as NPY files

What is read: a folder of folders (a folder's name is the label); a list of files (lines ``path label``); NPY files;
MNIST's idx files.
"""

import argparse
import csv
import gzip
import hashlib
import json
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from ml.augment import SMALL
from ml.calibrate import OTHER
from ml.header.base import any_size
from ml.picture import PictureError, decode, inspect
from ml.progress import Bar

Judged = TypeVar("Judged")
Pixels = npt.NDArray[np.uint8]

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic"})
LISTS = ("train.txt", "choose.txt", "report.txt")  # a site's pictures
NEGATIVES = {"unknown": "unknown", "not_a_place": "notplace"}  # label: folder
HELD_OUT = 0.2  # of every label's photos, where nobody has set some apart; half to choose by, half to report on


@dataclass(frozen=True)
class Photo:
    """One file and what it shows."""

    path: Path
    label: str

    @property
    def name(self) -> str:
        """What a message calls it."""
        return str(self.path)

    @cached_property
    def sha256(self) -> str:
        """The hash of the file's bytes."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @cached_property
    def large(self) -> bool:
        """Whether the photo holds more detail than ``SMALL`` pixels do."""
        info = self._judged(inspect)
        return min(info.width, info.height) > SMALL

    def open(self) -> Image.Image:
        """Return the upright RGB photo; raises PictureError that names the file."""
        return self._judged(decode)

    def _judged(self, judge: Callable[[bytes], Judged]) -> Judged:
        try:
            with any_size():
                return judge(self.path.read_bytes())
        except PictureError as error:
            raise PictureError(error.code, f"{self.path}: {error.message}") from error


@dataclass(frozen=True)
class Row(Photo):
    """One picture of an array (N, H, W) or (N, H, W, 3) that lies in the file ``path``."""

    pictures: Pixels
    index: int

    @property
    def name(self) -> str:
        """What a message calls it."""
        return f"{self.path}[{self.index}]"

    @cached_property
    def sha256(self) -> str:
        """The hash of the pixels."""
        pixels = np.ascontiguousarray(self.pictures[self.index])
        return hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest()

    @cached_property
    def large(self) -> bool:
        """Whether the picture holds more detail than ``SMALL`` pixels do."""
        return bool(min(self.pictures.shape[1:3]) > SMALL)

    def open(self) -> Image.Image:
        """Return the RGB picture."""
        return Image.fromarray(self.pictures[self.index]).convert("RGB")


def read(source: Path) -> list[Photo]:
    """Return the photos in ``source``; raises ValueError with a sentence when it holds none."""
    if source.is_file():
        found = image_list(source)
    elif (source / "pictures.npy").is_file():
        found = npy(source)
    else:
        found = folder_of_folders(source)
    if not found:
        raise ValueError(
            f"{source} holds no photos: a folder for each label is expected, a list of files, or NPY files."
        )
    return found


def folder_of_folders(root: Path) -> list[Photo]:
    """Return the photos below ``root``; the first folder's name is the label. Sorted by path."""
    found = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    return [Photo(path, path.relative_to(root).parts[0]) for path in found if path.parent != root]


def image_list(file: Path) -> list[Photo]:
    """Return the photos of a list: on each line a path, from the list's folder, then a blank and the label."""
    photos = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        path, _, label = line.strip().rpartition(" ")
        if not path:
            raise ValueError(f"{file}, line {number}: a path, a blank and a label are expected, not {line.strip()!r}.")
        if not (file.parent / path).is_file():
            raise ValueError(f"{file}, line {number}: there is no file {file.parent / path}.")
        photos.append(Photo(file.parent / path.strip(), label))
    return photos


def npy(folder: Path) -> list[Photo]:
    """Return the pictures of ``write_npy``'s files; they stay on disk until they are looked at."""
    pictures = _load(folder / "pictures.npy", "r")
    numbers = _load(folder / "labels.npy")
    names = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    if pictures.dtype != np.uint8 or pictures.ndim not in (3, 4) or len(pictures) != len(numbers):
        raise ValueError(f"{folder}: pictures.npy must hold bytes (N, H, W, 3) and labels.npy N numbers.")
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(names):
        raise ValueError(f"{folder}: labels.npy has numbers that labels.json does not name.")
    return _rows(folder / "pictures.npy", pictures, [names[number] for number in numbers])


def write_npy(photos: Sequence[Photo], folder: Path, side: int) -> None:
    """Write ``photos``, squashed to squares, as pictures.npy (N, side, side, 3), labels.npy (N,) and labels.json."""
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted({photo.label for photo in photos})
    shape = (len(photos), side, side, 3)
    pictures = np.lib.format.open_memmap(folder / "pictures.npy", "w+", np.uint8, shape)
    for row, photo in enumerate(tqdm(photos, "pictures")):
        pictures[row] = np.asarray(photo.open().resize((side, side), Image.Resampling.BILINEAR))
    pictures.flush()
    np.save(folder / "labels.npy", np.array([names.index(photo.label) for photo in photos]))
    (folder / "labels.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")


def idx(pictures: Path, labels: Path) -> list[Photo]:
    """Return the pictures of two of MNIST's idx files, which may be packed by gzip."""
    return _rows(pictures, _read_idx(pictures), [str(number) for number in _read_idx(labels)])


def _read_idx(path: Path) -> Pixels:
    """Return the bytes of an idx file as an array of the shape that its header says."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zero, kind, axes = struct.unpack(">HBB", data[:4])
        shape = struct.unpack(f">{axes}I", data[4 : 4 + 4 * axes])
        if zero or kind != 8:
            raise ValueError("it does not begin like an idx file of bytes")
        return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise ValueError(f"{path} cannot be read as an idx file: {error}.") from error


def _load(path: Path, mode: str | None = None) -> npt.NDArray[np.uint8]:
    try:
        array: npt.NDArray[np.uint8] = np.load(path, mmap_mode=mode, allow_pickle=False)  # type: ignore[arg-type]
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    return array


def _rows(path: Path, pictures: Pixels, labels: Sequence[str]) -> list[Photo]:
    if len(pictures) != len(labels):
        raise ValueError(f"{path} holds {len(pictures)} pictures, but there are {len(labels)} labels.")
    return [Row(path, label, pictures, index) for index, label in enumerate(labels)]


def readable(photos: Sequence[Photo]) -> list[Photo]:
    """Return those photos that can be decoded, and say on standard error which cannot, and why."""

    def complaint(photo: Photo) -> str:
        try:
            photo.open()
        except (PictureError, OSError) as error:
            return str(error)
        return ""

    with ThreadPoolExecutor() as pool:
        said = list(Bar(pool.map(complaint, photos), "reading", len(photos), phase="reading", leave=False))
    for why in filter(None, said):
        print(f"left out: {why}", file=sys.stderr)
    return [photo for photo, why in zip(photos, said, strict=True) if not why]


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
    """Photos to train on, to choose and calibrate by, and to report on; ``labels`` numbers the classes.

    Where there are negatives, and of places anyway, ``labels`` end with "unknown" and "not_a_place".
    """

    labels: list[str]
    train: list[Photo]
    choose: list[Photo]
    report: list[Photo]

    @property
    def others(self) -> bool:
        """Whether the labels end with the two other answers."""
        return bool(self.labels[-len(OTHER) :] == list(OTHER))

    @property
    def untaught(self) -> list[int]:
        """The columns of other answers that no photo to train on shows."""
        there = {photo.label for photo in self.train}
        return [column for column, label in enumerate(self.labels) if label in OTHER and label not in there]

    @classmethod
    def read(cls, root: Path, seed: int = 0, labels: Sequence[str] = ()) -> "Collection":
        """Read ``root``: whatever ``read`` reads, or a folder that has its parts already.

        The latter has train/ and val/ by label, and may have unknown/ and notplace/ of negatives. val-split.csv and
        negatives-split.csv put photos into "train", "A" (choose) or "B" (report). MNIST's four files are its parts
        too: digits t10k-* are for reporting. A folder of lists train.txt, choose.txt and report.txt is of places,
        so its labels end with the two other answers even where no photo shows them. Of what has no parts only the
        photos of ``labels`` are read, where some are named, in whatever case. Raises ValueError with a sentence.
        """
        if not root.exists():
            raise ValueError(f"There is nothing at {root}.")
        if found := sorted(root.glob("*-images-idx3-ubyte*")):
            return cls._of_idx(found, seed)
        if (root / LISTS[0]).is_file():
            train, choose, report = (image_list(root / name) for name in LISTS)
            return cls._checked(train, choose, report, places=True)
        if (root / "train").is_dir():
            return cls._of_parts(root, seed)
        wanted = {label.casefold() for label in labels}
        return cls.split([photo for photo in read(root) if not wanted or photo.label.casefold() in wanted], seed)

    @classmethod
    def split(cls, photos: Sequence[Photo], seed: int = 0, held_out: float = HELD_OUT) -> "Collection":
        """Set ``held_out`` of every label's photos apart; the same file is never in two parts."""
        train, rest = _set_apart(photos, held_out, seed)
        choose, report = _set_apart(rest, 0.5, seed)
        return cls._checked(train, choose, report)

    @classmethod
    def _of_idx(cls, found: Sequence[Path], seed: int) -> "Collection":
        sets = {path.name.split("-")[0]: idx(path, _labels_of(path)) for path in found}
        if set(sets) != {"train", "t10k"}:
            raise ValueError(f"{found[0].parent} needs MNIST's files train-* and t10k-*.")
        train, choose = _set_apart(sets["train"], 1 / 12, seed)
        return cls._checked(train, choose, sets["t10k"])

    @classmethod
    def _of_parts(cls, root: Path, seed: int) -> "Collection":
        train, val = folder_of_folders(root / "train"), folder_of_folders(root / "val")
        if not train or not val:
            raise ValueError(f"{root} needs photos in train/ and in val/, in one folder a place.")
        if strange := {photo.label for photo in val} - {photo.label for photo in train}:
            raise ValueError(f"{root / 'val'} has a place that train/ lacks: {min(strange)}.")
        if not (root / "val-split.csv").is_file():
            return cls._checked(train, *_set_apart(val, 0.5, seed))
        negatives = [photo for kind, folder in NEGATIVES.items() for photo in labelled(root / folder, kind)]

        def parts(name: str) -> list[Photo]:
            known = part(val, root / "val", root / "val-split.csv", name)
            others = part(negatives, root, root / "negatives-split.csv", name) if negatives else []
            return known + others

        return cls._checked(train + parts("train"), parts("A"), parts("B"))

    @classmethod
    def _checked(
        cls, train: list[Photo], choose: list[Photo], report: list[Photo], places: bool = False
    ) -> "Collection":
        counts = Counter(photo.label for photo in train)
        labels = [label for label in sorted(counts) if label not in OTHER]
        if len(labels) < 2:
            raise ValueError(f"At least two labels are needed to tell apart; there is {', '.join(labels) or 'none'}.")
        for name, photos in (("choose by", choose), ("report on", report)):
            if not photos:
                raise ValueError(f"No photos are left to {name}: more photos of each label are needed.")
            if missing := set(labels) - {photo.label for photo in photos}:
                some = ", ".join(sorted(missing)[:5])
                print(f"No photo to {name} of {len(missing)} labels, {some} among them.", file=sys.stderr)
        if few := [label for label in labels if counts[label] == 1]:
            print(f"Only one photo to train on: {', '.join(few)}. Add some.", file=sys.stderr)
        if places or set(OTHER) <= set(counts):
            labels += OTHER
        return cls(labels, train, choose, report)

    def equal(self, seed: int = 0) -> "Collection":
        """Return the collection with as many photos to train on of every label as the rarest has."""
        draw = np.random.default_rng(seed)
        fewest = min(Counter(photo.label for photo in self.train).values())
        kept: list[Photo] = []
        for label in self.labels:
            mine = [photo for photo in self.train if photo.label == label]
            kept += [mine[row] for row in sorted(draw.permutation(len(mine))[:fewest])]
        return Collection(self.labels, kept, self.choose, self.report)

    def readable(self) -> "Collection":
        """Return the collection without the photos that cannot be decoded, which are named on standard error."""
        train, choose, report = (readable(photos) for photos in (self.train, self.choose, self.report))
        return self._checked(train, choose, report, places=self.others)

    def truth(self, photos: Sequence[Photo]) -> npt.NDArray[np.int64]:
        """Return the right column (N,) of every photo."""
        columns = {label: column for column, label in enumerate(self.labels)}
        return np.array([columns[photo.label] for photo in photos])


def _labels_of(pictures: Path) -> Path:
    return pictures.with_name(pictures.name.replace("images-idx3", "labels-idx1"))


def _set_apart(photos: Sequence[Photo], share: float, seed: int) -> tuple[list[Photo], list[Photo]]:
    """Return the photos in two parts, ``share`` of every label's different photos in the second."""
    draw = np.random.default_rng(seed)
    apart: set[str] = set()
    by_label: dict[str, dict[str, None]] = {}
    for photo in photos:
        by_label.setdefault(photo.label, {})[photo.sha256] = None
    for hashes in by_label.values():
        apart.update(draw.permutation(list(hashes))[: round(len(hashes) * share)].tolist())
    return [p for p in photos if p.sha256 not in apart], [p for p in photos if p.sha256 in apart]


def main() -> None:
    """Write photos as NPY files."""
    parser = argparse.ArgumentParser(description="Write labelled photos as NPY files.")
    parser.add_argument("photos", type=Path, help="folder of folders, or a list of files with lines `path label`")
    parser.add_argument("--npy", type=Path, required=True, help="folder for pictures.npy, labels.npy and labels.json")
    parser.add_argument("--side", type=int, default=224, help="pixels of the squares (default: 224)")
    options = parser.parse_args()
    try:
        write_npy(readable(read(options.photos)), options.npy, options.side)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    print(f"The pictures are in {options.npy}")


if __name__ == "__main__":
    main()
