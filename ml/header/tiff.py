"""TIFF 6.0: a walk over the first image file directory, without following the next one."""

import struct
from dataclasses import dataclass

from ml.header.base import (
    PictureInfo,
    check_size,
    corrupt,
    too_complex,
    truncated,
    unsupported,
)

MAGICS = (b"II*\0", b"MM\0*")
_MAX_ENTRIES = 4096
_MAX_PIECES = 500_000  # strips or tiles
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_STRIPS, _STRIP_LENGTHS, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_LENGTHS = (
    (273, 279, 322, 323, 324, 325)
)  # fmt: skip
_SUB_IFDS, _SAMPLE_FORMAT, _DNG_VERSION = 330, 339, 50706
_SENSOR_PHOTOMETRICS = (32803, 34892)  # colour filter array, linear raw
# None, CCITT, LZW, JPEG, deflate (two numbers), PackBits, LZMA, Zstandard. Not 6: the old JPEG
# coding never had a reliable decoder.
_COMPRESSIONS = (1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000)
_UNSIGNED, _UNDEFINED = 1, 4
_RESAVE = "Please save it as JPEG or PNG."
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I"}  # field types that this walk reads


@dataclass(frozen=True)
class _Directory:
    """The entries of one directory: type, count and the four bytes of value or offset, by tag."""

    data: bytes
    order: str
    entries: dict[int, tuple[int, int, bytes]]

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the integers of ``tag``; empty where it is absent or of another type."""
        kind, count, value = self.entries.get(tag, (0, 0, b""))
        letter = _INTEGERS.get(kind)
        if letter is None:
            return ()
        if count > _MAX_PIECES:
            too_complex("This TIFF is cut into too many pieces.")
        length = struct.calcsize(letter) * count
        start = int.from_bytes(value, "little" if self.order == "<" else "big")
        where = value if length <= 4 else self.data[start : start + length]
        if length > len(where):
            truncated()
        return struct.unpack_from(f"{self.order}{count}{letter}", where)

    def number(self, tag: int, default: int) -> int:
        return next(iter(self.numbers(tag)), default)


def walk(data: bytes) -> PictureInfo:
    """Return what the first page's directory says."""
    directory, several = _directory(data)
    if _is_raw(data, directory):
        unsupported("This is a camera raw file.", "Please send the JPEG of the same photo.")
    width, height = directory.number(_WIDTH, 0), directory.number(_HEIGHT, 0)
    check_size(width, height)
    if not set(directory.numbers(_SAMPLE_FORMAT)) <= {_UNSIGNED, _UNDEFINED}:
        unsupported("This is a TIFF of measured values rather than a photo.", _RESAVE)
    if not set(directory.numbers(_BITS)) <= {1, 2, 4, 8, 16}:
        unsupported("This is a TIFF with an unusual number of bits per channel.", _RESAVE)
    if directory.number(_COMPRESSION, 1) not in _COMPRESSIONS:
        unsupported("This is a TIFF in a compression that cannot be read here.", _RESAVE)
    _check_pieces(directory, len(data))
    # The whole file is the EXIF block: that, too, is a TIFF structure.
    return PictureInfo("TIFF", width, height, several, data)


def _directory(data: bytes) -> tuple[_Directory, bool]:
    """Return the first directory, and whether it points to another one."""
    if len(data) < 8:
        truncated()
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    if start + 2 > len(data):
        truncated()
    (count,) = struct.unpack_from(order + "H", data, start)
    if count > _MAX_ENTRIES:
        too_complex("This TIFF has too many fields.")
    end = start + 2 + 12 * count
    if end > len(data):
        truncated()
    entries: dict[int, tuple[int, int, bytes]] = {}
    for position in range(start + 2, end, 12):
        tag, *entry = struct.unpack_from(order + "HHI4s", data, position)
        entries.setdefault(tag, (entry[0], entry[1], entry[2]))
    return _Directory(data, order, entries), data[end : end + 4].strip(b"\0") != b""


def _is_raw(data: bytes, directory: _Directory) -> bool:
    """Cameras store raw data as TIFF whose first page is often a small preview."""
    preview = directory.number(_SUBFILE, 0) & 1 and _SUB_IFDS in directory.entries
    return (
        data[8:10] == b"CR"
        or _DNG_VERSION in directory.entries
        or directory.number(_PHOTOMETRIC, 1) in _SENSOR_PHOTOMETRICS
        or bool(preview)
    )


def _check_pieces(directory: _Directory, length: int) -> None:
    """Refuse pixels that lie outside the file and tiles that are bombs of their own."""
    tiled = _TILES in directory.entries
    if tiled:
        across, down = directory.number(_TILE_WIDTH, 0), directory.number(_TILE_HEIGHT, 0)
        if not across or not down:
            corrupt("This TIFF has tiles without a size.")
        check_size(max(across, 32), max(down, 32))
    offsets = directory.numbers(_TILES if tiled else _STRIPS)
    lengths = directory.numbers(_TILE_LENGTHS if tiled else _STRIP_LENGTHS)
    if not offsets:
        corrupt("This TIFF has no pixels.")
    if max(offsets) >= length or any(at + size > length for at, size in zip(offsets, lengths, strict=False)):
        truncated()
