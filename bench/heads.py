"""Heads trained on cached frozen features in seconds, to measure ways of training; what serves is made by ``ml.train``.

The features are those that ``python -m bench models`` keeps under var/bench; what is missing is computed.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bench import peers
from ml import frozen, networks
from ml.augment import View
from ml.classifier import POOLINGS, Head, Whitening
from ml.datasets import Photo
from ml.features import FeatureCache
from ml.fit import Average, Device, Recipe, groups, train_one_epoch, validate
from ml.train import HEAD, loaded

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


def features() -> FeatureCache:
    """Return the cache of what VGG16's frozen layers make of photos."""
    network = networks.find("vgg16")
    return frozen.cache(peers.CACHE / "features", network, loaded(network, None), maps=False)


@torch.inference_mode()
def pooled(cache: FeatureCache, photos: Sequence[Photo], views: Sequence[View]) -> Floats:
    """Return the head's whole input (V, N, D) for each view of ``photos``."""
    found = []
    for view in views:
        seen = cache.features(photos, view)
        found.append(POOLINGS["root"](*(torch.from_numpy(seen.rows(name)) for name in ("frozen", "last"))).numpy())
    return np.stack(found)


@dataclass(frozen=True)
class Photos:
    """Photos as a head takes them: views (V, N, D) and the right columns (N,)."""

    views: Floats
    truth: Integers

    def of(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_], truth: Integers | None = None) -> "Photos":
        """Return some of them, under other columns where these are given."""
        return Photos(self.views[:, rows], self.truth[rows] if truth is None else truth)


class Examples:
    """``Photos`` as the training loop asks for them."""

    def __init__(self, photos: Photos) -> None:
        self.views, self.truth = torch.from_numpy(photos.views), torch.from_numpy(photos.truth)

    def inputs(self, rows: Tensor, draw: np.random.Generator) -> tuple[Tensor, ...]:
        """Return each of ``rows`` in a view drawn anew."""
        which = torch.from_numpy(draw.integers(len(self.views), size=len(rows)))
        return (self.views[which, rows],)

    def all(self, batch: int) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
        """Yield every view of every photo."""
        for view in self.views:
            for rows in torch.split(torch.arange(len(self.truth)), batch):
                yield (view[rows],), self.truth[rows]


def recipe(photos: int, seed: int) -> Recipe:
    """Return that of ``ml.train``, with smaller batches where there are few photos: else there were few steps."""
    return replace(HEAD, seed=seed, batch=min(HEAD.batch, max(32, photos // 16)))


def trained(train: Photos, choose: Photos, classes: int, seed: int = 0) -> Head:
    """Return the head of the epoch that did best on ``choose``."""
    how = recipe(len(train.truth), seed)
    torch.manual_seed(seed)
    head = Head(train.views.shape[2], classes, dropout=how.dropout)
    head.standardise(torch.from_numpy(train.views[0]))
    optimizer = torch.optim.AdamW(groups(head, None, how), weight_decay=how.decay)
    average, device = Average(head, how.average), Device.best()
    counts = torch.bincount(torch.from_numpy(train.truth), minlength=classes).clamp(min=1)
    weights = (counts.float().mean() / counts).sqrt()
    shown, held_out = Examples(train), Examples(choose)
    best, lowest, waited = copy.deepcopy(head.state_dict()), float("inf"), 0
    for epoch in range(1, how.epochs + 1):
        train_one_epoch(head, optimizer, average, shown, weights, how, epoch, device)
        loss, _ = validate(average.model, held_out, 2048, device)
        waited += 1
        if loss < lowest:
            best, lowest, waited = copy.deepcopy(average.model.state_dict()), loss, 0
        if waited >= how.patience and epoch > how.epochs // 4:
            break
    head.load_state_dict(best)
    return head.eval()


@torch.inference_mode()
def logits(head: Head, views: Floats) -> Floats:
    """Return logits (V, N, C) of views (V, N, D)."""
    return np.stack([head(torch.from_numpy(view)).numpy() for view in views])


def fitted(views: Floats) -> Whitening:
    """Return the embedding of a network that was trained on these photos, views (V, N, D), as ``ml.train`` fits it."""
    whitening = Whitening(views.shape[2])
    whitening.fit(torch.from_numpy(views[0]))
    return whitening


@torch.inference_mode()
def embeddings(whitening: Whitening, views: Floats) -> Floats:
    """Return embeddings (V, N, 512) of unit length."""
    return np.stack([whitening(torch.from_numpy(view)).numpy() for view in views])
