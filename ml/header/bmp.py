"""BMP: the file header and one of the information headers."""

import struct
from typing import NamedTuple

from ml.header.base import PictureInfo, check_size, corrupt, truncated, unsupported

_CORE = 12  # OS/2's header with 16-bit sizes
_HEADER_LENGTHS = (_CORE, 40, 52, 56, 64, 108, 124)
_RAW, _RLE8, _RLE4, _BIT_FIELDS = 0, 1, 2, 3
_RESAVE = "Please save it as JPEG or PNG."


class _Bitmap(NamedTuple):
    width: int
    height: int
    bits: int
    compression: int
    length: int


def is_bmp(data: bytes) -> bool:
    """Two letters are little to go by, so the information header's length has to fit as well."""
    length = data[14:18]
    return data[:2] == b"BM" and len(length) == 4 and int.from_bytes(length, "little") in _HEADER_LENGTHS


def walk(data: bytes) -> PictureInfo:
    """Return what the headers say; refuses pixels that end early and codings nobody decodes."""
    start, header_length = struct.unpack_from("<II", data, 10)
    if len(data) < 14 + header_length:
        truncated()
    bitmap = _bitmap(data, header_length)
    check_size(bitmap.width, bitmap.height)
    if bitmap.bits not in (1, 4, 8, 16, 24, 32):
        unsupported("This is a BMP of {bits} bits per pixel.", _RESAVE, bits=bitmap.bits)
    if bitmap.compression not in (_RAW, _RLE8, _RLE4, _BIT_FIELDS):
        unsupported("This is a BMP with another picture format inside.", _RESAVE)
    if start < 14 + header_length:
        corrupt("This BMP has its pixels inside its header.")
    row = (bitmap.width * bitmap.bits + 31) // 32 * 4
    packed = bitmap.compression in (_RLE8, _RLE4)
    if start + (bitmap.length if packed else row * bitmap.height) > len(data):
        truncated()
    return PictureInfo("BMP", bitmap.width, bitmap.height)


def _bitmap(data: bytes, header_length: int) -> _Bitmap:
    if header_length == _CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        return _Bitmap(width, height, bits, _RAW, 0)
    width, height, _, bits, compression, length = struct.unpack_from("<iiHHII", data, 18)
    return _Bitmap(width, abs(height), bits, compression, length)  # negative: top row first
