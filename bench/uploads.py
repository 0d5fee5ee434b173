"""Photos to send, each another file to the site: the same pixels behind a comment of its own."""

import io
from functools import cache
from pathlib import Path

from PIL import Image

from tests.drawn import drawn

ORIGINALS = Path(__file__).parent.parent.parent / "shared" / "data" / "originals"
LARGE, SMALL = (4000, 3000), (640, 480)  # a telephone's 12 megapixels, and what web pages show
SOURCE = "taj-mahal.jpg"


@cache
def pixels(size: tuple[int, int]) -> bytes:
    """Return a JPEG of that size: a real photo where one is at hand."""
    source = ORIGINALS / SOURCE
    image = Image.open(source).convert("RGB") if source.is_file() else drawn(1, (1000, 750))
    out = io.BytesIO()
    image.resize(size, Image.Resampling.BICUBIC).save(out, "JPEG", quality=88)
    return out.getvalue()


def photo(number: int, size: tuple[int, int] = LARGE) -> bytes:
    """Return one of many files, none of which the site has seen."""
    data, comment = pixels(size), str(number).encode()
    return data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + data[2:]
