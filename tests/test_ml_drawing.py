"""Heat, kernels and probabilities are drawn so that they can be read."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ml import drawing
from ml.drawing import PALETTE
from tests.drawn import drawn

ROUND = np.zeros((5, 5), np.float32)
ROUND[2, 2] = 1


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def lightness(colours: np.ndarray) -> np.ndarray:
    """Return CIE L* of sRGB colours (N, 3): how light they look."""
    part = colours / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return np.asarray(np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance))


def test_more_heat_looks_lighter_in_even_steps() -> None:
    steps = np.diff(lightness(PALETTE[::15]))
    assert steps.min() > 0.4 * steps.max() > 0


def test_heat_lies_where_the_network_saw_it() -> None:
    heat = drawing.stretch(ROUND, (90, 60), (30, 0, 90, 60))
    assert heat.size == (90, 60)
    assert pixels(heat)[30, 60] >= 250
    assert heat.crop((0, 0, 30, 60)).getextrema() == (0, 0)


def test_a_photo_shows_through_where_it_is_cold() -> None:
    photo = drawn(1, (90, 60))
    shown = drawing.overlay(photo, drawing.stretch(ROUND, photo.size, (0, 0, *photo.size)))
    assert np.array_equal(pixels(shown)[:, :5], pixels(photo)[:, :5])
    assert np.abs(pixels(shown)[30, 45] - pixels(photo)[30, 45]).max() > 30


def test_the_segmented_part_keeps_its_colours_and_the_rest_loses_them() -> None:
    photo = Image.new("RGB", (90, 60), (200, 40, 90))
    shown = pixels(drawing.segmentation(photo, drawing.stretch(ROUND, photo.size, (0, 0, *photo.size))))
    assert shown[30, 45].tolist() == [200, 40, 90]
    assert len(set(shown[2, 2].tolist())) == 1
    assert (shown == [0x0F, 0x76, 0x6E]).all(axis=2).any()


@pytest.mark.parametrize(("order", "shown"), [("RGB", (255, 128, 128)), ("BGR", (128, 128, 255))])
def test_kernels_are_shown_in_the_colours_they_see(order: str, shown: tuple[int, int, int]) -> None:
    weights = np.zeros((4, 3, 3, 3), np.float32)
    weights[0, 0] = 0.2
    sheet = drawing.kernels(weights, order, side=48)
    assert sheet.getpixel((27, 27)) == shown
    assert sheet.getpixel((78, 78)) == (128, 128, 128)


@pytest.mark.parametrize(("count", "across"), [(64, 8), (32, 8), (6, 3), (1, 1)])
def test_grids_have_full_rows(count: int, across: int) -> None:
    sheet = drawing.maps(np.ones((count, 4, 4), np.float32), side=32)
    assert sheet.size == (across * 34 + 2, count // across * 34 + 2)


def test_bars_are_as_long_as_they_are_likely() -> None:
    sheet = pixels(drawing.bars([("here", 0.5), ("there", 0.25), ("nowhere", 0.0)], width=640))
    teal, grey = ([0x0F, 0x76, 0x6E], [0x6B, 0x72, 0x80])
    first, second = (int((sheet[y] == colour).all(axis=1).sum()) for y, colour in ((56, teal), (112, grey)))
    assert first == pytest.approx(296, abs=2)
    assert second == pytest.approx(148, abs=2)
    assert not (sheet[168] == grey).all(axis=1).any()
