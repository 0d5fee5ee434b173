"""Pictures of numbers: heat over photos, grids of small maps, bars. NumPy and Pillow only."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Array = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels

GROUND, INK, QUIET, ACCENT, TRACK = "#fbfaf8", "#1c1f1e", "#6b7280", "#0f766e", "#e7e5e4"


def _palette(count: int = 256) -> npt.NDArray[np.uint8]:
    """Return colours (count, 3) from dark violet over red to pale yellow, even steps apart to the eye.

    Lightness rises evenly in OKLab (Ottosson 2020); of each hue the strongest colour that a screen can show.
    """
    t = np.linspace(0, 1, count)[:, None]
    lightness, hue = 0.2 + 0.74 * t, np.radians(285 + 175 * t)
    chroma = np.linspace(0.21, 0, 64)[None]  # the strongest first
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        axis=2,
    )
    shown = ((linear >= -1e-6) & (linear <= 1 + 1e-6)).all(axis=2).argmax(axis=1)
    picked = linear[np.arange(count), shown].clip(0, 1)
    gamma = np.where(picked <= 0.0031308, 12.92 * picked, 1.055 * picked ** (1 / 2.4) - 0.055)
    return np.asarray((gamma * 255).round(), np.uint8)


PALETTE = _palette()


def stretch(heat: Array, size: tuple[int, int], box: Box) -> Image.Image:
    """Return ``heat`` (h, w), 0 to 1, as a grey picture of ``size``, enlarged onto ``box`` in it."""
    left, top, right, bottom = (round(side) for side in box)
    small = Image.fromarray(np.asarray(heat.clip(0, 1) * 255, np.float32))
    large = small.resize((right - left, bottom - top), Image.Resampling.BICUBIC)
    whole = Image.new("L", size)
    whole.paste(large.convert("L"), (left, top))
    return whole


def coloured(heat: Image.Image) -> Image.Image:
    """Return grey ``heat`` in colours, lighter for more."""
    shown = heat.copy()
    shown.putpalette(PALETTE.tobytes())
    return shown.convert("RGB")


def veil(heat: Image.Image) -> Image.Image:
    """Return grey ``heat`` in colours, to lay over a photo (RGBA); where nothing is hot it is clear."""
    shown = coloured(heat)
    shown.putalpha(_share(heat))
    return shown


def overlay(image: Image.Image, heat: Image.Image) -> Image.Image:
    """Return the RGB photo under the veil of ``heat``."""
    return Image.composite(coloured(heat), image, _share(heat))


def _share(heat: Image.Image) -> Image.Image:
    """Return how much of the colour covers the photo; never all, so that it can still be made out."""
    return heat.point(lambda value: value * 0.75)


def segmentation(image: Image.Image, heat: Image.Image, threshold: float = 0.4) -> Image.Image:
    """Return the RGB photo with the part where ``heat`` reaches ``threshold`` outlined, the rest greyed."""
    inside = heat.point(lambda value: 255 * (value >= threshold * 255))
    near = inside.filter(ImageFilter.BoxBlur(max(1, max(image.size) / 400)))
    outline = near.point(lambda value: 255 * (0 < value < 255))
    rest = Image.blend(image.convert("L").convert("RGB"), Image.new("RGB", image.size, "white"), 0.45)
    shown = Image.composite(image, rest, inside)
    shown.paste(ACCENT, mask=outline)
    return shown


def grid(tiles: npt.NDArray[np.uint8], side: int, sampling: Image.Resampling) -> Image.Image:
    """Return colour tiles (N, h, w, 3) in full rows, as near to a square as that goes, each ``side`` pixels."""
    count = len(tiles)
    across = next(number for number in range(max(1, math.isqrt(count - 1) + 1), count + 1) if count % number == 0)
    gap = max(2, side // 16)
    sheet = Image.new("RGB", (across * (side + gap) + gap, count // across * (side + gap) + gap), GROUND)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, across)
        corner = (column * (side + gap) + gap, row * (side + gap) + gap)
        sheet.paste(Image.fromarray(tile).resize((side, side), sampling), corner)
    return sheet


def kernels(weights: Array, order: str, side: int = 48) -> Image.Image:
    """Return first-layer kernels (K, colours, h, w), colours in ``order`` ("RGB", "BGR", "L"), as a grid.

    Grey is zero; each kernel's largest number, up or down, is full colour.
    """
    if order == "BGR":
        weights = weights[:, ::-1]
    peak = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    tiles = (127.5 + 127.5 * weights / np.where(peak > 0, peak, 1)).round().astype(np.uint8)
    tiles = tiles.transpose(0, 2, 3, 1)
    return grid(np.broadcast_to(tiles, (*tiles.shape[:3], 3)), side, Image.Resampling.NEAREST)


def maps(values: Array, side: int = 112) -> Image.Image:
    """Return rectified feature maps (K, H, W) as a grid, each over its own range from zero."""
    peak = values.max(axis=(1, 2), keepdims=True)
    tiles = (255 * values / np.where(peak > 0, peak, 1)).astype(np.uint8)
    return grid(PALETTE[tiles], side, Image.Resampling.BILINEAR)


def bars(rows: Sequence[tuple[str, float]], width: int = 640) -> Image.Image:
    """Return names and probabilities as horizontal bars, in the order given."""
    line, margin = 56, 24
    sheet = Image.new("RGB", (width, len(rows) * line + 2 * margin - 12), GROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    for index, (name, probability) in enumerate(rows):
        top, right = margin + index * line, width - margin
        draw.text((margin, top), name, INK, font)
        draw.text((right, top), f"{probability:.1%}", INK if index == 0 else QUIET, font, anchor="ra")
        track = (margin, top + 28, right, top + 36)
        draw.rounded_rectangle(track, 4, TRACK)
        end = margin + (right - margin) * probability
        if end - margin >= 1:
            draw.rounded_rectangle((margin, top + 28, end, top + 36), 4, ACCENT if index == 0 else QUIET)
    return sheet
