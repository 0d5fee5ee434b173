"""Every accepted format becomes the same upright RGB picture in sRGB, and nothing else of the file is kept."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from ml.picture import PictureError, decode, thumbnail, to_jpeg
from tests.hostile_pictures import grid
from tests.pictures import (
    GREEN,
    ORIENTATION,
    STORED,
    animation,
    chunk,
    corners,
    encode,
    exif,
    good,
    is_upright,
    png,
    scene,
    segment,
    with_segments,
)

COLOURLESS = {"grey.jpg", "palette.png", "one-bit.png", "grey16.png", "rle8.bmp"}


@pytest.mark.parametrize("name", good())
def test_an_accepted_file_becomes_rgb_of_its_size(name: str) -> None:
    image = decode(good()[name])
    assert (image.mode, image.size, image.info) == ("RGB", (96, 72), {})


@pytest.mark.parametrize("name", sorted(set(good()) - COLOURLESS))
def test_an_accepted_file_keeps_its_colours_and_stands_upright(name: str) -> None:
    assert is_upright(decode(good()[name]), within=12)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(kind: str, orientation: int) -> None:
    stored = scene().transpose(STORED[orientation]) if orientation > 1 else scene()
    image = decode(encode(stored, kind, exif=exif(orientation)))
    assert image.size == (96, 72)
    assert is_upright(image, within=12)


@pytest.mark.parametrize("number", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(number: int) -> None:
    assert is_upright(decode(encode(scene(), "JPEG", exif=exif(number))))


@pytest.mark.parametrize(
    "block",
    [
        b"MM\0*\xff\xff\xff\xff" + b"\xa5" * 64,
        b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\1\0\0\0\x08\0\0\0",
        b"II*\0\x08\0\0\0\xff\xff",
        b"nonsense",
        b"",
    ],
)
def test_a_broken_exif_block_is_ignored(block: bytes) -> None:
    assert is_upright(decode(with_segments(encode(scene(), "JPEG"), segment(0xE1, b"Exif\0\0" + block))))


def test_a_grid_of_tiles_is_put_together() -> None:
    wide = scene(256, 128)
    halves = [wide.crop((0, 0, 128, 128)), wide.crop((128, 0, 256, 128))]
    image = decode(grid([encode(half, "HEIF", quality=90) for half in halves], 128, 128))
    assert image.size == (256, 128)
    assert is_upright(image, within=12)


def test_alpha_is_flattened_on_white() -> None:
    clear = scene().convert("RGBA")
    clear.putalpha(0)
    for kind in ("PNG", "WEBP", "AVIF", "TIFF", "HEIF"):
        assert np.asarray(decode(encode(clear, kind))).min() >= 250, kind
    palette = encode(scene().quantize(16), "PNG", transparency=bytes(16))
    assert np.asarray(decode(palette)).min() == 255


def test_half_transparent_grey_lies_between_grey_and_white() -> None:
    grey = Image.new("LA", (64, 64), (100, 128))
    assert decode(encode(grey, "PNG")).getpixel((9, 9)) == (177, 177, 177)


@pytest.mark.parametrize("colour", [0, 2])
def test_16_bits_with_a_transparent_colour_are_read(colour: int) -> None:
    pixels = np.full((64, 64, 3 if colour else 1), 0x8080, np.uint16)
    pixels[:32] = 0x1234
    key = chunk(b"tRNS", b"\x12\x34" * (3 if colour else 1))
    assert decode(png(pixels, colour, before=key)).getpixel((9, 60)) == (128, 128, 128)


def test_16_bit_grey_is_scaled() -> None:
    ramp = np.asarray(decode(good()["grey16.png"]))[..., 0].ravel()
    expected = np.linspace(0, 255, ramp.size)
    assert np.abs(ramp - expected).max() <= 1


def test_16_bit_grey_tiff_is_scaled() -> None:
    grey = Image.fromarray(np.full((64, 64), 32_896, np.uint16))
    assert decode(encode(grey, "TIFF")).getpixel((9, 9)) == (128, 128, 128)


def test_a_profile_is_honoured_and_dropped() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = corners(decode(encode(scene(), "PNG", icc_profile=srgb)))
    assert np.abs(np.subtract(plain, corners(scene()))).max() <= 2
    # The red and green primaries change places: an ignored profile would leave the corner red.
    red, green = srgb.index(b"rXYZ"), srgb.index(b"gXYZ")
    swapped = srgb[:red] + b"gXYZ" + srgb[red + 4 : green] + b"rXYZ" + srgb[green + 4 :]
    top_left = corners(decode(encode(scene(), "PNG", icc_profile=swapped)))[0]
    assert top_left[1] > top_left[0] + 100


@pytest.mark.parametrize("profile", [b"not a profile" * 40, b"\0" * 200, b"x"])
def test_an_unreadable_profile_counts_as_srgb(profile: bytes) -> None:
    assert is_upright(decode(encode(scene(), "JPEG", icc_profile=profile)))


def test_a_profile_for_other_channels_is_ignored() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert is_upright(decode(encode(scene(), "JPEG", icc_profile=lab)))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert is_upright(decode(encode(scene().convert("CMYK"), "JPEG", quality=90, icc_profile=srgb)), within=12)
    grey = decode(encode(Image.new("L", (64, 64), 90), "JPEG", icc_profile=srgb))
    assert np.abs(np.asarray(grey).astype(int) - 90).max() <= 2


def test_cmyk_without_its_marker_is_inverted_as_browsers_do() -> None:
    data = good()["cmyk.jpg"]
    at = data.index(b"Adobe") - 4
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    assert is_upright(decode(data[:at] + data[at + 2 + length :]), within=12)


@pytest.mark.parametrize("max_side", [64, 500, 1600])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_large_picture_is_reduced_to_the_side_asked_for(kind: str, max_side: int) -> None:
    image = decode(encode(scene(2000, 1500), kind), max_side)
    assert image.size == (max_side, max_side * 3 // 4)
    assert is_upright(image, within=12)


def test_strips_join_without_a_seam() -> None:
    down = np.linspace(0, 255, 4001).astype(np.uint8)
    tall = Image.fromarray(np.broadcast_to(down[:, None], (4001, 1501)).copy())
    column = np.asarray(decode(encode(tall, "PNG"), 1000))[:, 100, 0].astype(int)
    assert np.diff(column).min() >= 0
    assert np.diff(column).max() <= 2


def test_a_small_picture_is_not_enlarged() -> None:
    assert decode(encode(scene(40, 50), "PNG")).size == (40, 50)


def test_an_extreme_shape_keeps_one_pixel_at_least() -> None:
    assert decode(encode(Image.new("L", (32, 60_000)), "PNG"), 320).size == (1, 320)


def test_an_animation_cut_after_its_first_frame_is_accepted() -> None:
    gif = animation("GIF")
    assert is_upright(decode(gif[: len(gif) - 500]), within=12)
    apng = animation("PNG")
    assert is_upright(decode(apng[: apng.index(b"fdAT") + 50]))


def test_the_kept_copy_carries_no_metadata() -> None:
    position = {1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)}
    secret = segment(0xFE, b"secret") + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0secret")
    data = with_segments(encode(scene(), "JPEG", exif=exif(1, position), comment=b"secret"), secret)
    for kept in (to_jpeg(decode(data)), thumbnail(data), to_jpeg(Image.open(io.BytesIO(data)))):
        image = Image.open(io.BytesIO(kept))
        assert image.format == "JPEG"
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert b"secret" not in kept


def test_a_kept_copy_is_at_most_as_large_as_asked() -> None:
    kept = Image.open(io.BytesIO(to_jpeg(scene(900, 300), max_side=300)))
    assert kept.size == (300, 100)
    small = Image.open(io.BytesIO(thumbnail(encode(scene(900, 600), "WEBP"), 90)))
    assert small.size == (90, 60)
    assert is_upright(small, within=20)


def test_the_orientation_of_the_kept_copy_is_in_its_pixels() -> None:
    kept = Image.open(io.BytesIO(to_jpeg(decode(good()["turned.jpg"]))))
    assert is_upright(kept, within=12)
    assert ORIENTATION not in kept.getexif()
    assert corners(kept)[1] == pytest.approx(GREEN, abs=12)


def test_a_checksum_error_is_not_swallowed_when_exif_is_read() -> None:
    data = bytearray(good()["turned.png"])
    data[data.index(b"IDAT") + 20] ^= 0x55
    with pytest.raises(PictureError) as caught:
        decode(bytes(data))
    assert caught.value.code == "corrupt_image"
