"""Picture files drawn in code that must be refused, each with the code it must get."""

import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image

from tests import pictures
from tests.pictures import (
    animation,
    bmp,
    bmp_info,
    box,
    chunk,
    encode,
    ftyp,
    gif_frame,
    gif_screen,
    png_header,
    scene,
    segment,
    tiff,
    with_segments,
    with_size,
    zeros,
)

BOMB = 30_000  # pixels on a side
_SIZE = struct.pack(">II", 96, 72)
_BOMB_SIZE = struct.pack(">II", BOMB, BOMB)


def riff(*chunks: bytes) -> bytes:
    """Return a WebP of these chunks."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def vp8x(width: int, height: int, flags: int = 0) -> bytes:
    """Return the header of an extended WebP."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size)


def av1_sequence_header(width: int, height: int) -> bytes:
    """Return an AV1 sequence header of a still picture with sizes of 16 bits."""
    bits = "000" + "1" + "1" + "01000" + "1111" * 2 + f"{width - 1:016b}{height - 1:016b}" + "0" * 6
    body = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return bytes([0x0A, len(body)]) + body


def grid(tiles: list[bytes], width: int, height: int, output: tuple[int, int] | None = None) -> bytes:
    """Return a HEIC of one row of tiles, each a HEIC of one picture of ``width`` x ``height``."""
    at = tiles[0].index(b"hvcC") - 4
    coding = tiles[0][at : at + int.from_bytes(tiles[0][at : at + 4], "big")]
    streams = [tile[tile.index(b"mdat") + 4 :] for tile in tiles]
    across, down = output or (width * len(tiles), height)
    layout = bytes([0, 0, 0, len(tiles) - 1]) + struct.pack(">HH", across, down)
    numbers = range(2, len(tiles) + 2)
    entries = [(1, b"grid"), *((number, b"hvc1") for number in numbers)]
    infos = [box(b"infe", struct.pack(">IHH4sx", 2 << 24, number, 0, kind)) for number, kind in entries]
    links = struct.pack(f">HH{len(tiles)}H", 1, len(tiles), *numbers)
    sizes = [box(b"ispe", struct.pack(">III", 0, *size)) for size in ((width, height), (across, down))]
    uses = [(1, bytes([1, 3])), *((number, bytes([2, 0x81, 2])) for number in numbers)]
    associations = struct.pack(">II", 0, len(uses)) + b"".join(struct.pack(">H", n) + use for n, use in uses)

    def meta(media: int) -> bytes:
        places = [struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(layout))]
        for number, stream in zip(numbers, streams, strict=True):
            places.append(struct.pack(">HHHHII", number, 0, 0, 1, media, len(stream)))
            media += len(stream)
        return box(
            b"meta",
            bytes(4)
            + box(b"hdlr", bytes(8) + b"pict" + bytes(13))
            + box(b"pitm", bytes(4) + struct.pack(">H", 1))
            + box(b"iinf", struct.pack(">IH", 0, len(infos)) + b"".join(infos))
            + box(b"iref", bytes(4) + box(b"dimg", links))
            + box(b"iprp", box(b"ipco", coding + b"".join(sizes)) + box(b"ipma", associations))
            + box(b"iloc", struct.pack(">IBBH", 1 << 24, 0x44, 0, len(places)) + b"".join(places))
            + box(b"idat", layout),
        )

    brand = ftyp(b"heic", b"mif1")
    start = len(brand) + len(meta(0)) + 8
    return brand + meta(start) + box(b"mdat", b"".join(streams))


