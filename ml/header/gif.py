"""GIF: a walk over the blocks up to the end of the first frame."""

import struct

from ml.header.base import (
    MAX_METADATA,
    PictureInfo,
    check_size,
    corrupt,
    metadata_bomb,
    too_complex,
    truncated,
)

_MAX_SUB_BLOCKS = 200_000
_EXTENSION, _FRAME, _TRAILER = 0x21, 0x2C, 0x3B


def walk(data: bytes) -> PictureInfo:
    """Return the area that screen and first frame cover together; frame 1 must be whole."""
    if len(data) < 13:
        truncated()
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _palette_length(flags)
    start = position
    while (kind := _byte(data, position)) == _EXTENSION:
        position = _skip_sub_blocks(data, position + 2)
        if position - start > MAX_METADATA:
            metadata_bomb()
    if kind == _TRAILER:
        corrupt("This GIF has no frame.")
    if kind != _FRAME:
        corrupt("This GIF has a block of no known kind.")
    if position + 10 > len(data):
        truncated()
    left, top, across, down, flags = struct.unpack_from("<HHHHB", data, position + 1)
    if not across or not down:
        corrupt("This GIF has a first frame without pixels.")
    width, height = max(width, left + across), max(height, top + down)
    check_size(width, height)
    position = _skip_sub_blocks(data, position + 10 + _palette_length(flags) + 1)
    several = data[position : position + 1] not in (b"", bytes([_TRAILER]))
    return PictureInfo("GIF", width, height, several)


def _palette_length(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _byte(data: bytes, position: int) -> int:
    if position >= len(data):
        truncated()
    return data[position]


def _skip_sub_blocks(data: bytes, position: int) -> int:
    """Return the position after the empty block that ends a row of sub-blocks."""
    for _ in range(_MAX_SUB_BLOCKS):
        length = _byte(data, position)
        position += 1 + length
        if not length:
            return position
    too_complex("This GIF is cut into too many blocks.")
