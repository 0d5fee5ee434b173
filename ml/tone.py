"""The colours of a picture as a short vector: a soft histogram in CIELAB.

Histograms after M. Swain and D. Ballard, "Color Indexing", IJCV 7, 1991; their square roots are what is compared
(Hellinger distance), so that a large sky does not outweigh all else.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.colour import to_lab

Floats = npt.NDArray[np.float32]

SIDE = 48  # pixels that are looked at, each way
# Centres of the bins: lightness, and both opponent colours, where nearly all of what is photographed lies.
LIGHTNESS: Floats = np.array([10, 30, 50, 70, 90], np.float32)
OPPONENT: Floats = np.array([-40, -20, 0, 20, 40], np.float32)
NUMBERS = len(LIGHTNESS) * len(OPPONENT) ** 2


def tone(image: Image.Image) -> Floats:
    """Return the tone (NUMBERS,), of unit length, of an RGB picture.

    The cosine of two tones is the Bhattacharyya coefficient of their histograms.
    """
    bands = to_lab(image.resize((SIDE, SIDE), Image.Resampling.BOX))
    shares = [_soft(band, centres) for band, centres in zip(bands, (LIGHTNESS, OPPONENT, OPPONENT), strict=True)]
    root: Floats = np.sqrt(np.einsum("ni,nj,nk->ijk", *shares).ravel() / np.float32(SIDE**2))
    return root


def _soft(values: Floats, centres: Floats) -> Floats:
    """Return (N, bins): how much of each value falls to each bin; between two centres both get a part."""
    inside = np.clip(values, centres[0], centres[-1])[:, None]
    shares: Floats = np.clip(1 - np.abs(inside - centres) / (centres[1] - centres[0]), 0, None)
    return shares
