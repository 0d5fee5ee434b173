"""What a picture looks like in short: its colours, and a hash by which near-copies are known.

Of 340 photos of places, 97 to 100 % of those compressed again, halved, turned grey, given a logo, stretched or mirrored
are within ``DISTANCE`` of what they were made of, 96 % of those brightened by a quarter, 95 % of those that lost 2 % at
every side and 64 % of those that lost 4 %. Of 25,223 pairs of different photos of one place none are, of 1.36 million
pairs of any places 23.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from crawler.near import DISTANCE, difference_hash, sketch

if TYPE_CHECKING:
    from PIL import Image

ALL = (1 << 64) - 1
# The hash has a byte for each row of cells, and says of each whether it is brighter than its left neighbour: seen in a
# mirror, the order is the other way round and brighter is darker.
_MIRRORED_ROW = bytes(int(f"{row ^ 255:08b}"[::-1], 2) for row in range(256))


class Signature(NamedTuple):
    """The columns of that name: see ``ml.tone`` and ``look``."""

    tone: list[float]
    look: int


def signature(image: Image.Image) -> Signature:
    """Return what a picture (RGB, upright) is compared by beside its embedding."""
    # Imported here: only workers decode pictures.
    from ml.tone import tone

    return Signature(tone(image).tolist(), look(image))


def look(image: Image.Image) -> int:
    """Return the 64-bit difference hash as PostgreSQL keeps it: with a sign."""
    unsigned = difference_hash(sketch(image))
    return unsigned - (1 << 64) if unsigned >> 63 else unsigned


@lru_cache(maxsize=1024)  # each of a page's pictures is compared with many
def mirrored(hashed: int) -> int:
    """Return the look of the same picture seen in a mirror."""
    rows = (hashed & ALL).to_bytes(8, "little").translate(_MIRRORED_ROW)
    return int.from_bytes(rows, "little", signed=True)


def near(one: int, other: int) -> bool:
    """Whether two looks are those of near-copies, the same way round or mirrored."""
    return _distance(one, other) <= DISTANCE or _distance(mirrored(one), other) <= DISTANCE


def _distance(one: int, other: int) -> int:
    return ((one ^ other) & ALL).bit_count()
