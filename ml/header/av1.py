"""The size inside an AV1 stream (AV1 Bitstream and Decoding Process Specification, 5.5).

A decoder reserves what the stream says and not what the file around it says.
"""

_SEQUENCE_HEADER = 1
_LONGEST_HEADER = 512  # bytes; 32 operating points take fewer


class _Bits:
    """Reads numbers of some bits from the front of ``data``; past the end it reads zeros."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data)
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            return 0
        return self._value >> self._left & (1 << count) - 1

    def take_uvlc(self) -> None:
        """Skip a number in the specification's variable-length code."""
        zeros = 0
        while self._left > 0 and not self.take(1):
            zeros += 1
        if zeros < 32:
            self.take(zeros)


def sequence_size(stream: bytes) -> tuple[int, int] | None:
    """Return the largest width and height that the stream's first sequence header allows."""
    position = 0
    while position < len(stream):
        head = stream[position]
        position += 2 if head & 4 else 1  # an extension byte follows
        length = len(stream) - position
        if head & 2:
            length, position = _leb128(stream, position)
        if head >> 3 & 15 == _SEQUENCE_HEADER:
            return _size(_Bits(stream[position : position + min(length, _LONGEST_HEADER)]))
        position += length
    return None


def _leb128(stream: bytes, position: int) -> tuple[int, int]:
    """Return the number in little-endian base 128 and the position after it."""
    value = 0
    for i, byte in enumerate(stream[position : position + 8]):
        value |= (byte & 127) << 7 * i
        if not byte & 128:
            return value, position + i + 1
    return value, position + 8


def _size(bits: _Bits) -> tuple[int, int]:
    bits.take(3 + 1)  # profile, still picture
    if bits.take(1):  # reduced header
        bits.take(5)
    else:
        _skip_operating_points(bits)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(across) + 1, bits.take(down) + 1


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    if bits.take(1):  # timing
        bits.take(32 + 32)
        if bits.take(1):
            bits.take_uvlc()
        if bits.take(1):  # decoder model
            delay_bits = bits.take(5) + 1
            bits.take(32 + 5 + 5)
    has_display_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay_bits and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if has_display_delay and bits.take(1):
            bits.take(4)
