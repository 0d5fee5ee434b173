"""The network that is served: a frozen backbone, the head that knows places, an embedding, a style."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.networks.base import Backbone, root, statistics

OUTPUTS = ("logits", "embedding", "features", "pooled", "style")
EMBEDDING = 512
STYLE_CHANNELS = 32
STYLE_SEED = 20210413  # never changed: styles of different model versions stay comparable

# What the head sees, (N, D), of the statistics (N, 2C) of the frozen maps and of the last one.
Pooling = Callable[[Tensor, Tensor], Tensor]
POOLINGS: dict[str, Pooling] = {
    "mean": lambda _, last: last[:, : last.shape[1] // 2],
    "root": lambda frozen, last: root(torch.cat([frozen, last], 1)),
}


def deviation(pooled: Tensor) -> Tensor:
    """Return the standard deviation (features,) of ``pooled`` (N, features), to divide by.

    A channel that these photos hardly move counts little, rather than blowing up when another photo moves it.
    """
    std = pooled.std(0)
    return std.clamp(min=float(std.mean()) / 10 + 1e-6)


class Head(nn.Module):
    """Dense, ReLU, dropout, dense, over pooled features (Paruchuri 2022), once told standardised."""

    def __init__(self, features: int, classes: int, width: int = 1024, dropout: float = 0.5) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.dense = nn.Linear(features, width)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, classes)

    def standardise(self, pooled: Tensor) -> None:
        """Take mean and deviation of ``pooled`` (N, features) as those to take off from now on."""
        self.mean, self.std = pooled.mean(0), deviation(pooled)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return logits (N, classes)."""
        hidden = functional.relu(self.dense((pooled - self.mean) / self.std))
        logits: Tensor = self.out(self.dropout(hidden))
        return logits


class Whitening(nn.Linear):
    """Standardised features projected to ``EMBEDDING`` principal components, half whitened; answers unit vectors.

    Each component is divided by the root of its deviation: whole whitening loses known places, none loses new ones.
    """

    def __init__(self, features: int) -> None:
        super().__init__(features, EMBEDDING)

    @torch.no_grad()
    def fit(self, pooled: Tensor) -> None:
        """Fit to pooled features (N, features); components beyond what they span stay zero."""
        mean, std = pooled.mean(0), deviation(pooled)
        _, scale, axes = torch.linalg.svd((pooled - mean) / std, full_matrices=False)
        spanned = scale[:EMBEDDING] > scale[0] * 1e-4
        spread = scale[:EMBEDDING][spanned] / len(pooled) ** 0.5
        self.weight.zero_()
        self.weight[: len(spread)] = axes[:EMBEDDING][spanned] / spread.sqrt()[:, None] / std
        self.bias.copy_(-self.weight @ mean)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return embeddings (N, EMBEDDING) of unit length."""
        return functional.normalize(super().forward(pooled))


class Style(nn.Module):
    """Gram matrices of two early maps (Gatys and others 2016), each first projected to few channels."""

    axes0: Tensor
    axes1: Tensor
    upper: Tensor

    def __init__(self, channels: tuple[int, int]) -> None:
        super().__init__()
        draw = np.random.default_rng(STYLE_SEED)
        for index, count in enumerate(channels):
            axes, _ = np.linalg.qr(draw.normal(size=(count, STYLE_CHANNELS)))
            self.register_buffer(f"axes{index}", torch.tensor(axes.T, dtype=torch.float32))
        rows, columns = np.triu_indices(STYLE_CHANNELS)
        self.register_buffer("upper", torch.tensor(rows * STYLE_CHANNELS + columns))

    def forward(self, early: tuple[Tensor, Tensor]) -> Tensor:
        """Return (N, 1056): both upper triangles, each of unit length."""
        triangles = []
        for x, axes in zip(early, (self.axes0, self.axes1), strict=True):
            projected = axes @ x.flatten(2)
            # Divided before the product, whose sums would not fit half precision.
            projected = projected / projected.shape[2] ** 0.5
            gram = projected @ projected.transpose(1, 2)
            triangles.append(functional.normalize(gram.flatten(1)[:, self.upper]))
        return torch.cat(triangles, 1)


class Classifier(nn.Module):
    """Backbone, head, whitening and style in one graph. ``pooling`` is one of ``POOLINGS``."""

    def __init__(self, backbone: Backbone, pooling: Pooling, head: Head, whitening: Whitening) -> None:
        super().__init__()
        self.backbone, self.pooling, self.head, self.whitening = backbone, pooling, head, whitening
        self.style = Style(backbone.early_channels)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return ``OUTPUTS`` for pictures (N, 3, H, W)."""
        stem = self.backbone.stem(x)
        last = self.backbone.tail(stem.out)
        pooled = self.pooling(stem.statistics(), statistics(last))
        return {
            "logits": self.head(pooled),
            "embedding": self.whitening(pooled),
            "features": last,
            "pooled": pooled,
            "style": self.style(stem.early),
        }
