"""What is no usable photo is refused by code and sentence, nearly always from the structure alone."""

import re
import time

import pytest

from ml.header import inspect
from ml.picture import PictureError, decode, thumbnail
from tests.hostile_pictures import refused
from tests.pictures import encode, good, scene, segment, with_segments

# Their structure is right; only the pixels are wrong.
FOUND_BY_DECODING = {
    "half the pixels.png",
    "no zlib.png",
    "few pixels.gif",
    "unknown coding.tif",
    "no pixels.heic",
}
LIBRARIES = re.compile(r"pillow|pil\b|libheif|libtiff|libjpeg|zlib|python|numpy|/|\\|0x", re.IGNORECASE)


def refusal(data: bytes) -> PictureError:
    with pytest.raises(PictureError) as caught:
        decode(data)
    return caught.value


@pytest.mark.parametrize("name", refused())
def test_a_bad_file_gets_its_code(name: str) -> None:
    code, data = refused()[name]
    started = time.perf_counter()
    error = refusal(data)
    assert error.code == code
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("name", sorted(set(refused()) - FOUND_BY_DECODING))
def test_the_structure_alone_tells(name: str) -> None:
    code, data = refused()[name]
    with pytest.raises(PictureError) as caught:
        inspect(data)
    assert caught.value.code == code


@pytest.mark.parametrize("name", sorted(FOUND_BY_DECODING))
def test_the_structure_of_a_file_with_wrong_pixels_is_right(name: str) -> None:
    info = inspect(refused()[name][1])
    assert min(info.width, info.height) >= 32


def test_every_sentence_says_what_was_seen_and_what_to_do() -> None:
    for name, (_, data) in refused().items():
        message = refusal(data).message
        assert re.fullmatch(r"(This|The) [^.]*(\.\d[^.]*)?\. (Please|On an iPhone) .+\.", message), (name, message)
        assert not LIBRARIES.search(message), (name, message)


def test_a_bomb_is_told_its_size_and_the_limit() -> None:
    message = refusal(refused()["bomb.png"][1]).message
    assert message == "This picture is 30000 x 30000 pixels. Please send one of at most 50 megapixels."


def test_a_refused_format_is_named_with_those_that_are_accepted() -> None:
    message = refusal(refused()["jxl"][1]).message
    assert message == "This is a JPEG XL file. Please send JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC."


def test_a_heic_that_cannot_be_read_says_how_to_send_jpeg() -> None:
    assert "Most Compatible" in refusal(refused()["nothing.heic"][1]).message


def test_a_thumbnail_is_refused_like_the_picture() -> None:
    with pytest.raises(PictureError, match="30000"):
        thumbnail(refused()["bomb.png"][1])


def test_the_structure_says_what_the_pixels_are() -> None:
    for name, data in good().items():
        info = inspect(data)
        stored = (72, 96) if name.startswith("turned") else (96, 72)
        assert (info.width, info.height) == stored, name
        assert info.several == name.startswith(("animated", "mpo", "pages")), name


def test_ten_megabytes_are_judged_within_50_milliseconds() -> None:
    # Noise, as in a camera's scan data: one byte in 256 is FF, stuffed.
    noise = bytes(range(256)).replace(b"\xff", b"\xff\0") * 40_000
    photo = encode(scene(), "JPEG")
    data = with_segments(photo[:-2], segment(0xE1, b"Exif\0\0" + photo)) + noise + b"\xff\xd9"
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        inspect(data)
        taken.append(time.perf_counter() - started)
    assert len(data) > 10_000_000
    assert min(taken) < 0.05
