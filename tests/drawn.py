"""Pictures drawn on the spot, for tests that need no particular photo."""

import io

import numpy as np
from PIL import Image


def drawn(seed: int = 0, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Return a picture of soft coloured noise, another one for every seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def jpeg(seed: int = 0, size: tuple[int, int] = (320, 240), **options: object) -> bytes:
    """Return ``drawn`` as a JPEG."""
    out = io.BytesIO()
    drawn(seed, size).save(out, "JPEG", quality=90, **options)
    return out.getvalue()
