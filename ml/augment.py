"""The views that training takes of a photo: as it is, mirrored, blurred, and drawn at random.

Only photos that are trained on are drawn at random. What visitors send differs from them in size, sharpness,
frame and aspect, so the answer must not depend on these.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

SMALL = 96  # pixels: the size of most photos that are trained on
SIDE = 224  # pixels: what a drawn view is at most
MARGIN = 0.15  # of each side, within which a corner of a drawn frame lies

Draw = np.random.Generator


@dataclass(frozen=True)
class View:
    """A way to look at a photo. ``name`` and the photo's bytes say what is drawn, so it is the same each time."""

    name: str
    take: Callable[[Image.Image, Draw], Image.Image]

    def __call__(self, image: Image.Image, seed: str) -> Image.Image:
        """Return the view of ``image``, drawn from ``seed``: the photo's hash."""
        return self.take(image, np.random.default_rng([*self.name.encode(), int(seed[:16], 16)]))


def shrink(image: Image.Image) -> Image.Image:
    """Return the photo as a ``SMALL`` square, so that sharpness tells nothing about the label."""
    return image.resize((SMALL, SMALL), Image.Resampling.BILINEAR)


def drawn(image: Image.Image, draw: Draw) -> Image.Image:
    """Return the photo in a frame, a size, colours and a JPEG quality of chance, mirrored half of the time."""
    image = reframed(image, draw)
    if draw.random() < 0.5:
        image = ImageOps.mirror(image)
    if draw.random() < 0.5:
        image = recoloured(image, draw)
    if draw.random() < 0.5:
        side = round(float(np.exp(draw.uniform(np.log(64), np.log(SIDE)))))
        image = image.resize((min(side, image.width), min(side, image.height)), Image.Resampling.BILINEAR)
    return recompressed(image, draw) if draw.random() < 0.5 else image


def nudged(image: Image.Image, draw: Draw) -> Image.Image:
    """Return a drawing, a digit say, a little shifted, turned, sheared or scaled; what lies outside is black."""
    corners = (
        np.array([(0, 0), (0, 1), (1, 1), (1, 0)]) + draw.uniform(-0.06, 0.06, 2) + draw.uniform(-0.08, 0.08, (4, 2))
    )
    quad = tuple((corners * image.size).ravel().tolist())
    return image.transform(image.size, Image.Transform.QUAD, quad, Image.Resampling.BILINEAR)


def reframed(image: Image.Image, draw: Draw) -> Image.Image:
    """Return a random quadrilateral of the photo: zoom, shift, rotation, shear and change of aspect in one step."""
    size = (min(image.width, SIDE), min(image.height, SIDE))
    image = image.resize(size, Image.Resampling.BILINEAR)
    # One frame for all corners, and a little for each: crops rather than crooked pictures.
    left, top, right, bottom = draw.uniform(0, MARGIN, 4)
    x0, y0, x1, y1 = left, top, 1 - right, 1 - bottom
    corners = np.array([(x0, y0), (x0, y1), (x1, y1), (x1, y0)]) + draw.uniform(-0.04, 0.04, (4, 2))
    quad = np.clip(corners, 0, 1) * size
    return image.transform(size, Image.Transform.QUAD, tuple(quad.ravel().tolist()), Image.Resampling.BICUBIC)


def recoloured(image: Image.Image, draw: Draw) -> Image.Image:
    """Return the photo in another light: brightness, contrast and colour changed by up to a quarter."""
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = change(image).enhance(draw.uniform(0.75, 1.25))
    return image


def recompressed(image: Image.Image, draw: Draw) -> Image.Image:
    """Return the photo after a JPEG file of poor to good quality."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(draw.integers(35, 90)))
    return Image.open(file).convert("RGB")


PLAIN = View("plain", lambda image, _: image)
FLIPPED = View("flipped", lambda image, _: ImageOps.mirror(image))
SHRUNK = View("shrunk", lambda image, _: shrink(image))
SHRUNK_FLIPPED = View("shrunk-flipped", lambda image, _: ImageOps.mirror(shrink(image)))

# A photo that is small already needs no second look at that size.
OF_SMALL = {SHRUNK: PLAIN, SHRUNK_FLIPPED: FLIPPED}


def training_views(count: int) -> tuple[View, ...]:
    """Return the views of a photo that is trained on: as it is, blurred and mirrored, and ``count`` drawn ones."""
    return (PLAIN, SHRUNK_FLIPPED, *(View(f"drawn-{number}", drawn) for number in range(count)))
