"""Picture files drawn in code: a scene with four corner colours in every format that is accepted.

Upright, the corners are red, green, blue, yellow: top left, top right, bottom left, bottom right.
"""

import io
import struct
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()

RED, GREEN, BLUE, YELLOW = (214, 36, 36), (36, 160, 70), (40, 70, 200), (240, 206, 50)
CORNERS = (RED, GREEN, BLUE, YELLOW)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ORIENTATION, GPS_INFO = 0x0112, 0x8825
# How stored pixels must lie so that the tag of that number turns them upright.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def scene(width: int = 96, height: int = 72) -> Image.Image:
    """Return a soft picture with a block of colour in each corner."""
    across, down = np.linspace(60, 200, width), np.linspace(40, 220, height)
    pixels = np.stack(np.broadcast_arrays(across, down[:, None], 130.0), -1).astype(np.uint8)
    w, h = width // 4, height // 4
    pixels[:h, :w], pixels[:h, -w:], pixels[-h:, :w], pixels[-h:, -w:] = CORNERS
    return Image.fromarray(pixels)


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """Return the colours well inside the four corners, in the order of ``CORNERS``."""
    left, top = image.width // 12, image.height // 12
    right, bottom = image.width - 1 - left, image.height - 1 - top
    rgb = image.convert("RGB")
    pixels = (rgb.getpixel(at) for at in ((left, top), (right, top), (left, bottom), (right, bottom)))
    return [pixel for pixel in pixels if isinstance(pixel, tuple)]


def is_upright(image: Image.Image, within: int = 8) -> bool:
    """Tell whether the corners have their colours, up to ``within`` levels."""
    difference = np.asarray(corners(image), int) - np.asarray(CORNERS)
    return bool(np.abs(difference).max() <= within)


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return ``image`` as a file of a format, by its name in Pillow."""
    out = io.BytesIO()
    image.copy().save(out, kind, **options)
    return out.getvalue()


def animation(kind: str, **options: Any) -> bytes:
    """Return a file of three frames or pages, the first of them the scene."""
    # Drawn anew for each: saving leaves the format's settings on a picture.
    more = [scene().rotate(30), scene().rotate(60)]
    return encode(scene(), kind, save_all=True, append_images=more, **options)


def exif(orientation: int = 1, position: dict[int, Any] | None = None) -> bytes:
    """Return an EXIF block with an orientation and perhaps a GPS directory."""
    block = Image.Exif()
    block[ORIENTATION] = orientation
    if position:
        block[GPS_INFO] = position
    return block.tobytes()


def segment(marker: int, body: bytes) -> bytes:
    """Return a JPEG segment."""
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """Return ``jpeg`` with segments put before its first one."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def frame_header(jpeg: bytes) -> int:
    """Return the offset of the marker of a baseline or progressive JPEG's frame header."""
    position = 2
    while jpeg[position + 1] not in (0xC0, 0xC2):
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
    return position


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """Return ``jpeg`` with another size in its frame header."""
    at = frame_header(jpeg) + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    """Return a PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """Return signature and IHDR chunk of a PNG."""
    return PNG_SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png(pixels: np.ndarray[Any, Any], colour: int, before: bytes = b"", after: bytes = b"") -> bytes:
    """Return a PNG of 8 or 16 bits per channel with chunks before and after the pixels."""
    big_endian = pixels.astype(pixels.dtype.newbyteorder(">"))
    rows = b"".join(b"\0" + row.tobytes() for row in big_endian)
    header = png_header(pixels.shape[1], pixels.shape[0], 8 * pixels.itemsize, colour)
    return header + before + chunk(b"IDAT", zlib.compress(rows)) + after + chunk(b"IEND")


def zeros(length: int) -> bytes:
    """Return a zlib stream of ``length`` zero bytes."""
    return zlib.compress(bytes(length), 9)


def gif_screen(width: int, height: int) -> bytes:
    """Return the beginning of a GIF with a palette of two colours."""
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(3) + b"\xff\xff\xff"


def gif_frame(width: int, height: int, data: bytes = b"\x02\x02\x44\x01\0") -> bytes:
    """Return a frame at the screen's top left corner."""
    return b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + data


