"""The items of a HEIF file (ISO 23008-12): which pictures its ``meta`` box lists, and where."""

import struct
from dataclasses import dataclass, field

from ml.header.base import corrupt, too_complex
from ml.header.boxes import inner

# A phone's largest photo is a grid of some 200 tiles.
_MAX_ITEMS = 4096
_MAX_LINKS = 20_000  # extents, and references between items
_Span = tuple[int, int]  # first byte and end


@dataclass
class Items:
    """Pictures and other items by their number."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    spans: dict[int, list[_Span]] = field(default_factory=dict)
    parts: dict[int, tuple[int, ...]] = field(default_factory=dict)
    properties: dict[int, list[int]] = field(default_factory=dict)
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict)  # by number of the property

    def size(self, item: int) -> tuple[int, int] | None:
        """Return width and height in pixels before turning."""
        found = (self.sizes.get(number) for number in self.properties.get(item, ()))
        return next((size for size in found if size), None)

    def content(self, item: int, data: bytes, limit: int) -> bytes:
        """Return the item's bytes, at most ``limit`` of each of its first pieces."""
        pieces = self.spans.get(item, [])[:32]
        return b"".join(data[start : min(end, start + limit)] for start, end in pieces)


def read(data: bytes, start: int, end: int) -> Items:
    """Read the body of a ``meta`` box; raises PictureError where it is broken or absurdly long."""
    items = Items()
    inner_data = 0
    locations = b""
    try:
        for kind, first, last in inner(data, start, end):
            if kind == b"pitm":
                items.primary = int.from_bytes(data[first + 4 : min(last, first + 8)], "big")
            elif kind == b"iinf":
                _read_kinds(data, first, last, items)
            elif kind == b"iref":
                _read_references(data, first, last, items)
            elif kind == b"iprp":
                _read_properties(data, first, last, items)
            elif kind == b"idat":
                inner_data = first
            elif kind == b"iloc":
                locations = data[first:last]
        _read_locations(_Reader(locations), inner_data, items)
    except (struct.error, IndexError):
        corrupt("This picture has a broken list of its parts.")
    return items


class _Reader:
    """Takes big-endian numbers one after the other; raises IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._position = data, 0

    def take(self, length: int) -> int:
        start, self._position = self._position, self._position + length
        if self._position > len(self._data):
            raise IndexError(start)
        return int.from_bytes(self._data[start : self._position], "big")


def _read_kinds(data: bytes, start: int, end: int, items: Items) -> None:
    for kind, first, last in inner(data, start + (8 if data[start] else 6), end):
        version = data[first]
        if kind != b"infe" or version < 2:
            continue
        reader = _Reader(data[first : min(last, first + 16)])
        reader.take(4)
        item = reader.take(2 if version == 2 else 4)
        reader.take(2)
        items.kinds[item] = reader.take(4).to_bytes(4, "big")
        if len(items.kinds) > _MAX_ITEMS:
            too_complex("This picture is put together from too many parts.")


def _read_references(data: bytes, start: int, end: int, items: Items) -> None:
    links = 0
    letter = "I" if data[start] else "H"
    for kind, first, last in inner(data, start + 4, end):
        if kind != b"dimg":
            continue
        item, count = struct.unpack_from(f">{letter}H", data[first:last])
        links += count
        if links > _MAX_LINKS:
            too_complex("This picture is put together from too many parts.")
        after = struct.calcsize(f">{letter}H")
        items.parts[item] = struct.unpack_from(f">{count}{letter}", data[first:last], after)


def _read_properties(data: bytes, start: int, end: int, items: Items) -> None:
    for kind, first, last in inner(data, start, end):
        if kind == b"ipma":
            _read_associations(data[first:last], items)
        elif kind == b"ipco":
            for number, (name, at, stop) in enumerate(inner(data, first, last), 1):
                if name == b"ispe":
                    width, height = struct.unpack_from(">II", data[at:stop], 4)
                    items.sizes[number] = width, height


def _read_associations(body: bytes, items: Items) -> None:
    reader = _Reader(body)
    version, flags = reader.take(1), reader.take(3)
    length, mask = (2, 0x7FFF) if flags & 1 else (1, 0x7F)  # the top bit says "essential"
    for _ in range(min(reader.take(4), _MAX_ITEMS)):
        item = reader.take(4 if version else 2)
        numbers = [reader.take(length) & mask for _ in range(reader.take(1))]
        items.properties.setdefault(item, []).extend(numbers)


def _read_locations(reader: _Reader, inner_data: int, items: Items) -> None:
    version, _, lengths, more_lengths = (reader.take(n) for n in (1, 3, 1, 1))
    offset_length, size_length, base_length = lengths >> 4, lengths & 15, more_lengths >> 4
    index_length = more_lengths & 15 if version else 0
    wide = 4 if version == 2 else 2
    links = 0
    for _ in range(min(reader.take(wide), _MAX_ITEMS)):
        item = reader.take(wide)
        in_meta = version and reader.take(2) & 15
        reader.take(2)  # a reference to another file, which none has
        base = reader.take(base_length) + (inner_data if in_meta else 0)
        pieces = reader.take(2)
        links += pieces
        if links > _MAX_LINKS:
            too_complex("This picture is cut into too many pieces.")
        for _ in range(pieces):
            reader.take(index_length)
            start = base + reader.take(offset_length)
            items.spans.setdefault(item, []).append((start, start + reader.take(size_length)))
