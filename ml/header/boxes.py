"""Boxes of the ISO base media file format (ISO 14496-12), which AVIF, HEIC and films share."""

import struct
from collections.abc import Iterator

from ml.header.base import MAX_BLOCKS, corrupt, too_complex, truncated

Box = tuple[bytes, int, int]  # kind, first byte of the body, end


def brands(data: bytes) -> set[bytes]:
    """Return the brands of a file that begins with an ``ftyp`` box, else an empty set."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), len(data), 1024)
    return {data[8:12]} | {data[i : i + 4] for i in range(16, end - 3, 4)}


def boxes(data: bytes, position: int, end: int) -> Iterator[Box]:
    """Yield the boxes from ``position`` on; the last one may say that it passes ``end``."""
    for _ in range(MAX_BLOCKS):
        if position + 8 > end:
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        start = position + 8
        if length == 1 and start + 8 <= end:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        stop = position + length if length else end
        if stop < start:
            corrupt("This picture has a part without a length.")
        yield kind, start, stop
        position = stop
    too_complex("This picture has more than {most} parts.", most=MAX_BLOCKS)


def inner(data: bytes, position: int, end: int) -> Iterator[Box]:
    """Yield the boxes inside another one, whose end they may not pass."""
    for kind, start, stop in boxes(data, position, end):
        if stop > end:
            truncated()
        yield kind, start, stop
