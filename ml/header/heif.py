"""AVIF and HEIC: the size of the picture, of its tiles and of the streams inside."""

import struct
from collections.abc import Iterator

from ml.header import av1
from ml.header import items as meta
from ml.header.base import (
    MAX_METADATA,
    MAX_PIXELS,
    PictureInfo,
    check_size,
    corrupt,
    metadata_bomb,
    too_complex,
    truncated,
    unsupported,
)
from ml.header.boxes import boxes, brands, inner

HEIC_ADVICE = "On an iPhone choose Settings > Camera > Formats > Most Compatible, or share it as JPEG."
_AVIF_BRANDS = {b"avif", b"avis"}
_BRANDS = _AVIF_BRANDS | set(b"heic heix heim heis hevc hevx hevm hevs heif mif1 mif2 msf1 miaf MiHE MiHB".split())
_CODINGS = {b"av01": "AVIF", b"hvc1": "HEIC"}
_STREAM_HEAD = 4096  # bytes; a sequence header comes first and is short
_TRACK = (b"trak", b"mdia", b"minf", b"stbl")
_MAX_TRACKS_LENGTH = 4 * 1024 * 1024

_Size = tuple[int, int]


def is_heif(data: bytes) -> bool:
    """Tell whether the file's brands promise a picture; films have others."""
    return bool(brands(data) & _BRANDS)


def walk(data: bytes) -> PictureInfo:
    """Return what the boxes say; every size that a decoder may reserve is judged."""
    items: meta.Items | None = None
    film: _Size | None = None
    box = None
    for box in boxes(data, 0, len(data)):
        kind, start, end = box
        end = min(end, len(data))
        if kind == b"meta" and items is None:
            items = meta.read(data, start + 4, end)
            _check_sizes(items)
        elif kind == b"moov":
            film = _film_size(data, start, end)
    if items is not None and items.primary:
        return _still(data, items, several=film is not None)
    if box is None or box[0] == b"ftyp" or box[2] > len(data):
        truncated()
    if film is None or not brands(data) & _AVIF_BRANDS:
        named = "AVIF" if brands(data) & _AVIF_BRANDS else "HEIC"
        unsupported("This is an {format} file without a picture that can be read here.", HEIC_ADVICE, format=named)
    return PictureInfo("AVIF", *film, True)


def _still(data: bytes, items: meta.Items, several: bool) -> PictureInfo:
    coding = _coding(items)
    if coding is None:
        unsupported("This is a HEIF file in a coding that cannot be read here.", HEIC_ADVICE)
    size = items.size(items.primary)
    if size is None:
        corrupt("This {format} picture has no size.", format=coding)
    check_size(*size)
    if any(end > len(data) for spans in items.spans.values() for _, end in spans):
        truncated()
    for item, kind in items.kinds.items():
        _check_content(kind, items.content(item, data, _STREAM_HEAD))
    return PictureInfo(coding, *size, several, _exif(data, items))


def _coding(items: meta.Items) -> str | None:
    """Return the format's name by the coding of the primary item or of what it is made of."""
    item = items.primary
    if items.kinds.get(item) in (b"grid", b"iden"):
        item = next(iter(items.parts.get(item, ())), 0)
    return _CODINGS.get(items.kinds.get(item, b""))


def _check_sizes(items: meta.Items) -> None:
    """Judge the sizes of all items, thumbnails and tiles among them."""
    for size in items.sizes.values():
        _check_large(size)
    for parts in items.parts.values():
        sizes = [items.size(part) or (0, 0) for part in parts]
        if sum(width * height for width, height in sizes) > 2 * MAX_PIXELS:
            too_complex("This picture is put together from too many tiles.")


def _check_large(size: _Size | None) -> None:
    """Refuse a part that is too large; unlike the picture itself it may be tiny."""
    if size and size[0] * size[1] > MAX_PIXELS:
        check_size(*size)


def _check_content(kind: bytes, content: bytes) -> None:
    if kind == b"av01":
        _check_large(av1.sequence_size(content))
    elif kind == b"grid":
        layout = ">II" if content[1:2] and content[1] & 1 else ">HH"
        if len(content) < 4 + struct.calcsize(layout):
            corrupt("This picture has tiles in no order.")
        width, height = struct.unpack_from(layout, content, 4)
        _check_large((width, height))


def _exif(data: bytes, items: meta.Items) -> bytes:
    """Return the TIFF structure of the first EXIF item."""
    item = next((i for i, kind in items.kinds.items() if kind == b"Exif"), 0)
    content = items.content(item, data, MAX_METADATA + 1)
    if len(content) > MAX_METADATA:
        metadata_bomb()
    return content[4 + int.from_bytes(content[:4], "big") :]


def _film_size(data: bytes, start: int, end: int) -> _Size | None:
    """Return the largest size that the tracks of a sequence name."""
    if end - start > _MAX_TRACKS_LENGTH:
        too_complex("This sequence has too many parts.")
    sizes = list(_track_sizes(data, start, end, _TRACK))
    for size in sizes:
        check_size(*size)
    return max(sizes, default=None)


def _track_sizes(data: bytes, start: int, end: int, path: tuple[bytes, ...]) -> Iterator[_Size]:
    """Yield sizes of sample descriptions and of the first AV1 sample of every track."""
    for kind, first, last in inner(data, start, end):
        if path and kind == path[0]:
            yield from _track_sizes(data, first, last, path[1:])
        elif kind == b"stsd":
            for coding, at, stop in inner(data, first + 8, last):
                if coding in _CODINGS and stop - at >= 28:
                    width, height = struct.unpack_from(">HH", data, at + 24)
                    yield width, height
        elif kind in (b"stco", b"co64") and last - first >= 16:
            (at,) = struct.unpack_from(">I" if kind == b"stco" else ">Q", data, first + 8)
            size = av1.sequence_size(data[at : at + _STREAM_HEAD])
            if size:
                yield size
