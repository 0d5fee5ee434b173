"""PNG: a walk over the chunks with their checksums, and over texts without inflating bombs."""

import struct
import zlib
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
    unsupported,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Many blocks just below the limit are a bomb too.
_MAX_METADATA_OF_ALL = 4 * MAX_METADATA


def walk(data: bytes) -> PictureInfo:
    """Return what the chunks say; an animation is walked up to its second frame only."""
    width, height, colour = _header(data)
    kinds: set[bytes] = set()
    inflated = 0
    exif = b""
    for kind, body in _chunks(data):
        if kind == b"fcTL" and {b"acTL", b"IDAT"} <= kinds:
            break
        kinds.add(kind)
        if kind in (b"zTXt", b"iTXt", b"iCCP"):
            inflated += _inflated_length(kind, body)
        elif kind == b"eXIf":
            exif = bytes(body)
        if inflated > _MAX_METADATA_OF_ALL or len(exif) > MAX_METADATA:
            metadata_bomb()
    if b"IDAT" not in kinds or (colour == 3 and b"PLTE" not in kinds):
        corrupt("This PNG has no pixels or no palette.")
    return PictureInfo("PNG", width, height, b"acTL" in kinds, exif)


def _header(data: bytes) -> tuple[int, int, int]:
    """Return width, height and colour type of the IHDR chunk, which must come first."""
    if data[12:16] == b"CgBI":
        unsupported("This is a PNG packed for an iPhone app.")
    if len(data) < 33:
        truncated()
    length, kind = struct.unpack_from(">I4s", data, 8)
    if (length, kind) != (13, b"IHDR"):
        corrupt("This PNG does not begin with its header.")
    width, height, depth, colour, packing, filtering, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    check_size(width, height)
    if depth not in _DEPTHS.get(colour, ()) or packing or filtering or interlace > 1:
        corrupt("This PNG has a header that no PNG may have.")
    return width, height, colour


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield type and body of every chunk before IEND, checksums verified."""
    view = memoryview(data)
    position = len(SIGNATURE)
    for _ in range(MAX_BLOCKS):
        if position + 12 > len(data):
            truncated()
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if not kind.isalpha():
            corrupt("This PNG has a chunk of no known kind.")
        if end + 4 > len(data):
            if kind == b"fcTL" or kind == b"fdAT":
                yield kind, view[:0]
            truncated()
        if zlib.crc32(view[position + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            corrupt("This PNG has a wrong checksum.")
        if kind == b"IEND":
            return
        yield kind, view[position + 8 : end]
        position = end + 4
    too_complex("This PNG has more than {most} chunks.", most=MAX_BLOCKS)


def _inflated_length(kind: bytes, body: memoryview) -> int:
    """Return how many bytes a text or profile takes once inflated; refuses bombs."""
    packed = _packed_part(kind, bytes(body))
    if packed is None:
        return 0
    try:
        length = len(zlib.decompressobj().decompress(packed, MAX_METADATA + 1))
    except zlib.error:
        return 0  # decoders skip a text that they cannot inflate
    if length > MAX_METADATA:
        metadata_bomb()
    return length


def _packed_part(kind: bytes, body: bytes) -> bytes | None:
    """Return the zlib stream of the chunk, None where it is not packed or not well-formed."""
    _, _, rest = body.partition(b"\0")
    if kind != b"iTXt":
        return rest[1:]  # after the compression method
    if rest[:1] != b"\1":
        return None
    parts = rest[2:].split(b"\0", 2)  # language, translated keyword, text
    return parts[2] if len(parts) == 3 else None
