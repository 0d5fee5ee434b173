"""From an upright RGB picture to the array a network takes; one way for training and serving."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

Triple = tuple[float, float, float]

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Preset:
    """How a network's pictures are prepared; travels with its weights.

    ``mean`` and ``std`` are in the channel order of ``order`` and apply after ``scale``:
    ``(x * scale - mean) / std`` with x from 0 to 255. ``squash`` ignores the aspect ratio;
    ``centre`` brings the short side to ``short_side`` pixels and cuts the middle out.
    """

    width: int
    height: int
    order: Literal["RGB", "BGR"]
    scale: float
    mean: Triple
    std: Triple
    resize: Literal["squash", "centre"]
    short_side: int
    interpolation: Literal["bilinear", "bicubic"]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Preset":
        """Read what ``to_dict`` wrote; raises TypeError or ValueError for anything else."""
        preset = cls(**{**values, "mean": _triple(values, "mean"), "std": _triple(values, "std")})
        choices = (
            (preset.order, ("RGB", "BGR")),
            (preset.resize, ("squash", "centre")),
            (preset.interpolation, tuple(_FILTERS)),
        )
        for value, allowed in choices:
            if value not in allowed:
                raise ValueError(f"a preset's {value!r} is none of {allowed}")
        return preset


def to_input(image: Image.Image, preset: Preset) -> npt.NDArray[np.float32]:
    """Return ``image`` (RGB) as float32 of shape (1, 3, height, width), prepared as ``preset`` says."""
    size = (preset.width, preset.height)
    box = None if preset.resize == "squash" else _centre_box(image, preset)
    resized = image.resize(size, _FILTERS[preset.interpolation], box=box)
    pixels = np.asarray(resized, dtype=np.float32)
    if preset.order == "BGR":
        pixels = pixels[:, :, ::-1]
    mean, std = np.asarray(preset.mean, np.float32), np.asarray(preset.std, np.float32)
    pixels = (pixels * np.float32(preset.scale) - mean) / std
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis], dtype=np.float32)


def _centre_box(image: Image.Image, preset: Preset) -> tuple[float, float, float, float]:
    """Return the part of ``image`` that is left when it is scaled and its centre cut out.

    Cutting first keeps the memory small whatever the aspect ratio; the resampling still
    reads beyond the box, so the pixels equal those of scaling the whole.
    """
    width, height = image.size
    ratio = min(width, height) / preset.short_side
    across, down = min(preset.width * ratio, width), min(preset.height * ratio, height)
    left, top = (width - across) / 2, (height - down) / 2
    return (left, top, left + across, top + down)


def _triple(values: dict[str, Any], key: str) -> Triple:
    first, second, third = (float(number) for number in values[key])
    return first, second, third
