"""Colours as a browser shows them: alpha on white, any profile converted to sRGB."""

import io
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_MAX_PROFILE = 4 * 1024 * 1024  # bytes; printers' largest profiles take two million
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def on_white(image: Image.Image) -> Image.Image:
    """Return the picture without its alpha channel, if it has one."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an L, RGB or CMYK picture as RGB in sRGB; without a usable profile it counts as such."""
    if profile and len(profile) <= _MAX_PROFILE:
        try:
            return _converted(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile is no profile
    return image if image.mode == "RGB" else image.convert("RGB")


def to_lab(image: Image.Image) -> tuple[npt.NDArray[np.float32], ...]:
    """Return lightness (0 to 100) and both opponent colours (about -100 to 100), each (N,), of an sRGB picture."""
    converted = ImageCms.applyTransform(image, _srgb_to_lab())
    assert converted is not None
    lightness, a, b = (np.asarray(band, np.float32).ravel() for band in converted.split())
    return lightness * np.float32(100 / 255), a - 128, b - 128


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    mode = _MODES.get(source.profile.xcolor_space.strip())
    if (image.mode, mode) == ("L", "RGB"):
        image = image.convert("RGB")
    if image.mode != mode:
        raise ValueError("the profile is for other channels than the picture has")
    converted = ImageCms.profileToProfile(image, source, _srgb(), outputMode="RGB")
    assert converted is not None
    return converted


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@lru_cache(maxsize=1)
def _srgb_to_lab() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(_srgb(), ImageCms.createProfile("LAB"), "RGB", "LAB")