def _jpegs() -> dict[str, tuple[str, bytes]]:
    good = encode(scene(), "JPEG")
    at = pictures.frame_header(good)
    scan = good.index(b"\xff\xda")
    many = encode(scene(), "JPEG", progressive=True)
    last = many.rindex(b"\xff\xda")
    thumbnail = segment(0xE1, b"Exif\0\0" + good)
    return {
        "bomb.jpg": ("too_many_pixels", with_size(good, 65500, 65500)),
        "thin.jpg": ("too_small", with_size(good, 31, 400)),
        "no height.jpg": ("corrupt_image", with_size(good, 96, 0)),
        "height in DNL.jpg": ("corrupt_image", with_size(good, 96, 0)[:-2] + segment(0xDC, b"\0\x48") + b"\xff\xd9"),
        "no width.jpg": ("corrupt_image", with_size(good, 0, 72)),
        "twelve bits.jpg": ("corrupt_image", good[: at + 4] + b"\x0c" + good[at + 5 :]),
        "two frames.jpg": ("corrupt_image", good[:at] + good[at:scan] + good[at:]),
        "two channels.jpg": ("corrupt_image", good[:at] + segment(0xC0, good[at + 4 : at + 9] + b"\2" + bytes(6))),
        "no scan.jpg": ("corrupt_image", good[:scan] + b"\xff\xd9"),
        "no frame.jpg": ("corrupt_image", good[:2] + good[scan:]),
        "lossless.jpg": ("unsupported_format", good[: at + 1] + b"\xc3" + good[at + 2 :]),
        "arithmetic.jpg": ("unsupported_format", good[: at + 1] + b"\xc9" + good[at + 2 :]),
        "jpeg-ls.jpg": ("unsupported_format", good[:2] + segment(0xF7, good[at + 4 : scan])),
        "101 scans.jpg": ("too_complex", many[:-2] + many[last:-2] * 100 + b"\xff\xd9"),
        "segments.jpg": ("too_complex", with_segments(good, *[segment(0xEC, b"")] * 40_000)),
        "exif.jpg": ("metadata_bomb", with_segments(good, *[segment(0xE1, b"Exif\0\0" + bytes(65_000))] * 20)),
        "no end.jpg": ("truncated_image", good[:-2]),
        "only a thumbnail.jpg": ("truncated_image", with_segments(good, thumbnail)[: len(thumbnail) + 9]),
        "half progressive.jpg": ("truncated_image", many[: len(many) // 2]),
    }


def _pngs() -> dict[str, tuple[str, bytes]]:
    good = encode(scene(), "PNG")
    rows = zlib.compress(bytes(64 * (64 * 3 + 1)))
    pixels, end = chunk(b"IDAT", rows), chunk(b"IEND")
    header = png_header(64, 64)
    bomb = zeros(8 << 20)
    almost = chunk(b"zTXt", b"a\0\0" + zeros(1 << 20))
    flipped = bytearray(good)
    flipped[good.index(b"IDAT") + 20] ^= 0x55
    return {
        "bomb.png": ("too_many_pixels", png_header(BOMB, BOMB) + pixels + end),
        "thin.png": ("too_small", png_header(1, 20_000) + pixels + end),
        "31.png": ("too_small", png_header(31, 31) + pixels + end),
        "nothing.png": ("corrupt_image", png_header(0, 0) + pixels + end),
        "long header.png": ("corrupt_image", pictures.PNG_SIGNATURE + chunk(b"IHDR", bytes(14)) + pixels + end),
        "no header.png": ("corrupt_image", pictures.PNG_SIGNATURE + pixels + end),
        "3 bits.png": ("corrupt_image", png_header(64, 64, 3) + pixels + end),
        "no palette.png": ("corrupt_image", png_header(64, 64, 8, 3) + pixels + end),
        "no pixels.png": ("corrupt_image", header + end),
        "checksum.png": ("corrupt_image", bytes(flipped)),
        "iphone.png": ("unsupported_format", pictures.PNG_SIGNATURE + chunk(b"CgBI", bytes(4)) + good[8:]),
        "profile.png": ("metadata_bomb", header + chunk(b"iCCP", b"a\0\0" + bomb) + pixels + end),
        "text.png": ("metadata_bomb", header + chunk(b"zTXt", b"a\0\0" + bomb) + pixels + end),
        "late text.png": ("metadata_bomb", header + pixels + chunk(b"iTXt", b"a\0\1\0\0\0" + bomb) + end),
        "many texts.png": ("metadata_bomb", header + almost * 100 + pixels + end),
        "exif.png": ("metadata_bomb", header + chunk(b"eXIf", bytes(2 << 20)) + pixels + end),
        "chunks.png": ("too_complex", header + chunk(b"teSt") * 40_000 + pixels + end),
        "no end.png": ("truncated_image", header + pixels),
        "half.png": ("truncated_image", good[: len(good) // 2]),
        "half the pixels.png": ("truncated_image", header + chunk(b"IDAT", rows[: len(rows) // 2]) + end),
        "no zlib.png": ("corrupt_image", header + chunk(b"IDAT", b"no zlib stream") + end),
    }


def _gifs_and_bmps() -> dict[str, tuple[str, bytes]]:
    comment = b"!\xfe" + (b"\xff" + bytes(255)) * 9000 + b"\0"
    still = encode(scene(), "GIF")
    plain = encode(scene(), "BMP")
    return {
        "screen.gif": ("too_many_pixels", gif_screen(65535, 65535) + gif_frame(64, 64) + b";"),
        "frame.gif": ("too_many_pixels", gif_screen(64, 64) + gif_frame(BOMB, BOMB) + b";"),
        "pixel.gif": ("too_small", gif_screen(1, 1) + gif_frame(1, 1) + b";"),
        "no frame.gif": ("corrupt_image", gif_screen(64, 64) + b";"),
        "empty frame.gif": ("corrupt_image", gif_screen(64, 64) + gif_frame(0, 0) + b";"),
        "unknown block.gif": ("corrupt_image", gif_screen(64, 64) + b"?" + gif_frame(64, 64) + b";"),
        "comment.gif": ("metadata_bomb", gif_screen(64, 64) + comment + gif_frame(64, 64) + b";"),
        "blocks.gif": ("too_complex", gif_screen(64, 64) + gif_frame(64, 64, b"\2" + b"\1\0" * 300_000 + b"\0")),
        "half.gif": ("truncated_image", still[: len(still) // 2]),
        "few pixels.gif": ("truncated_image", gif_screen(64, 64) + gif_frame(64, 64) + b";"),
        "bomb.bmp": ("too_many_pixels", bmp(bmp_info(BOMB, BOMB, 24), bytes(64))),
        "top-down bomb.bmp": ("too_many_pixels", bmp(bmp_info(BOMB, -BOMB, 24), bytes(64))),
        "os2 bomb.bmp": ("too_many_pixels", bmp(struct.pack("<HHHH", 65535, 65535, 1, 24), bytes(64))),
        "no width.bmp": ("corrupt_image", bmp(bmp_info(0, 64, 24), bytes(64))),
        "negative width.bmp": ("corrupt_image", bmp(bmp_info(-64, 64, 24), bytes(64))),
        "jpeg inside.bmp": ("unsupported_format", bmp(bmp_info(64, 64, 24, 4), bytes(99))),
        "2 bits.bmp": ("unsupported_format", bmp(bmp_info(64, 64, 2), bytes(2048))),
        "half.bmp": ("truncated_image", plain[: len(plain) // 2]),
        "half rle.bmp": ("truncated_image", bmp(bmp_info(64, 64, 8, 1, 999), bytes(64), bytes(1024))),
    }


def _webps() -> dict[str, tuple[str, bytes]]:
    lossy, lossless = encode(scene(), "WEBP"), encode(scene(), "WEBP", lossless=True)
    size = lossy.index(b"\x9d\x01\x2a") + 3
    huge = lossy[:size] + struct.pack("<HH", 16383, 16383) + lossy[size + 4 :]
    huge_lossless = lossless[:21] + struct.pack("<I", 16383 | 16383 << 14) + lossless[25:]
    picture = lossy[12:]
    moving = bytearray(animation("WEBP"))
    moving[24:30] = b"\xff\xff\x00" * 2
    outside = bytearray(animation("WEBP"))
    at = bytes(outside).index(b"ANMF") + 8
    outside[at : at + 3] = b"\xff\0\0"
    return {
        "bomb.webp": ("too_many_pixels", huge),
        "lossless bomb.webp": ("too_many_pixels", huge_lossless),
        "canvas.webp": ("too_many_pixels", riff(vp8x(16384, 16384), picture)),
        "moving canvas.webp": ("too_many_pixels", bytes(moving)),
        "two sizes.webp": ("corrupt_image", riff(vp8x(960, 720), picture)),
        "frame outside.webp": ("corrupt_image", bytes(outside)),
        "no picture.webp": ("corrupt_image", riff(riff_chunk(b"EXIF", b"MM\0*"))),
        "no key frame.webp": ("corrupt_image", lossy[:20] + bytes([lossy[20] | 1]) + lossy[21:]),
        "long part.webp": ("corrupt_image", riff(picture, b"XMP \xff\xff\0\0")),
        "parts.webp": ("too_complex", riff(picture, riff_chunk(b"junk", b"") * 40_000)),
        "exif.webp": ("metadata_bomb", riff(vp8x(96, 72, 8), picture, riff_chunk(b"EXIF", bytes(2 << 20)))),
        "half.webp": ("truncated_image", lossy[: len(lossy) // 2]),
    }


def _tiffs() -> dict[str, tuple[str, bytes]]:
    floats = encode(Image.fromarray(np.zeros((64, 64), np.float32)), "TIFF")
    good = encode(scene(), "TIFF", compression="tiff_lzw")
    return {
        "bomb.tif": ("too_many_pixels", tiff(width=60_000, height=60_000)),
        "bomb tile.tif": ("too_many_pixels", tiff([(322, 4, 1, BOMB), (323, 4, 1, BOMB), (324, 4, 1, 8)])),
        "thin.tif": ("too_small", tiff(width=8)),
        "no width.tif": ("corrupt_image", tiff(width=0)),
        "float.tif": ("unsupported_format", floats),
        "32 bits.tif": ("unsupported_format", tiff(bits=32)),
        "old jpeg.tif": ("unsupported_format", tiff(compression=6)),
        "unknown coding.tif": ("unsupported_format", tiff(photometric=99)),
        "raw.dng": ("unsupported_format", tiff([(50706, 1, 4, 0x401)])),
        "raw.nef": ("unsupported_format", tiff([(254, 4, 1, 1), (330, 4, 1, 8)])),
        "raw.arw": ("unsupported_format", tiff(photometric=32803)),
        "raw.cr2": ("unsupported_format", b"II*\0\x10\0\0\0CR\2\0" + bytes(4) + tiff()[8:]),
        "fields.tif": ("too_complex", b"II*\0\x08\0\0\0" + struct.pack("<H", 5000) + bytes(60_000)),
        "pieces.tif": ("too_complex", tiff([(279, 4, 10_000_000, 8)])),
        "directory outside.tif": ("truncated_image", b"MM\0*\0\xff\xff\xff" + bytes(999)),
        "half.tif": ("truncated_image", tiff()[:1500]),
        "half a directory.tif": ("truncated_image", good[: len(good) - 20]),
    }


def _heifs() -> dict[str, tuple[str, bytes]]:
    avif, heic = encode(scene(), "AVIF", speed=10), encode(scene(), "HEIF", quality=80)
    film = animation("AVIF", speed=10)
    lie = av1_sequence_header(16_384, 16_384)
    start = avif.index(b"mdat") + 4
    if avif[start : start + 2] == b"\x12\0":  # a temporal delimiter comes first
        start += 2
    tile = encode(scene(128, 128), "HEIF", quality=80)
    no_stream = heic[: heic.index(b"mdat") + 4]
    damaged = no_stream + bytes(len(heic) - len(no_stream))
    return {
        "bomb.avif": ("too_many_pixels", avif.replace(_SIZE, _BOMB_SIZE)),
        "stream bomb.avif": ("too_many_pixels", avif[:start] + lie + avif[start + len(lie) :]),
        "moving bomb.avif": (
            "too_many_pixels",
            film.replace(struct.pack(">HH", 96, 72), struct.pack(">HH", BOMB, BOMB)),
        ),
        "bomb.heic": ("too_many_pixels", heic.replace(_SIZE, _BOMB_SIZE)),
        "grid bomb.heic": ("too_many_pixels", grid([tile], 128, 128, (BOMB, BOMB))),
        "tiles.heic": ("too_complex", grid([tile] * 200, 1000, 1000, (2000, 1000))),
        "pixel.heic": ("too_small", heic.replace(_SIZE, struct.pack(">II", 1, 1))),
        "no size.avif": ("corrupt_image", avif.replace(b"ispe", b"free")),
        "nothing.heic": ("unsupported_format", ftyp(b"heic", b"mif1") + bytes(64)),
        "wavelet.heif": ("unsupported_format", heic.replace(b"hvc1", b"j2k1")),
        "no pixels.heic": ("unsupported_format", damaged),
        "boxes.heic": ("too_complex", ftyp(b"heic") + box(b"free") * 40_000),
        "only brands.heic": ("truncated_image", ftyp(b"heic", b"mif1")),
        "half.heic": ("truncated_image", heic[: len(heic) // 2]),
        "half.avif": ("truncated_image", avif[: len(avif) // 2]),
    }


def _strangers() -> dict[str, tuple[str, bytes]]:
    page = b"<!doctype html><html><body><svg width='9'></svg></body></html>"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
    nothing = {
        "text": b"This is not a picture.\n" * 9,
        "BMW": b"BMW is a maker of cars, and this is a text about it.",
        "page": page,
        "xml page": b"<?xml version='1.0'?>" + page,
        "feed": b"<?xml version='1.0'?><rss></rss>",
        "archive": b"PK\3\4" + bytes(99),
        "program": b"\x7fELF" + bytes(99),
        "zeros": bytes(9999),
        "junk before": b"junk" * 8 + encode(scene(), "JPEG"),
        "sound": b"RIFF\x40\0\0\0WAVE" + bytes(64),
        "one byte": b"\xff",
    }
    named = {
        "jxl box": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(32),
        "jxl": b"\xff\x0a" + bytes(32),
        "jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(32),
        "ico": b"\0\0\1\0\1\0" + bytes(64),
        "cur": b"\0\0\2\0\1\0" + bytes(64),
        "psd": b"8BPS\0\1" + bytes(64),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "pdf": b"%PDF-1.7\n",
        "fits": b"SIMPLE  =                    T",
        "big tiff": b"II+\0\x08\0\0\0" + bytes(64),
        "svg": svg,
        "svg xml": b"\xef\xbb\xbf<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a 'b'>]>" + svg,
        "svg comment": b"<!-- made by hand -->" + svg,
        "mp4": ftyp(b"isom", b"mp42") + bytes(64),
        "mov": ftyp(b"qt  ") + bytes(64),
        "old mov": box(b"moov", bytes(64)),
        "mkv": b"\x1aE\xdf\xa3" + bytes(64),
        "avi": b"RIFF\x40\0\0\0AVI LIST" + bytes(64),
        "cr3": ftyp(b"crx ", b"isom") + bytes(64),
        "raf": b"FUJIFILMCCD-RAW 0201" + bytes(64),
        "netpbm": b"P6\n64 64\n255\n" + bytes(64),
        "dicom": bytes(128) + b"DICM" + bytes(64),
    }
    refused = {name: ("not_an_image", data) for name, data in nothing.items()}
    refused |= {name: ("unsupported_format", data) for name, data in named.items()}
    return refused | {"empty": ("empty_file", b""), "large": ("too_large_bytes", bytes(10 * 2**20 + 1))}


@cache
def refused() -> dict[str, tuple[str, bytes]]:
    """Return code and bytes of every refused file, by name."""
    kinds = (_jpegs, _pngs, _gifs_and_bmps, _webps, _tiffs, _heifs, _strangers)
    return {name: case for kind in kinds for name, case in kind().items()}
