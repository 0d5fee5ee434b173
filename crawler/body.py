"""The body of an answer: its framing checked, read in steps, decoded in steps."""

import io
import zlib
from collections.abc import Iterator
from typing import Protocol

import requests
from urllib3.exceptions import HTTPError

from crawler.errors import FetchError
from crawler.wire import Meter


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, piece: bytes, /) -> object:
        """Take all of ``piece``."""


_STEP = 64 * 1024
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_RAW_DEFLATE = -zlib.MAX_WBITS


def coding(response: requests.Response) -> str:
    """The content coding in lower case, empty for none; several stay one odd word."""
    named = ",".join(response.raw.headers.getlist("Content-Encoding"))
    word = named.strip().lower()
    return "" if word == "identity" else word


def read(response: requests.Response, meter: Meter, most: int) -> tuple[bytes, bool]:
    """The bytes as they came, at most ``most``, and whether all of them arrived."""
    body = io.BytesIO()
    complete = poured(response, meter, most, body)
    return body.getvalue(), complete


def poured(response: requests.Response, meter: Meter, most: int, into: Sink) -> bool:
    """Write the bytes as they come, at most ``most``; say whether all of them arrived."""
    declared = declared_length(response)
    if declared is not None and declared > most:
        raise meter.too_large()
    taken = 0
    pieces = _pieces(response)
    while True:
        try:
            piece = next(pieces, b"")
        except (HTTPError, OSError):
            return False
        if not piece:
            return True
        taken += len(piece)
        if taken > most:
            raise meter.too_large()
        into.write(piece)


def inflated(body: bytes, coding: str, meter: Meter, most: int) -> tuple[bytes, bool]:
    """``body`` decompressed to at most ``most`` bytes, and whether it was whole."""
    raw = coding == "deflate" and not _has_zlib_header(body)
    machine = zlib.decompressobj(_RAW_DEFLATE if raw else _GZIP_OR_ZLIB)
    plain = io.BytesIO()
    try:
        while body and not machine.eof:
            plain.write(machine.decompress(body, _STEP))
            if plain.tell() > most:
                raise meter.too_large()
            body = machine.unconsumed_tail
        plain.write(machine.flush(_STEP))
    except zlib.error:
        raise FetchError("bad_encoding") from None
    return plain.getvalue(), machine.eof


def _pieces(response: requests.Response) -> Iterator[bytes]:
    while piece := response.raw.read(_STEP, decode_content=False):
        yield piece


def declared_length(response: requests.Response) -> int | None:
    """Content-Length, where it counts. Two lengths or a negative one are refused."""
    transfer = response.headers.get("Transfer-Encoding", "").strip().lower()
    if transfer not in ("", "identity", "chunked"):
        raise FetchError("bad_encoding")
    lines = response.raw.headers.getlist("Content-Length")
    lengths = {length.strip() for line in lines for length in line.split(",")}
    if len(lengths) > 1 or not all(length.isascii() and length.isdigit() for length in lengths):
        raise FetchError("bad_headers")
    if not lengths or transfer == "chunked":
        return None
    # Longer than any number of bytes on earth, and than int() likes to read.
    digits = lengths.pop()
    return int(digits) if len(digits) < 20 else 10**20


def _has_zlib_header(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 15 == 8 and (body[0] * 256 + body[1]) % 31 == 0
