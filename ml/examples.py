"""What the training loop is fed: cached features in several views, or pictures that are decoded as they are needed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ml.augment import PLAIN, View
from ml.datasets import Photo
from ml.features import Features
from ml.preset import Preset, to_input

Item = TypeVar("Item")
Made = TypeVar("Made")


class Cached:
    """Features ``names`` of photos, each photo in a view drawn anew every epoch."""

    def __init__(self, views: Sequence[Features], truth: Tensor, names: Sequence[str]) -> None:
        self.views, self.truth, self.names = views, truth, names

    def inputs(self, rows: Tensor, draw: np.random.Generator) -> tuple[Tensor, ...]:
        """Return the features (N, ...) of ``rows``, one tensor for each name."""
        which = draw.integers(len(self.views), size=len(rows))
        return tuple(self._gather(name, rows.numpy(), which) for name in self.names)

    def all(self, batch: int) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
        """Yield every view of every photo."""
        for number in range(len(self.views)):
            for rows in torch.split(torch.arange(len(self.truth)), batch):
                which = np.full(len(rows), number)
                yield tuple(self._gather(name, rows.numpy(), which) for name in self.names), self.truth[rows]

    def _gather(self, name: str, rows: npt.NDArray[np.int64], which: npt.NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(
            np.stack([self.views[view].row(name, row) for view, row in zip(which, rows, strict=True)])
        )


class Pictures:
    """Photos that are decoded as they are needed, so memory does not grow with their number."""

    def __init__(self, photos: Sequence[Photo], truth: Tensor, preset: Preset, view: View = PLAIN) -> None:
        self.photos, self.truth, self.preset, self.view = photos, truth, preset, view
        self.pool = ThreadPoolExecutor(thread_name_prefix="decode")

    def inputs(self, rows: Tensor, draw: np.random.Generator) -> tuple[Tensor, ...]:
        """Return pictures (N, C, H, W) in drawn views."""
        return (self._decoded(rows.tolist(), [bytes(draw.bytes(8)).hex() for _ in rows]),)

    def all(self, batch: int) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
        """Yield every photo as it is."""
        for rows in torch.split(torch.arange(len(self.photos)), batch):
            yield (self._decoded(rows.tolist(), None),), self.truth[rows]

    def _decoded(self, rows: Sequence[int], seeds: Sequence[str] | None) -> Tensor:
        def one(number: int) -> npt.NDArray[np.float32]:
            image = self.photos[rows[number]].open()
            return to_input(self.view(image, seeds[number]) if seeds else image, self.preset)

        return torch.from_numpy(np.concatenate(list(self.pool.map(one, range(len(rows))))))


def ahead(make: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    """Yield ``make(item)`` for each item in order, the next one made in another thread meanwhile."""
    rest = iter(items)
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(make, item) for item in islice(rest, 2)]
        while waiting:
            made = waiting.pop(0).result()
            waiting += [pool.submit(make, item) for item in islice(rest, 1)]
            yield made
