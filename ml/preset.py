"""From an upright RGB picture to the array a network takes; one way for training and serving."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

Channels = tuple[float, ...]  # a number for each channel

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
    order: Literal["RGB", "BGR", "L"]  # L: grey, one channel
    scale: float
    mean: Channels
    std: Channels
    resize: Literal["squash", "centre"]
    short_side: int
    interpolation: Literal["bilinear", "bicubic"]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Preset":
        """Read what ``to_dict`` wrote; raises TypeError or ValueError for anything else."""
        preset = cls(**{**values, "mean": _channels(values, "mean"), "std": _channels(values, "std")})
        choices = (
            (preset.order, ("RGB", "BGR", "L")),
            (preset.resize, ("squash", "centre")),
            (preset.interpolation, tuple(_FILTERS)),
        )
        for value, allowed in choices:
            if value not in allowed:
                raise ValueError(f"a preset's {value!r} is none of {allowed}")
        return preset


def to_input(image: Image.Image, preset: Preset) -> npt.NDArray[np.float32]:
    """Return ``image`` (RGB) as float32 of shape (1, channels, height, width), prepared as ``preset`` says."""
    size = (preset.width, preset.height)
    resized = image.resize(size, _FILTERS[preset.interpolation], box=seen_box(image, preset))
    pixels = np.asarray(resized.convert("L") if preset.order == "L" else resized, dtype=np.float32)
    pixels = pixels.reshape(preset.height, preset.width, -1)
    if preset.order == "BGR":
        pixels = pixels[:, :, ::-1]
    mean, std = np.asarray(preset.mean, np.float32), np.asarray(preset.std, np.float32)
    pixels = (pixels * np.float32(preset.scale) - mean) / std
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis], dtype=np.float32)


def seen_box(image: Image.Image, preset: Preset) -> tuple[float, float, float, float]:
    """Return the part of ``image`` that the network is shown: left, top, right, bottom in pixels.

    Cutting first keeps the memory small whatever the aspect ratio; the resampling still
    reads beyond the box, so the pixels equal those of scaling the whole.
    """
    width, height = image.size
    if preset.resize == "squash":
        return (0, 0, width, height)
    ratio = min(width, height) / preset.short_side
    across, down = min(preset.width * ratio, width), min(preset.height * ratio, height)
    left, top = (width - across) / 2, (height - down) / 2
    return (left, top, left + across, top + down)


def _channels(values: dict[str, Any], key: str) -> Channels:
    numbers = tuple(float(number) for number in values[key])
    if len(numbers) != (1 if values["order"] == "L" else 3):
        raise ValueError(f"a preset's {key} does not fit its channels")
    return numbers
