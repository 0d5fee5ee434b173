"""What every network offers to training, to explaining and to export."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Stem(NamedTuple):
    """What the frozen part of a backbone makes of pictures.

    ``early``: two maps (N, C, H, W) after early groups of layers. ``middle``: the map after the second to the
    last group. ``out``: what the last group takes.
    """

    early: tuple[Tensor, Tensor]
    middle: Tensor
    out: Tensor

    def statistics(self) -> Tensor:
        """Return the statistics (N, 2C) of the later early map and of the middle one."""
        return torch.cat([statistics(self.early[1]), statistics(self.middle)], 1)


class Backbone(nn.Module):
    """A network without its classifier, in two parts: ``stem`` is frozen, ``tail`` may be fine-tuned."""

    early_channels: tuple[int, int]  # of ``Stem.early``

    def stem(self, x: Tensor) -> Stem:
        """Return what pictures (N, 3, H, W) look like before the last group of layers."""
        raise NotImplementedError

    def tail(self, x: Tensor) -> Tensor:
        """Return the last feature map (N, C, H, W) of ``Stem.out``."""
        raise NotImplementedError

    def tail_layers(self) -> nn.Module:
        """Return the layers of ``tail``: those that fine-tuning changes."""
        raise NotImplementedError


def statistics(x: Tensor) -> Tensor:
    """Return mean and maximum (N, 2C) of every channel of a map (N, C, H, W)."""
    return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)


def root(pooled: Tensor) -> Tensor:
    """Return the square root, which evens out channels whose activations span three orders of magnitude.

    The small constant keeps its slope finite where a channel is silent.
    """
    return torch.sqrt(pooled + 1e-2)
