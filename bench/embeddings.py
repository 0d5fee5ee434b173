"""Embeddings to fill a gallery with: of all real pictures at hand and their flips, and drawn around those.

    python -m bench.embeddings

What was embedded once is kept under var/bench, by bundle.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from tqdm import tqdm

from bench import peers
from ml.bundle import Bundle
from ml.engine import load
from ml.engine.agreement import drawn_pictures
from ml.picture import decode
from ml.preset import to_input

ROOT = Path(__file__).parent.parent
BUNDLE = ROOT / "ml" / "starter" / "places"
LANDMARKS = ROOT.parent / "shared" / "data" / "landmarks"
SHARD = 500  # pictures between two times of keeping what is done
NEAR = 12  # of the nearest pictures, one is drawn towards
BLOCK = 2000  # rows of a table of cosines

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Gallery:
    """Unit vectors (N, 512), the place of each, and how many of the first are of real pictures."""

    vectors: Vectors
    places: npt.NDArray[np.str_]
    real: int

    def first(self, count: int) -> "Gallery":
        """Return a smaller one, with the same share of real pictures."""
        chosen = np.sort(np.random.default_rng(9).permutation(len(self.vectors))[:count])
        return Gallery(self.vectors[chosen], self.places[chosen], int((chosen < self.real).sum()))


def gallery(count: int, pictures: int | None = None) -> Gallery:
    """Return ``count`` embeddings; of the real pictures all, or ``pictures`` of them."""
    files = mixed()[:pictures]
    found = [embedded(files, flipped) for flipped in (False, True)]
    vectors, places = np.concatenate(found)[:count], np.array([place_of(path) for path in files] * 2)[:count]
    more, parents = around(vectors, count - len(vectors))
    return Gallery(np.concatenate([vectors, more]), np.concatenate([places, places[parents]]), len(vectors))


def queries(count: int) -> tuple[Vectors, npt.NDArray[np.str_]]:
    """Return the embeddings of other sections of real pictures, and their places: what visitors might send."""
    files = mixed(seed=2)[:count]
    return embedded(files, cut=True), np.array([place_of(path) for path in files])


def mixed(seed: int = 1) -> list[Path]:
    """Return all real pictures in a mixed order; drawn ones where there are none."""
    files = sorted(LANDMARKS.rglob("*.jpg")) or drawn(1000)
    return [files[index] for index in np.random.default_rng(seed).permutation(len(files))]


def drawn(count: int) -> list[Path]:
    """Return files of drawn pictures."""
    folder = peers.CACHE / "drawn-photos" / "places"
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(islice(drawn_pictures(), count)):
        path = folder / f"{number}.jpg"
        if not path.is_file():
            picture.save(path)
    return sorted(folder.glob("*.jpg"))


def place_of(path: Path) -> str:
    """Return the folder of a picture: its place, or what else it shows."""
    return path.parent.name


def embedded(files: Sequence[Path], flipped: bool = False, cut: bool = False) -> Vectors:
    """Return the embeddings of pictures, mirrored or without a tenth on every side."""
    bundle = Bundle.load(BUNDLE)
    kind = "flipped" if flipped else "cut" if cut else "plain"
    folder = peers.CACHE / "embeddings" / f"{bundle.version}-{kind}"
    known = remembered(folder)
    missing = [path for path in files if key(path) not in known]
    if missing:
        engine = load(bundle)
        for shard in in_parts(tqdm(missing, desc=f"embedding, {kind}", file=sys.stderr)):
            views = (view(decode(path.read_bytes()), flipped, cut) for path in shard)
            made = np.concatenate([engine.infer(to_input(picture, bundle.preset))["embedding"] for picture in views])
            keep(folder, [key(path) for path in shard], made)
        known = remembered(folder)
    return np.stack([known[key(path)] for path in files])


def in_parts(files: Iterable[Path]) -> Iterator[list[Path]]:
    """Yield ``SHARD`` files at a time."""
    given = iter(files)
    while part := list(islice(given, SHARD)):
        yield part


def view(image: Image.Image, flipped: bool, cut: bool) -> Image.Image:
    """Return another look at a picture."""
    if flipped:
        return ImageOps.mirror(image)
    width, height = image.size
    return image.crop((width // 10, height // 10, width - width // 10, height - height // 10)) if cut else image


def key(path: Path) -> str:
    """Name a picture by where it lies."""
    return "/".join(path.parts[-3:])


def remembered(folder: Path) -> dict[str, Vectors]:
    """Return the embeddings that were kept."""
    known: dict[str, Vectors] = {}
    for names in sorted(folder.glob("*.json")):
        known |= dict(zip(json.loads(names.read_text()), np.load(names.with_suffix(".npy")), strict=True))
    return known


def keep(folder: Path, names: Sequence[str], vectors: Vectors) -> None:
    """Keep embeddings in a file of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    shard = folder / hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
    np.save(shard.with_suffix(".npy"), vectors)
    shard.with_suffix(".json").write_text(json.dumps(names))


def around(vectors: Vectors, count: int) -> tuple[Vectors, npt.NDArray[np.int64]]:
    """Return ``count`` vectors drawn around real ones, and which each was drawn around.

    Part of the way to one of the nearest others, and aside by a small part of the way between two more: so they
    spread as real pictures do, in the few directions in which neighbours differ, and stay as close to each other.
    Noise in all directions would lie outside of everything, and be told apart with ease.
    """
    draw = np.random.default_rng(7)
    parents = draw.integers(0, len(vectors), count)
    near = nearest(vectors, NEAR + 1)[:, 1:]
    ways = [vectors[near[parents, draw.integers(0, near.shape[1], count)]] - vectors[parents] for _ in range(3)]
    towards = draw.uniform(0.1, 0.7, (count, 1)).astype(np.float32)
    aside = draw.uniform(-0.4, 0.4, (2, count, 1)).astype(np.float32)
    made = vectors[parents] + towards * ways[0] + aside[0] * ways[1] + aside[1] * ways[2]
    return made / np.linalg.norm(made, axis=1, keepdims=True), parents


def nearest(vectors: Vectors, count: int, asked: Vectors | None = None) -> npt.NDArray[np.int64]:
    """Return the rows of the ``count`` nearest vectors to each of ``asked``, best first; without it, to each vector."""
    found = []
    asked = vectors if asked is None else asked
    for start in range(0, len(asked), BLOCK):
        cosines = asked[start : start + BLOCK] @ vectors.T
        top = np.argpartition(-cosines, min(count, len(vectors) - 1), axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(cosines, top, 1), axis=1)
        found.append(np.take_along_axis(top, order, 1))
    return np.concatenate(found)


if __name__ == "__main__":
    print(len(gallery(100_000).vectors), "embeddings")
