"""Names the formats that are recognised only to be refused by name."""

import re

from ml.header.base import unsupported
from ml.header.boxes import brands

_RAW = "This is a camera raw file."
_VIDEO = "This is a video."
_POSTSCRIPT = "This is a PostScript file."
_PREFIXES = (
    (b"\0\0\0\x0cJXL ", "This is a JPEG XL file."),
    (b"\xff\x0a", "This is a JPEG XL file."),
    (b"\0\0\0\x0cjP  ", "This is a JPEG 2000 file."),
    (b"\xff\x4f\xff\x51", "This is a JPEG 2000 file."),
    (b"\0\0\1\0", "This is an icon file."),
    (b"\0\0\2\0", "This is a mouse pointer file."),
    (b"icns", "This is an icon file."),
    (b"8BPS", "This is a Photoshop file."),
    (b"gimp xcf", "This is a GIMP file."),
    (b"%PDF", "This is a PDF."),
    (b"%!PS", _POSTSCRIPT),
    (b"\xc5\xd0\xd3\xc6", _POSTSCRIPT),
    (b"SIMPLE  =", "This is a FITS file."),
    (b"II+\0", "This is a BigTIFF file."),
    (b"MM\0+", "This is a BigTIFF file."),
    (b"II\xbc\1", "This is a JPEG XR file."),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"II\x1a\0\0\0HEAP", _RAW),
    (b"IIU\0", _RAW),
    (b"IIRO", _RAW),
    (b"IIRS", _RAW),
    (b"MMOR", _RAW),
    (b"FOVb", _RAW),
    (b"\0MRM", _RAW),
    (b"\x8aMNG", "This is an MNG animation."),
    (b"\x8bJNG", "This is a JNG file."),
    (b"BPG\xfb", "This is a BPG file."),
    (b"FLIF", "This is a FLIF file."),
    (b"qoif", "This is a QOI file."),
    (b"DDS ", "This is a DDS texture."),
    (b"\x76\x2f\x31\x01", "This is an OpenEXR file."),
    (b"#?RADIANCE", "This is a Radiance HDR file."),
    (b"AT&TFORM", "This is a DjVu file."),
    (b"\xd7\xcd\xc6\x9a", "This is a Windows metafile."),
    (b"\x1aE\xdf\xa3", _VIDEO),
    (b"\0\0\1\xba", _VIDEO),
    (b"\0\0\1\xb3", _VIDEO),
    (b"FLV\1", _VIDEO),
    (b"OggS", "This is a sound or video file."),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _VIDEO),
)
_OLD_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_NETPBM = re.compile(rb"P[1-7]\s+[#\d W]")


def refuse_by_name(data: bytes) -> None:
    """Raise ``unsupported_format`` with the format's name where it is known."""
    seen = _seen(data)
    if seen:
        unsupported(seen)


def _seen(data: bytes) -> str | None:
    for prefix, seen in _PREFIXES:
        if data.startswith(prefix):
            return seen
    found = brands(data)
    if found:
        return _RAW if b"crx " in found else _VIDEO
    if data[4:8] in _OLD_QUICKTIME or (data[:4] == b"RIFF" and data[8:12] == b"AVI "):
        return _VIDEO
    if data[40:44] == b" EMF":
        return "This is a Windows metafile."
    if data[128:132] == b"DICM":
        return "This is a DICOM file."
    if _NETPBM.match(data):
        return "This is a Netpbm file."
    return "This is an SVG drawing." if _is_svg(data[:4096].lower()) else None


def _is_svg(head: bytes) -> bool:
    """Tell a drawing from a page in HTML that holds one."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    prologue = head.startswith((b"<?xml", b"<!--", b"<!doctype svg"))
    return head.startswith(b"<svg") or (prologue and b"<svg" in head and b"<html" not in head)
