"""A downloaded file is judged by what it decodes to, and kept as an upright JPEG or dropped with a reason."""

import io
import random

import pytest
from PIL import Image

from crawler.clean import GAVE_UP, Dropped, Kept, Rules, Verdict, clean, clean_packed, unpacked
from crawler.drawings import looks_drawn
from tests.drawings import KINDS, drawing
from tests.drawn import drawn, jpeg
from tests.picture_site import DECODER
from tests.pictures import STORED, encode, exif, is_upright, scene

ANY_SIZE = Rules(min_side=32, photos_only=False)


def cleaned(data: bytes, rules: Rules | None = None) -> Verdict:
    return clean(data, rules or Rules(), DECODER)


def reason(data: bytes, rules: Rules | None = None) -> str:
    verdict = cleaned(data, rules)
    return verdict.reason if isinstance(verdict, Dropped) else "kept"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"])
def test_whatever_the_format_it_becomes_an_rgb_jpeg(kind: str) -> None:
    verdict = cleaned(encode(drawn(1), kind))
    assert isinstance(verdict, Kept)
    with Image.open(io.BytesIO(verdict.jpeg)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (320, 240))
    assert (verdict.width, verdict.height) == (320, 240)


def test_it_stands_upright_and_carries_no_metadata() -> None:
    file = encode(scene(320, 240).transpose(STORED[6]), "JPEG", exif=exif(6), comment=b"made by Ada")
    verdict = cleaned(file, Rules(photos_only=False))
    assert isinstance(verdict, Kept)
    image = Image.open(io.BytesIO(verdict.jpeg))
    assert is_upright(image)
    assert not image.getexif()
    assert b"Ada" not in verdict.jpeg


@pytest.mark.parametrize(
    ("size", "expected"),
    [((224, 300), "kept"), ((223, 300), "too_small"), ((700, 232), "too_odd"), ((690, 232), "kept")],
)
def test_small_and_narrow_pictures_are_dropped(size: tuple[int, int], expected: str) -> None:
    assert reason(jpeg(2, size)) == expected


def test_the_limits_are_the_runs() -> None:
    assert reason(jpeg(2, (100, 100)), Rules(min_side=100)) == "kept"
    assert reason(jpeg(2, (500, 100)), Rules(min_side=100, max_aspect=5)) == "kept"


def test_large_pictures_are_shrunk_as_the_run_says() -> None:
    verdict = cleaned(jpeg(3, (1200, 600)), Rules(max_side=400))
    assert isinstance(verdict, Kept)
    assert (verdict.width, verdict.height) == (400, 200)


def test_pictures_that_only_huge_memory_can_open_are_refused_by_their_header() -> None:
    wide = Image.new("RGB", (3001, 3000), "red")
    assert reason(encode(wide, "PNG"), ANY_SIZE) == "too_many_pixels"
    assert reason(encode(wide, "JPEG"), ANY_SIZE) == "kept"


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", "empty_file"), (b"<html>sign in</html>" * 50, "not_an_image"), (jpeg(1)[:-400], "truncated_image")],
)
def test_what_is_no_picture_is_dropped_with_the_decoders_reason(data: bytes, expected: str) -> None:
    assert reason(data) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_drawings_are_told_from_photos(kind: str) -> None:
    dropped = [reason(drawing(kind, seed)) == "not_a_photo" for seed in range(40)]
    assert sum(dropped) >= 34


def test_drawings_are_kept_on_request() -> None:
    assert reason(drawing("icon", 1), Rules(photos_only=False)) == "kept"


def test_pictures_of_many_colours_are_not_called_drawings() -> None:
    assert not any(looks_drawn(drawn(seed)) for seed in range(40))


def test_what_is_dropped_after_decoding_has_a_thumbnail() -> None:
    verdict = cleaned(drawing("text", 2))
    assert isinstance(verdict, Dropped)
    with Image.open(io.BytesIO(verdict.thumbnail)) as image:
        assert max(image.size) == 128


@pytest.mark.parametrize("data", [jpeg(4), jpeg(4, (90, 90)), drawing("map", 3), b"nothing"])
def test_a_verdict_comes_back_from_a_child_as_it_was(data: bytes) -> None:
    assert unpacked(clean_packed(data, Rules(), DECODER)) == cleaned(data)


def test_an_answer_that_makes_no_sense_is_no_verdict() -> None:
    chance = random.Random(1)
    good = clean_packed(jpeg(4), Rules(), DECODER)
    noise = [chance.randbytes(50) for _ in range(50)]
    for bad in (None, b"", b"\n", b"[]\n", b'[{"reason": 3}, []]\n', b"[1, 2]\n", *noise):
        assert unpacked(bad) == GAVE_UP
    assert unpacked(good) != GAVE_UP
