"""From a stranger's bytes to a picture fit for training, or the reason why not."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

from PIL import Image

from crawler.drawings import looks_drawn
from crawler.near import sketch
from errors import UserError

# What 200 MB are enough for. JPEG is decoded at the size that is wanted, WebP at more than 16 bytes a pixel.
MAX_PIXELS = 9_000_000
MAX_PIXELS_OF = {"JPEG": 24_000_000, "WEBP": 6_000_000}
_THUMBNAIL = 128  # pixels, of what is dropped
_BLOBS = ("jpeg", "sketch", "thumbnail")  # the fields that are bytes


class Info(Protocol):
    """What a picture's header says."""

    @property
    def format(self) -> str:
        """Its name, ``JPEG``."""

    @property
    def width(self) -> int:
        """Pixels."""

    @property
    def height(self) -> int:
        """Pixels."""


@dataclass(frozen=True)
class Decoder:
    """The one decoder, which lives elsewhere: ``ml.header.inspect``, ``ml.picture.decode`` and ``to_jpeg``.

    Both of the first raise a UserError for what cannot be used.
    """

    inspect: Callable[[bytes], Info]
    decode: Callable[[bytes, int], Image.Image]
    to_jpeg: Callable[[Image.Image, int, int], bytes]


@dataclass(frozen=True)
class Rules:
    """What a picture must be like. Sizes in pixels; ``max_side`` and ``quality`` are of what is kept.

    The short side is measured as the file has it. 224 is what VGG16 and its kin take in, and the
    rule of Wicker's toolchain (2020).
    """

    min_side: int = 224
    max_aspect: float = 3.0
    photos_only: bool = True
    max_side: int = 1600
    quality: int = 88


@dataclass(frozen=True)
class Kept:
    """A picture as it is stored: an upright RGB JPEG without metadata.

    ``sketch`` is what near-copies are found by (``crawler.near``), ``thumbnail`` a small JPEG.
    """

    jpeg: bytes
    sketch: bytes
    width: int
    height: int
    thumbnail: bytes = b""


@dataclass(frozen=True)
class Dropped:
    """Why a picture is not used: a code, a sentence, and a small JPEG where it could be decoded.

    Codes are those of the decoder, and ``too_small too_odd not_a_photo``.
    """

    reason: str
    sentence: str
    thumbnail: bytes = b""


Verdict = Kept | Dropped

# Beyond the bounds of crawler.limited: no decoder gave an answer.
GAVE_UP = Dropped("too_complex", "This picture takes too much memory or time to open.")


def clean(data: bytes, rules: Rules, decoder: Decoder) -> Verdict:
    """Judge a file by what it decodes to; its name and declared type play no part."""
    try:
        info = decoder.inspect(data)
        if refusal := _by_size(info, rules):
            return refusal
        image = decoder.decode(data, rules.max_side)
    except UserError as error:
        return Dropped(error.code, error.message)
    thumbnail = decoder.to_jpeg(image, _THUMBNAIL, 70)
    if rules.photos_only and looks_drawn(image):
        return Dropped("not_a_photo", "This is a drawing, a map or a page of text rather than a photo.", thumbnail)
    jpeg = decoder.to_jpeg(image, rules.max_side, rules.quality)
    return Kept(jpeg, sketch(image), image.width, image.height, thumbnail)


def _by_size(info: Info, rules: Rules) -> Dropped | None:
    seen = f"This picture is {info.width} x {info.height} pixels"
    short, long = sorted((info.width, info.height))
    most = MAX_PIXELS_OF.get(info.format, MAX_PIXELS)
    if short * long > most:
        return Dropped("too_many_pixels", f"{seen}; a {info.format} may have {most // 10**6} megapixels.")
    if short < rules.min_side:
        return Dropped("too_small", f"{seen}; the short side must have {rules.min_side}.")
    if long > short * rules.max_aspect:
        return Dropped("too_odd", f"{seen}; the long side may be {rules.max_aspect:g} times the short one.")
    return None


def clean_packed(data: bytes, rules: Rules, decoder: Decoder) -> bytes:
    """Do as ``clean``, for a child process: the answer is what ``unpacked`` reads."""
    verdict = asdict(clean(data, rules, decoder))
    blobs = [verdict.pop(name, b"") for name in _BLOBS]
    head = json.dumps([verdict, [len(blob) for blob in blobs]]).encode()
    return b"\n".join((head, b"".join(blobs)))


def unpacked(answer: bytes | None) -> Verdict:
    """Return the verdict that a child sent; one that gave no answer, or none that can be read, gave up."""
    if answer is None:
        return GAVE_UP
    head, _, rest = answer.partition(b"\n")
    try:
        fields, lengths = json.loads(head)
        kind = Dropped if "reason" in fields else Kept
        for name, length in zip(_BLOBS, lengths, strict=True):
            if name in kind.__dataclass_fields__:
                fields[name] = rest[:length]
            rest = rest[length:]
        verdict = kind(**fields)
    except (ValueError, TypeError):
        return GAVE_UP
    return verdict
