"""What the frozen part of a network makes of photos, computed once and kept on disk."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.augment import OF_SMALL, PLAIN, View
from ml.datasets import Photo
from ml.preset import Preset, to_input
from ml.progress import Bar

Array = npt.NDArray[np.floating]
Infer = Callable[[npt.NDArray[np.float32]], dict[str, Array]]  # one picture (1, C, H, W); answers keep the 1

SHARD = 256  # photos a file; what an interruption loses at most


def batched(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield the items in lists of ``size``; the last may be shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


class Features:
    """Named features of some photos, which stay on disk until rows are asked for."""

    def __init__(self, shards: dict[str, dict[str, Array]], places: Sequence[tuple[str, int]]) -> None:
        self.shards, self.places = shards, places

    def __len__(self) -> int:
        return len(self.places)

    def rows(self, name: str, which: Iterable[int] | None = None) -> Array:
        """Return the features ``name`` (N, ...) of the photos ``which``, of all of them by default."""
        return np.stack([self.row(name, number) for number in (range(len(self)) if which is None else which)])

    def row(self, name: str, number: int) -> Array:
        """Return the features ``name`` of one photo, as they lie on disk."""
        shard, row = self.places[number]
        return np.asarray(self.shards[shard][name][row])


class FeatureCache:
    """Features of photos on disk, by content: the file's bytes, the view, and the network's signature.

    ``infer`` may be called by ``threads`` threads at a time. Written in shards, each whole or not at all, so it may
    be interrupted and goes on where it stopped.
    """

    def __init__(self, folder: Path, signature: str, preset: Preset, infer: Infer, threads: int = 1) -> None:
        self.folder = folder / hashlib.sha256(signature.encode()).hexdigest()[:16]
        self.preset, self.infer, self.threads = preset, infer, threads
        self.shards: dict[str, dict[str, Array]] = {}
        self.places: dict[str, tuple[str, int]] = {}
        self.folder.mkdir(parents=True, exist_ok=True)
        for keys in sorted(self.folder.glob("*/keys.json")):
            self._enter(keys.parent)

    def features(self, photos: Sequence[Photo], view: View = PLAIN) -> Features:
        """Return the features of ``view`` of every photo, computing those that are missing."""
        views = [view if photo.large else OF_SMALL.get(view, view) for photo in photos]
        keys = [f"{v.name} {photo.sha256}" for v, photo in zip(views, photos, strict=True)]
        wanted = zip(keys, photos, views, strict=True)
        self._compute({key: (photo, v) for key, photo, v in wanted if key not in self.places}, view.name)
        return Features(self.shards, [self.places[key] for key in keys])

    def _compute(self, missing: dict[str, tuple[Photo, View]], what: str) -> None:
        progress = Bar(total=len(missing), desc=what, phase="features", unit="photo", disable=not missing)
        with progress, ThreadPoolExecutor(self.threads) as pool:
            for keys in batched(missing, SHARD):
                rows = []
                for row in pool.map(lambda key: self._one(*missing[key]), keys):
                    rows.append(row)
                    progress.update()
                self._store(keys, rows)

    def _one(self, photo: Photo, view: View) -> dict[str, Array]:
        return self.infer(to_input(view(photo.open(), photo.sha256), self.preset))

    def _store(self, keys: list[str], rows: list[dict[str, Array]]) -> None:
        """Write a shard beside the others, then move it to its place."""
        name = hashlib.sha256("".join(keys).encode()).hexdigest()[:16]
        temporary = Path(tempfile.mkdtemp(dir=self.folder, prefix="part-"))
        try:
            for column in rows[0]:
                np.save(temporary / f"{column}.npy", np.concatenate([row[column] for row in rows]))
            (temporary / "keys.json").write_text(json.dumps(keys))
            if (self.folder / name).exists():  # another process was quicker
                shutil.rmtree(temporary)
            else:
                os.replace(temporary, self.folder / name)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise OSError(error.errno, f"{error.strerror}; features are kept in {self.folder}") from error
        self._enter(self.folder / name)

    def _enter(self, shard: Path) -> None:
        keys = json.loads((shard / "keys.json").read_text())
        columns = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in shard.glob("*.npy")}
        self.shards[shard.name] = columns
        self.places.update({key: (shard.name, row) for row, key in enumerate(keys)})
