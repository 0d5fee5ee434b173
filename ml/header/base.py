"""What the walks of all formats share: limits, the error and its sentences, the size check."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NoReturn

from errors import UserError

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 50_000_000
MIN_SIDE = 32  # pixels
_min_side = ContextVar("min_side", default=MIN_SIDE)
MAX_SCANS = 100  # of one JPEG; each scan of a progressive one is a pass over the whole picture
MAX_METADATA = 1024 * 1024  # bytes of one text, profile or EXIF block once inflated
MAX_BLOCKS = 30_000  # segments, chunks or boxes of one file; real files have hundreds

ACCEPTED = "Please send JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC."
RESAVE = "Please open it in a photo program and save it as JPEG or PNG."


class PictureError(UserError):
    """A file that cannot be used as a photo.

    Codes: ``empty_file not_an_image unsupported_format too_large_bytes too_many_pixels too_small
    truncated_image corrupt_image too_complex metadata_bomb``.
    """


@dataclass(frozen=True)
class PictureInfo:
    """What a file's structure says of its first picture.

    ``width`` and ``height`` are pixels as stored, before any turning; ``exif`` is the raw EXIF
    block, a TIFF structure, or empty; ``several`` says that frames or pages follow the first.
    """

    format: str
    width: int
    height: int
    several: bool = False
    exif: bytes = field(default=b"", repr=False)


def truncated() -> NoReturn:
    """Refuse a file that ends too early."""
    raise PictureError("truncated_image", "The file is incomplete. Please send it again.")


def corrupt(seen: str, **values: object) -> NoReturn:
    """Refuse a damaged file; ``seen`` is the sentence that says what is wrong, ``values`` what its names stand for."""
    raise PictureError("corrupt_image", seen, "Please send another copy of the photo.", **values)


def unsupported(seen: str, advice: str = ACCEPTED, **values: object) -> NoReturn:
    """Refuse a format; ``seen`` is the sentence that names it."""
    raise PictureError("unsupported_format", seen, advice, **values)


def too_complex(seen: str, **values: object) -> NoReturn:
    """Refuse a file that would cost much more work than its picture is worth."""
    raise PictureError("too_complex", seen, RESAVE, **values)


def metadata_bomb() -> NoReturn:
    """Refuse a file whose texts or profiles are out of proportion."""
    seen = "This file carries more than {most} MB of text or colour data."
    raise PictureError("metadata_bomb", seen, RESAVE, most=MAX_METADATA // 2**20)


@contextmanager
def any_size() -> Iterator[None]:
    """Take pictures however small, meanwhile, in this thread: digits to train on, not what visitors send."""
    token = _min_side.set(1)
    try:
        yield
    finally:
        _min_side.reset(token)


def check_size(width: int, height: int) -> None:
    """Refuse pictures without pixels, with too many, or too thin to show a place."""
    if width <= 0 or height <= 0:
        corrupt("This picture says that it is {width} x {height} pixels.", width=width, height=height)
    seen = "This picture is {width} x {height} pixels."
    if width * height > MAX_PIXELS:
        limit = "Please send one of at most {most} megapixels."
        raise PictureError("too_many_pixels", seen, limit, width=width, height=height, most=MAX_PIXELS // 10**6)
    if min(width, height) < (smallest := _min_side.get()):
        limit = "Please send one of at least {least} pixels on each side."
        raise PictureError("too_small", seen, limit, width=width, height=height, least=smallest)
