"""JPEG (ITU-T T.81): a walk over the segments up to the end marker of the first picture."""

import re
from typing import Final

from ml.header.base import (
    MAX_BLOCKS,
    MAX_METADATA,
    MAX_SCANS,
    RESAVE,
    PictureInfo,
    check_size,
    corrupt,
    metadata_bomb,
    too_complex,
    truncated,
    unsupported,
)

# In scan data FF is stuffed with 00; restart markers and fill bytes are not markers of interest.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_TEM, _SOI, _EOI, _SOS, _APP1, _APP2, _JPEG_LS = 0x01, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, 0xF7
_HUFFMAN_DCT = (0xC0, 0xC1, 0xC2)
_FRAMES: Final = {
    0xC3: "This is a lossless JPEG.",
    0xC5: "This is a hierarchical JPEG.",
    0xC6: "This is a hierarchical JPEG.",
    0xC7: "This is a hierarchical JPEG.",
    0xC9: "This is an arithmetic-coded JPEG.",
    0xCA: "This is an arithmetic-coded JPEG.",
    0xCB: "This is an arithmetic-coded JPEG.",
    0xCD: "This is a hierarchical JPEG.",
    0xCE: "This is a hierarchical JPEG.",
    0xCF: "This is a hierarchical JPEG.",
    _JPEG_LS: "This is a JPEG-LS file.",
}


def walk(data: bytes) -> PictureInfo:
    """Return what the segments say; raises PictureError as the limits and T.81 demand."""
    size: tuple[int, int] | None = None
    scans = segments = 0
    several = False
    exif = bytearray()
    position = 2
    while found := _MARKER.search(data, position):
        marker, position = data[found.end() - 1], found.end()
        if marker == _EOI:
            break
        if marker in (_TEM, _SOI):
            continue
        body = _segment(data, position)
        position += 2 + len(body)
        segments += 1
        if segments > MAX_BLOCKS:
            too_complex("This JPEG has more than {most} segments.", most=MAX_BLOCKS)
        if marker in _HUFFMAN_DCT:
            size = _frame(body, first=size is None)
        elif marker in _FRAMES:
            unsupported(_FRAMES[marker], RESAVE)
        elif marker == _SOS:
            scans = _scan(scans, size)
        elif marker == _APP1 and body.startswith(b"Exif\0\0"):
            exif += body[6:]
        elif marker == _APP2 and body.startswith(b"MPF\0"):
            several = True
    else:
        truncated()
    if size is None or not scans:
        corrupt("This JPEG holds no picture.")
    if len(exif) > MAX_METADATA:
        metadata_bomb()
    return PictureInfo("JPEG", *size, several, bytes(exif))


def _segment(data: bytes, position: int) -> bytes:
    """Return the bytes of the segment whose length field lies at ``position``."""
    length = int.from_bytes(data[position : position + 2], "big")
    end = position + length
    if position + 2 > len(data) or end > len(data):
        truncated()
    if length < 2:
        corrupt("This JPEG has a segment without a length.")
    return data[position + 2 : end]


def _frame(body: bytes, first: bool) -> tuple[int, int]:
    """Return width and height of a frame header that a baseline or progressive decoder can read."""
    if not first:
        corrupt("This JPEG has two frame headers.")
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        corrupt("This JPEG has a broken frame header.")
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    check_size(width, height)
    if body[0] != 8:
        corrupt("This JPEG has {bits} bits per channel where 8 are usual.", bits=body[0])
    if body[5] not in (1, 3, 4):
        corrupt("This JPEG has {channels} channels.", channels=body[5])
    return width, height


def _scan(scans: int, size: tuple[int, int] | None) -> int:
    """Count a scan in; libjpeg leaves the limit to its callers."""
    if size is None:
        corrupt("This JPEG has pixels before its frame header.")
    if scans == MAX_SCANS:
        too_complex("This JPEG has more than {most} scans.", most=MAX_SCANS)
    return scans + 1
