"""Judges a picture file by its bytes, without decoding a pixel."""

from collections.abc import Callable

from ml.header import bmp, foreign, gif, heif, jpeg, png, tiff, webp
from ml.header.base import (
    ACCEPTED,
    MAX_BYTES,
    MAX_METADATA,
    MAX_PIXELS,
    MAX_SCANS,
    MIN_SIDE,
    PictureError,
    PictureInfo,
)

__all__ = [
    "ACCEPTED",
    "MAX_BYTES",
    "MAX_METADATA",
    "MAX_PIXELS",
    "MAX_SCANS",
    "MIN_SIDE",
    "PictureError",
    "PictureInfo",
    "inspect",
]


def inspect(data: bytes) -> PictureInfo:
    """Return format and stored size of the picture in ``data``.

    Walks signature, sizes and structure in milliseconds and in little memory; the file's name and
    declared type play no part. Raises PictureError for everything that must not be decoded.
    """
    if not data:
        raise PictureError("empty_file", "The file is empty. Please choose another one.")
    if len(data) > MAX_BYTES:
        seen, limit = "This file is {size:.1f} MB.", "Please send one of at most {most} MB."
        raise PictureError("too_large_bytes", seen, limit, size=len(data) / 2**20, most=MAX_BYTES // 2**20)
    walk = _walk_for(data)
    if walk is None:
        foreign.refuse_by_name(data)
        raise PictureError("not_an_image", "This file is not a picture.", ACCEPTED)
    return walk(data)


def _walk_for(data: bytes) -> Callable[[bytes], PictureInfo] | None:
    """Return the walk of the format that the first bytes name."""
    if data.startswith(b"\xff\xd8\xff"):
        return jpeg.walk
    if data.startswith(png.SIGNATURE):
        return png.walk
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return gif.walk
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return webp.walk
    if data[:4] in tiff.MAGICS:
        return tiff.walk
    if bmp.is_bmp(data):
        return bmp.walk
    return heif.walk if heif.is_heif(data) else None
