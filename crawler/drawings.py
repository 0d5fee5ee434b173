"""Tells drawings from photos: icons, pages of text, charts and maps have few colours, photos have many."""

import numpy as np
from PIL import Image

# Set on 11,000 photos of landmarks and 800 drawings (tests/drawings.py); rates in docs/benchmarks/cleaning.md.
FEW = 0.75  # a photo's eight commonest colours fill less of it than this
# Maps have more colours than icons, but pale ones: even their darkest tenth is light.
FEW_OF_PALE, PALE = 0.30, 150
_SIDE = 256  # pixels: text is still text, and JPEG's noise is smoothed
_TENTH = 0.10


def looks_drawn(image: Image.Image) -> bool:
    """Tell whether a picture (RGB) is drawn rather than taken by a camera."""
    small = image.copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    commonest = _commonest_colours(small)
    if commonest > FEW:
        return True
    return commonest > FEW_OF_PALE and float(np.quantile(np.asarray(small.convert("L")), _TENTH)) > PALE


def _commonest_colours(image: Image.Image, count: int = 8) -> float:
    """Return which part of the picture its commonest colours fill, with 32 levels a channel."""
    levels = np.asarray(image).astype(np.int32) >> 3
    codes = levels[..., 0] << 10 | levels[..., 1] << 5 | levels[..., 2]
    counts = np.bincount(codes.ravel())
    return float(np.sort(counts[counts > 0])[-count:].sum() / codes.size)