def tiff(tags: Sequence[tuple[int, int, int, int]] = (), data: bytes = bytes(64 * 48), **changes: int) -> bytes:
    """Return a grey, uncompressed TIFF of 64 x 48 with further tags and changed ones."""
    fields = {256: (4, 1, 64), 257: (4, 1, 48), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1)}
    fields |= {273: (4, 1, 0), 277: (3, 1, 1), 278: (4, 1, 48), 279: (4, 1, len(data))}
    names = {"width": 256, "height": 257, "bits": 258, "compression": 259, "photometric": 262}
    for name, value in changes.items():
        fields[names[name]] = (*fields[names[name]][:2], value)
    fields |= {tag: rest for tag, *rest in tags}  # type: ignore[misc]
    start = 8 + 2 + 12 * len(fields) + 4
    fields[273] = (4, 1, start)
    body = b"".join(struct.pack("<HHII", tag, *fields[tag]) for tag in sorted(fields))
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + body + bytes(4) + data


def bmp(header: bytes, pixels: bytes, palette: bytes = b"") -> bytes:
    """Return a BMP of an information header without its length, a palette and pixels."""
    start = 14 + 4 + len(header) + len(palette)
    file_header = b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start)
    return file_header + struct.pack("<I", 4 + len(header)) + header + palette + pixels


def bmp_info(width: int, height: int, bits: int, compression: int = 0, length: int = 0) -> bytes:
    """Return a BITMAPINFOHEADER without its length."""
    return struct.pack("<iiHHIIiiII", width, height, 1, bits, compression, length, 0, 0, 0, 0)


def box(kind: bytes, body: bytes = b"") -> bytes:
    """Return a box of the ISO base media file format."""
    return struct.pack(">I", len(body) + 8) + kind + body


def ftyp(brand: bytes, *more: bytes) -> bytes:
    """Return the box that names a file's brands."""
    return box(b"ftyp", brand + bytes(4) + b"".join((brand, *more)))


@cache
def good() -> dict[str, bytes]:
    """Return files that are accepted and show the scene upright, by name."""
    image = scene()
    turned = image.transpose(STORED[6])
    grey16 = np.linspace(0, 65535, 96 * 72).astype(np.uint16).reshape(72, 96)
    rgb = np.asarray(image)
    rows = b"".join(row[:, ::-1].tobytes() for row in rgb[::-1])
    paris = exif(1, {1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)})
    return {
        "baseline.jpg": encode(image, "JPEG"),
        "progressive.jpg": encode(image, "JPEG", progressive=True),
        "grey.jpg": encode(image.convert("L"), "JPEG"),
        "cmyk.jpg": encode(image.convert("CMYK"), "JPEG", quality=90),
        "gps.jpg": encode(image, "JPEG", exif=paris),
        "turned.jpg": encode(turned, "JPEG", exif=exif(6)),
        "mpo.jpg": animation("MPO"),
        "tail.jpg": encode(image, "JPEG") + b"PK\3\4<html>",
        "rgb.png": encode(image, "PNG"),
        "palette.png": encode(image.quantize(32), "PNG", transparency=bytes([0, 128] + [255] * 30)),
        "one-bit.png": encode(image.convert("1"), "PNG"),
        "grey16.png": png(grey16, 0),
        "rgb16.png": png(rgb.astype(np.uint16) * 257, 2),
        "animated.png": animation("PNG"),
        "turned.png": encode(turned, "PNG", exif=exif(6)),
        "lossy.webp": encode(image, "WEBP"),
        "lossless.webp": encode(image, "WEBP", lossless=True),
        "animated.webp": animation("WEBP"),
        "turned.webp": encode(turned, "WEBP", exif=exif(6)),
        "still.gif": encode(image, "GIF"),
        "animated.gif": animation("GIF"),
        "deflate.tif": encode(image, "TIFF", compression="tiff_adobe_deflate"),
        "pages.tif": animation("TIFF", compression="tiff_lzw"),
        "jpeg.tif": encode(image, "TIFF", compression="jpeg"),
        "raw.tif": encode(image, "TIFF"),
        "turned.tif": encode(turned, "TIFF", exif=exif(6)),
        "plain.bmp": encode(image, "BMP"),
        "top-down.bmp": bmp(bmp_info(96, -72, 24), rgb[:, :, ::-1].tobytes()),
        "os2.bmp": bmp(struct.pack("<HHHH", 96, 72, 1, 24), rows),
        "rle8.bmp": bmp(bmp_info(96, 72, 8, 1, 72 * 4 + 2), b"\x60\x05\0\0" * 72 + b"\0\1", bytes(range(256)) * 4),
        "still.avif": encode(image, "AVIF", speed=10),
        "animated.avif": animation("AVIF", speed=10),
        "still.heic": encode(image, "HEIF", quality=80),
        "gps.heic": encode(image, "HEIF", quality=80, exif=paris),
    }
