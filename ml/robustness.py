"""Whether the first answer stays the same when a photo is changed as the web changes photos."""

import io
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image

from ml.metrics import Bools

Change = Callable[[Image.Image], Image.Image]


def halved(image: Image.Image) -> Image.Image:
    """Return the photo at half its width and height."""
    size = max(1, image.width // 2), max(1, image.height // 2)
    return image.resize(size, Image.Resampling.BICUBIC)


def recompressed(image: Image.Image) -> Image.Image:
    """Return the photo after it was a JPEG of quality 50."""
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=50)
    return Image.open(out).convert(image.mode)


def cropped(image: Image.Image) -> Image.Image:
    """Return the middle of the photo, a tenth off its width and height."""
    x, y = image.width * 0.05, image.height * 0.05
    return image.crop((round(x), round(y), round(image.width - x), round(image.height - y)))


def narrowed(image: Image.Image) -> Image.Image:
    """Return the photo at four fifths of its width."""
    return image.resize((max(1, round(image.width * 0.8)), image.height), Image.Resampling.BICUBIC)


CHANGES: tuple[Change, ...] = (halved, recompressed, cropped, narrowed)


def steady(images: Iterable[Image.Image], answer: Callable[[Image.Image], int]) -> Bools:
    """Return (N, 4): whether ``answer`` says the same of each photo after each of ``CHANGES``."""
    rows = []
    for image in images:
        first = answer(image)
        rows.append([answer(change(image)) == first for change in CHANGES])
    return np.array(rows, bool).reshape(-1, len(CHANGES))


def robustness(images: Iterable[Image.Image], answer: Callable[[Image.Image], int]) -> dict[str, float]:
    """Return the share of photos whose first answer stays the same, by change; {} without photos."""
    return shares(steady(images, answer))


def shares(kept: Bools) -> dict[str, float]:
    """Return the mean of ``steady``'s rows by the name of the change."""
    means = kept.mean(axis=0) if len(kept) else []
    return {change.__name__: float(mean) for change, mean in zip(CHANGES, means, strict=False)}
