"""The size in an AV1 stream is found in the short header of stills and in the long one of sequences."""

import pytest

from ml.header.av1 import sequence_size
from tests.hostile_pictures import av1_sequence_header
from tests.pictures import good


def test_the_header_of_a_still() -> None:
    data = good()["still.avif"]
    assert sequence_size(data[data.index(b"mdat") + 4 :]) == (96, 72)


def test_the_header_of_a_sequence() -> None:
    data = good()["animated.avif"]
    sample = int.from_bytes(data[data.index(b"stco") + 12 :][:4], "big")
    assert sequence_size(data[sample:]) == (96, 72)


@pytest.mark.parametrize("size", [(1, 1), (16_384, 16_384), (65_536, 65_536)])
def test_any_size_that_fits_is_found(size: tuple[int, int]) -> None:
    assert sequence_size(b"\x12\0" + av1_sequence_header(*size)) == size


@pytest.mark.parametrize("stream", [b"", b"\x12\0", b"\x12\0\x32", b"\xff" * 40, bytes(40)])
def test_a_stream_without_a_header_has_no_size(stream: bytes) -> None:
    assert sequence_size(stream) is None
