"""Bytes to pixels: the one place that decodes pictures."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
import pillow_heif
from PIL import ExifTags, Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from ml.colour import on_white, to_srgb
from ml.header import PictureError, PictureInfo, inspect
from ml.header.base import check_size, corrupt, metadata_bomb, too_complex, truncated, unsupported
from ml.header.heif import HEIC_ADVICE
from ml.preset import Preset, to_input

__all__ = [
    "PictureError",
    "PictureInfo",
    "Preset",
    "decode",
    "gps",
    "inspect",
    "thumbnail",
    "to_input",
    "to_jpeg",
]

# The classes themselves: no other decoder can ever be tried, and JPEG does not turn into a
# multi-picture file whose index would have to be believed.
_DECODERS: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "GIF": GifImageFile,
    "TIFF": TiffImageFile,
    "BMP": BmpImageFile,
    "AVIF": AvifImageFile,
    "HEIC": pillow_heif.HeifImageFile,
}
# Whatever of these a decoder raises, the file is at fault. OSError alone would miss text bombs.
_DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
MAX_SIDE = 1600  # pixels, of what is kept and shown
_STRIP_PIXELS = 2_000_000


def decode(data: bytes, max_side: int = MAX_SIDE) -> Image.Image:
    """Return the first picture of ``data``: RGB, upright, in sRGB, alpha flattened on white.

    Its long side is at most ``max_side`` pixels; small pictures are not enlarged. Raises
    PictureError for whatever cannot be used, and nothing else whatever the bytes are.
    """
    info = inspect(data)
    with _refusing(info):
        image = _open(data, info)
        _draft(image, max_side)
        # Before anything asks for EXIF: PNG's would decode, and swallow what that finds broken.
        image.load()
        small = _shrink(image, max_side)
        upright = _turn(small, image.info.get("exif"))
        rgb = to_srgb(on_white(upright), image.info.get("icc_profile"))
        rgb.thumbnail((max_side, max_side), Image.Resampling.BICUBIC)
        plain = rgb.copy() if isinstance(rgb, ImageFile) else rgb  # without the file and its metadata
        plain.info = {}
    return plain


def to_jpeg(image: Image.Image, max_side: int = MAX_SIDE, quality: int = 88) -> bytes:
    """Return ``image`` (RGB) as a JPEG without any metadata, long side at most ``max_side``."""
    small = image.copy()
    small.info = {}  # a comment would be written from here
    small.thumbnail((max_side, max_side), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=quality)
    return out.getvalue()


def thumbnail(data: bytes, side: int = 320) -> bytes:
    """Return a small JPEG of the picture in ``data``; raises PictureError as ``decode`` does."""
    return to_jpeg(decode(data, side), side, quality=82)


def gps(data: bytes) -> tuple[float, float] | None:
    """Return latitude and longitude in degrees from the picture's EXIF, None without a valid one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = Image.Exif()
            exif.load(inspect(data).exif)
            fields = exif.get_ifd(ExifTags.IFD.GPSInfo)
            latitude = _degrees(fields, ExifTags.GPS.GPSLatitude, "NS", 90)
            longitude = _degrees(fields, ExifTags.GPS.GPSLongitude, "EW", 180)
    except (PictureError, *_DECODER_ERRORS):
        return None
    if latitude is None or longitude is None:
        return None
    # Cameras without a fix write zeros; no place lies there.
    return (latitude, longitude) if latitude or longitude else None


def _degrees(fields: dict[int, Any], tag: int, letters: str, limit: int) -> float | None:
    """Return degrees with sign from up to three numbers and the hemisphere's letter before them."""
    numbers, letter = fields.get(tag), fields.get(tag - 1)
    if not isinstance(numbers, tuple) or not isinstance(letter, str) or len(numbers) > 3:
        return None
    letter = letter.strip("\0 ").upper()
    degrees = sum(float(number) / 60.0**i for i, number in enumerate(numbers))
    if letter not in tuple(letters) or not 0 <= degrees <= limit:  # not a number fails here too
        return None
    return degrees if letter == letters[0] else -degrees


def _open(data: bytes, info: PictureInfo) -> ImageFile:
    """Return the lazy picture, its size judged again as the decoder understands it."""
    try:
        image = _DECODERS[info.format](io.BytesIO(data))
    except _DECODER_ERRORS:
        # The structure was found to be right, so these are kinds that the decoder does not know.
        if info.format in ("TIFF", "BMP"):
            unsupported("This is a {format} of a kind that cannot be read here.", format=info.format)
        raise
    check_size(*image.size)
    if image.mode in ("I", "F"):
        unsupported("This is a {format} of measured values rather than a photo.", format=info.format)
    return image


def _draft(image: ImageFile, max_side: int) -> None:
    """Let a JPEG be decoded at the smallest of its own scales that is large enough."""
    ratio = max_side / max(image.size)
    if isinstance(image, JpegImageFile) and ratio < 1:
        image.draft(None, (int(image.width * ratio), int(image.height * ratio)))


def _shrink(image: Image.Image, max_side: int) -> Image.Image:
    """Return the picture with 8 bits per channel, its long side below twice ``max_side``.

    Goes strip by strip, so that converting costs no second copy of the whole.
    """
    factor = max(1, max(image.size) // max_side)
    if factor == 1:
        return _eight_bit(image)
    width, height = -(-image.width // factor), -(-image.height // factor)
    rows = max(1, _STRIP_PIXELS // (image.width * factor)) * factor
    small: Image.Image | None = None
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        strip = _eight_bit(image.crop((0, top, image.width, bottom))).reduce(factor)
        small = small or Image.new(strip.mode, (width, height))
        small.paste(strip, (0, top // factor))
    assert small is not None
    return small


def _eight_bit(image: Image.Image) -> Image.Image:
    """Return the picture as L, RGB, RGBA or CMYK."""
    if image.mode.startswith("I;16"):
        # A bare conversion would clip nearly everything to white.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _turn(image: Image.Image, block: bytes | None) -> Image.Image:
    """Return the picture upright; a broken EXIF block turns nothing."""
    exif = Image.Exif()
    try:
        exif.load(block or b"")
        turn = _TURNS.get(exif.get(ExifTags.Base.Orientation, 1))
    except _DECODER_ERRORS:
        return image
    return image if turn is None else image.transpose(turn)


@contextmanager
def _refusing(info: PictureInfo) -> Iterator[None]:
    """Turn what a decoder raises into a PictureError, and keep its warnings quiet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except _DECODER_ERRORS as error:
            _refuse(error, info)


def _refuse(error: Exception, info: PictureInfo) -> NoReturn:
    """Raise the PictureError that fits what the decoder said."""
    said = str(error).lower()
    if isinstance(error, MemoryError):
        too_complex("This picture takes too much memory to open.")
    if info.format == "HEIC":
        unsupported("This is a HEIC file of a kind that cannot be read here.", HEIC_ADVICE)
    if isinstance(error, ValueError) and ("text" in said or "too large" in said):
        metadata_bomb()
    if isinstance(error, EOFError) or any(word in said for word in ("truncated", "not enough", "unexpected end")):
        truncated()
    corrupt("This {format} picture is damaged.", format=info.format)
