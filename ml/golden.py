"""The golden picture: drawn by a few lines, so that every machine has the same one without a file."""

import numpy as np
from PIL import Image

RED = (190, 60, 40)


def golden_picture() -> Image.Image:
    """Return a red suspension bridge over water, 320 x 240, RGB; in whole numbers, so the same bytes everywhere."""
    y, x = np.mgrid[0:240, 0:320]
    pixels = np.stack([120 + y // 4, 160 + y // 6, 220 - y // 6], axis=2)
    pixels[y > 180] = (60, 90, 120)
    tower = np.minimum(abs(x - 80), abs(x - 240))
    pixels[(y > 150) & (y < 158)] = RED
    pixels[(tower < 6) & (y > 40) & (y < 190)] = RED
    cable = np.where(abs(x - 160) <= 80, 138 - 98 * (x - 160) ** 2 // 6400, 40 + tower * 13 // 10)
    pixels[(abs(y - cable) < 3) & (y < 152)] = RED
    pixels[(x % 10 < 2) & (y > cable) & (y < 150)] = RED
    return Image.fromarray(pixels.astype(np.uint8))
