"""WebP: the RIFF length, the chunks, and the sizes that canvas, frame and bitstream name."""

import struct
from collections.abc import Iterator

from ml.header.base import (
    MAX_BLOCKS,
    MAX_METADATA,
    PictureInfo,
    check_size,
    corrupt,
    metadata_bomb,
    too_complex,
    truncated,
)

_Size = tuple[int, int]


def walk(data: bytes) -> PictureInfo:
    """Return the size of the canvas or only picture.

    Decoders reserve the canvas when the file is opened, so all sizes are judged here.
    """
    if len(data) < 20:
        truncated()
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        truncated()
    canvas: _Size | None = None
    picture: _Size | None = None
    several = False
    exif = b""
    for kind, start, stop in _chunks(data, 12, end):
        if kind == b"VP8X":
            canvas = _canvas(data[start:stop])
        elif kind in (b"VP8 ", b"VP8L") and picture is None:
            picture = _bitstream(kind, data[start : min(start + 10, stop)])
        elif kind == b"ANMF" and picture is None:
            several = True
            picture = _frame(data, start, stop, canvas)
        elif kind == b"EXIF":
            exif = data[start:stop].removeprefix(b"Exif\0\0")
    if picture is None:
        corrupt("This WebP holds no picture.")
    if canvas and not several and canvas != picture:
        corrupt("This WebP names two different sizes.")
    if len(exif) > MAX_METADATA:
        metadata_bomb()
    return PictureInfo("WEBP", *(canvas or picture), several, exif)


def _chunks(data: bytes, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, first byte and end of every chunk between ``position`` and ``end``."""
    for _ in range(MAX_BLOCKS):
        if position + 8 > end:
            return
        kind, length = struct.unpack_from("<4sI", data, position)
        start = position + 8
        if start + length > end:
            corrupt("This WebP has a part that is longer than the file.")
        yield kind, start, start + length
        position = start + length + length % 2
    too_complex("This WebP has more than {most} parts.", most=MAX_BLOCKS)


def _canvas(body: bytes) -> _Size:
    if len(body) < 10:
        corrupt("This WebP has a broken header.")
    size = 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    check_size(*size)
    return size


def _bitstream(kind: bytes, body: bytes, alone: bool = True) -> _Size:
    """Return the size in the head of a VP8 key frame or VP8L stream."""
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        size = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and not body[0] & 1 and len(body) == 10:
        size = (
            int.from_bytes(body[6:8], "little") & 0x3FFF,
            int.from_bytes(body[8:10], "little") & 0x3FFF,
        )
    else:
        corrupt("This WebP has a broken picture header.")
    if alone:
        check_size(*size)
    return size


def _frame(data: bytes, start: int, stop: int, canvas: _Size | None) -> _Size:
    """Return the size of an animation's first frame, which lies within its canvas."""
    if stop - start < 16 or canvas is None:
        corrupt("This WebP has a broken frame.")
    left, top, across, down = (int.from_bytes(data[start + i : start + i + 3], "little") for i in (0, 3, 6, 9))
    size = across + 1, down + 1
    if 2 * left + size[0] > canvas[0] or 2 * top + size[1] > canvas[1]:
        corrupt("This WebP has a frame outside its canvas.")
    for kind, first, last in _chunks(data, start + 16, stop):
        if kind in (b"VP8 ", b"VP8L"):
            if _bitstream(kind, data[first : min(first + 10, last)], alone=False) != size:
                corrupt("This WebP names two different sizes.")
            return size
    corrupt("This WebP has a frame without a picture.")
