"""Where a network looked: Grad-CAM from the outputs of one forward pass, and its first layer. NumPy only.

Grad-CAM (Selvaraju and others 2017) weighs each channel of the last feature map by the mean gradient of a class's
logit. That gradient passes only through pooling and dense layers, so ``Tail`` is all of the network that it needs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml import drawing
from ml.bundle import Bundle
from ml.picture import MAX_SIDE, to_jpeg
from ml.preset import Preset, seen_box

Array = npt.NDArray[np.float32]

TAIL = "head.npz"  # its file in a bundle


@dataclass(frozen=True)
class FirstLayer:
    """The first convolution, a normalisation after it folded in.

    ``kernels``: (K, colours, h, w), colours in the preset's order; ``bias``: (K,); ``sides``: zeros added left,
    above, right and below.
    """

    kernels: Array
    bias: Array
    stride: int
    sides: tuple[int, int, int, int]

    @classmethod
    def load(cls, path: Path) -> "FirstLayer":
        """Read this alone of what ``Tail.save`` wrote: a few kilobytes of it."""
        with np.load(path, allow_pickle=False) as file:
            left, above, right, below = file["sides"].tolist()
            kernels, bias = (np.asarray(file[name], np.float32) for name in ("kernels", "bias"))
            return cls(kernels, bias, int(file["stride"]), (left, above, right, below))

    def maps(self, x: Array) -> Array:
        """Return the rectified feature maps (K, H / stride, W / stride) of one picture (1, colours, H, W)."""
        left, above, right, below = self.sides
        padded = np.pad(x[0], ((0, 0), (above, below), (left, right)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.kernels.shape[2:], axis=(1, 2))
        windows = windows[:, :: self.stride, :: self.stride]  # (colours, rows, columns, h, w)
        columns = windows.transpose(0, 3, 4, 1, 2).reshape(self.kernels[0].size, -1)
        flat = self.kernels.reshape(len(self.kernels), -1) @ columns + self.bias[:, None]
        return np.asarray(np.maximum(flat, 0).reshape(-1, *windows.shape[1:3]))


@dataclass(frozen=True)
class Tail:
    """What lies between the last feature map (C, H, W) and the logits, and the first layer for looking at.

    ``pooled`` (D,), standardised by ``mean`` and ``std`` (D,), goes through ``dense``: weights (out, in) and biases
    (out,), a ReLU between two. ``channel`` (D,) says which channel of the last map each of ``pooled`` is a mean or
    maximum or single value of, -1 where it is of none; ``root``: whether a square root was taken of that.
    """

    dense: tuple[tuple[Array, Array], ...]
    mean: Array
    std: Array
    channel: npt.NDArray[np.int16]
    root: bool
    first: FirstLayer

    @classmethod
    def of(cls, bundle: Bundle) -> "Tail | None":
        """Return the bundle's, None for a bundle that was written without."""
        path = bundle.path / TAIL
        return cls.load(path) if path.is_file() else None

    @classmethod
    def load(cls, path: Path) -> "Tail":
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
        single = {name: np.asarray(array, np.float32) for name, array in data.items()}
        count = sum(name.startswith("weight") for name in data)
        return cls(
            dense=tuple((single[f"weight{i}"], single[f"bias{i}"]) for i in range(count)),
            mean=single["mean"],
            std=single["std"],
            channel=data["channel"],
            root=bool(data["root"]),
            first=FirstLayer.load(path),
        )

    def save(self, path: Path) -> None:
        """Write to ``path``; the weights in half precision, as the model beside it has them."""
        first = self.first
        arrays: dict[str, npt.NDArray[Any]] = {
            "mean": self.mean, "std": self.std, "channel": self.channel, "root": np.array(self.root),
            "kernels": first.kernels.astype(np.float16), "bias": first.bias,
            "stride": np.array(first.stride), "sides": np.array(first.sides),
        }  # fmt: skip
        for i, (weight, bias) in enumerate(self.dense):
            arrays |= {f"weight{i}": weight.astype(np.float16), f"bias{i}": bias}
        np.savez_compressed(path, allow_pickle=False, **arrays)

    def logits(self, pooled: Array) -> Array:
        """Return the logits (classes,) at ``pooled`` (D,)."""
        weight, bias = self.dense[-1]
        return np.asarray(weight @ self._inputs(pooled)[-1] + bias, np.float32)

    def gradients(self, pooled: Array, classes: Sequence[int]) -> Array:
        """Return the slopes (len(classes), D) of those logits at ``pooled`` (D,)."""
        active = [hidden > 0 for hidden in self._inputs(pooled)[1:]]
        slopes = self.dense[-1][0][list(classes)]
        for (weight, _), on in zip(self.dense[-2::-1], reversed(active), strict=True):
            slopes = (slopes * on) @ weight
        return np.asarray(slopes / self.std)

    def _inputs(self, pooled: Array) -> list[Array]:
        """Return what each dense layer takes, first to last."""
        inputs = [(pooled - self.mean) / self.std]
        for weight, bias in self.dense[:-1]:
            inputs.append(np.maximum(weight @ inputs[-1] + bias, 0))
        return inputs

    def heat_maps(self, features: Array, pooled: Array, classes: Sequence[int]) -> Array:
        """Return Grad-CAM (len(classes), H, W), each 0 to 1, for one picture's last map (C, H, W) and pooled (D,).

        A class for which nothing speaks has zeros all over.
        """
        slopes = self.gradients(pooled, classes)
        if self.root:
            slopes /= 2 * pooled
        weights = np.zeros((features.shape[0], len(classes)), np.float32)
        reads = self.channel >= 0
        # The slopes of a mean, a maximum or a single value sum to one over the map: so do they here.
        np.add.at(weights, self.channel[reads], slopes[:, reads].T)
        heat = np.maximum(np.tensordot(weights.T, features, 1), 0)
        peak = heat.max(axis=(1, 2), keepdims=True)
        return np.asarray(heat / np.where(peak > 0, peak, 1), np.float32)


@dataclass(frozen=True)
class Explanation:
    """Where one answer comes from: ``heat`` (H, W), 0 to 1; in colours, over the photo, and the part that carries it.

    The pictures are of the photo's size.
    """

    heat: Array
    coloured: Image.Image
    overlay: Image.Image
    segmentation: Image.Image

    def save(self, photo: Image.Image, folder: Path, max_side: int = MAX_SIDE) -> None:
        """Write original.jpg, overlay.jpg and segmentation.jpg to ``folder``, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, picture in (("original", photo), ("overlay", self.overlay), ("segmentation", self.segmentation)):
            (folder / f"{name}.jpg").write_bytes(to_jpeg(picture, max_side))


def explain(
    image: Image.Image, seen: Mapping[str, Array], tail: Tail, preset: Preset, column: int | None = None
) -> Explanation:
    """Explain the logit at ``column`` (the highest if None) of an RGB photo; ``seen``: what the engine answered."""
    column = int(seen["logits"][0].argmax()) if column is None else column
    return illustrate(image, tail.heat_maps(seen["features"][0], seen["pooled"][0], [column])[0], preset)


def illustrate(image: Image.Image, heat: Array, preset: Preset) -> Explanation:
    """Lay a heat map (H, W) over the RGB photo it belongs to; what ``preset`` cuts off stays cold."""
    large = drawing.stretch(heat, image.size, seen_box(image, preset))
    return Explanation(heat, drawing.coloured(large), drawing.overlay(image, large), drawing.segmentation(image, large))
