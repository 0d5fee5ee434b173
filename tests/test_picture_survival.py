"""Whatever is cut from a file or changed in it: an answer or a PictureError, and quickly."""

import random
import struct
import time
import zlib

import pytest

from ml.picture import PictureError, decode, gps
from tests.hostile_pictures import refused
from tests.pictures import good

CODES = {
    "empty_file", "not_an_image", "unsupported_format", "too_large_bytes", "too_many_pixels",
    "too_small", "truncated_image", "corrupt_image", "too_complex", "metadata_bomb",
}  # fmt: skip
CUTS = 39
MUTATIONS = 30  # of every file


def outcome(data: bytes) -> str:
    """Return ``accepted`` or the code; anything else fails the test."""
    started = time.perf_counter()
    gps(data)
    found = "accepted"
    try:
        decode(data)
    except PictureError as error:
        found = error.code
    assert found in CODES | {"accepted"}
    assert time.perf_counter() - started < 2
    return found


@pytest.mark.parametrize("name", good())
def test_a_file_cut_anywhere_is_incomplete_or_whole_enough(name: str) -> None:
    data = good()[name]
    outcomes = [outcome(data[: len(data) * cut // (CUTS + 1)]) for cut in range(1, CUTS + 1)]
    # A cut within the signature or the first header leaves nothing to recognise.
    allowed = {"truncated_image", "not_an_image", "corrupt_image"}
    if name.startswith(("animated", "pages", "mpo", "tail", "still.gif", "rle8")):
        allowed.add("accepted")
    assert set(outcomes) <= allowed
    assert "truncated_image" in outcomes


@pytest.mark.parametrize("name", refused())
def test_a_refused_file_cut_anywhere_stays_refused_or_is_read(name: str) -> None:
    data = refused()[name][1]
    for cut in range(1, CUTS + 1, 6):
        outcome(data[: len(data) * cut // (CUTS + 1)])


@pytest.mark.parametrize("name", good())
def test_a_file_with_changed_bytes_is_answered(name: str) -> None:
    chance = random.Random(name)
    outcomes = [outcome(mutated(good()[name], chance)) for _ in range(MUTATIONS)]
    assert len(outcomes) == MUTATIONS


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return ``data`` with one to eight places changed, more of them near its beginning."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at = int(len(changed) * chance.random() ** chance.choice((1, 3)))
        match chance.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[at : at + chance.randrange(1, 9)]
            case 2:
                changed[at:at] = chance.randbytes(chance.randrange(1, 5))
            case _:
                changed[at : at + 4] = chance.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\1"))
    return with_right_checksums(bytes(changed)) if chance.random() < 0.7 else bytes(changed)


def with_right_checksums(data: bytes) -> bytes:
    """Return a PNG with its checksums made right, so that a change gets past them; others as they are."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    position, right = 8, bytearray(data)
    while position + 12 <= len(right):
        end = position + 8 + int.from_bytes(right[position : position + 4], "big")
        if end + 4 > len(right):
            break
        right[end : end + 4] = struct.pack(">I", zlib.crc32(right[position + 4 : end]))
        position = end + 4
    return bytes(right)
