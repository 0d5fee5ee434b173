"""A network gets its picture prepared as its preset says, the same in training and in serving."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ml.picture import Preset, to_input
from tests.pictures import scene

CAFFE = Preset(224, 224, "BGR", 1.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0), "squash", 224, "bilinear")
LITE = Preset(224, 224, "RGB", 1.0, (127.0,) * 3, (128.0,) * 3, "centre", 256, "bicubic")


def test_numbers_are_scaled_shifted_and_divided_in_the_order_of_the_channels() -> None:
    image = Image.new("RGB", (50, 40), (10, 20, 30))
    preset = Preset(8, 6, "BGR", 0.5, (1.0, 2.0, 3.0), (2.0, 4.0, 8.0), "squash", 6, "bilinear")
    prepared = to_input(image, preset)
    assert prepared.shape == (1, 3, 6, 8)
    assert prepared.dtype == np.float32
    assert prepared.flags.c_contiguous
    blue, green, red = prepared[0, :, 3, 3]
    assert (blue, green, red) == ((15 - 1) / 2, (10 - 2) / 4, (5 - 3) / 8)


def test_caffes_preset_is_bgr_minus_the_mean() -> None:
    prepared = to_input(Image.new("RGB", (300, 200), (255, 0, 1)), CAFFE)
    assert prepared[0, :, 100, 100] == pytest.approx([1 - 103.939, -116.779, 255 - 123.68], abs=1e-4)


def test_squashing_shows_the_whole_picture() -> None:
    prepared = to_input(scene(400, 200), replace(CAFFE, order="RGB", mean=(0.0,) * 3))
    assert prepared[0, :, 5, 5] == pytest.approx((214, 36, 36), abs=1)
    assert prepared[0, :, 218, 218] == pytest.approx((240, 206, 50), abs=1)


def test_squashing_down_averages_all_pixels() -> None:
    checks = np.indices((448, 448)).sum(0) % 2 * 255
    image = Image.fromarray(checks.astype(np.uint8)).convert("RGB")
    prepared = to_input(image, replace(CAFFE, mean=(0.0,) * 3))
    assert prepared[0, 0, 10:-10, 10:-10] == pytest.approx(127.5, abs=2)


@pytest.mark.parametrize("size", [(256, 256), (512, 512), (700, 512), (512, 900), (300, 400)])
def test_the_centre_equals_scaling_the_whole_and_cutting(size: tuple[int, int]) -> None:
    image = scene(*size)
    ratio = 256 / min(size)
    whole = image.resize((round(size[0] * ratio), round(size[1] * ratio)), Image.Resampling.BICUBIC)
    left, top = (whole.width - 224) // 2, (whole.height - 224) // 2
    expected = (np.asarray(whole.crop((left, top, left + 224, top + 224)), np.float32) - 127) / 128
    difference = np.abs(to_input(image, LITE)[0].transpose(1, 2, 0) - expected)
    assert difference.mean() < 0.01


@pytest.mark.parametrize("size", [(1, 1), (1, 1600), (1600, 2), (32, 20_000)])
def test_any_shape_is_prepared(size: tuple[int, int]) -> None:
    for preset in (CAFFE, LITE):
        prepared = to_input(Image.new("RGB", size, (200, 200, 200)), preset)
        assert prepared.shape == (1, 3, 224, 224)
        assert np.ptp(prepared[0, 0]) == 0


def test_a_preset_survives_json() -> None:
    for preset in (CAFFE, LITE):
        assert Preset.from_dict(json.loads(json.dumps(preset.to_dict()))) == preset


@pytest.mark.parametrize(
    "change",
    [{"order": "GBR"}, {"resize": "pad"}, {"interpolation": "lanczos"}, {"mean": [1.0]}, {"colour": 1}],
)
def test_a_preset_that_says_something_else_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Preset.from_dict({**CAFFE.to_dict(), **change})
