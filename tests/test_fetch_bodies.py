"""Bodies: their length, their coding, and that only status 200 counts (rows 13, 15, 17)."""

from __future__ import annotations

import tracemalloc
from urllib.parse import quote

import pytest

from crawler.errors import FetchError
from crawler.fetch import Fetcher, Limits
from ml.picture import PictureError, decode
from tests.drawn import jpeg
from tests.traps import QUICK, TrapServer, near
from tests.webhost import Reply, WebHost

PAGE = b"page" * 1000


def refusal(fetcher: Fetcher, url: str, page: bool = False) -> FetchError:
    with pytest.raises(FetchError) as refused:
        fetcher.page(url) if page else fetcher.picture(url)
    return refused.value


@pytest.mark.parametrize("path", ["endless", "endless-chunks", "endless-trailers", "camera"])
def test_an_endless_body_stops_at_the_limit(server: TrapServer, path: str) -> None:
    error = refusal(near(server), f"{server.url}/{path}")
    assert error.code == "too_large"
    assert "1 MB" in error.message


def test_ten_megabytes_are_the_usual_limit_and_little_more_is_held(server: TrapServer) -> None:
    fetcher = Fetcher({server.pair})
    tracemalloc.start()
    error = refusal(fetcher, f"{server.url}/endless")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.code == "too_large" and "10 MB" in error.message
    assert peak < 14 * 2**20


@pytest.mark.parametrize("path", ["huge-said", "absurd-said"])
def test_a_length_over_the_limit_is_refused_unread(server: TrapServer, path: str) -> None:
    assert refusal(near(server), f"{server.url}/{path}").code == "too_large"


@pytest.mark.parametrize("path", ["negative-said", "no-number-said", "two-lengths", "two-lengths-in-a-line"])
def test_a_length_that_makes_no_sense_is_bad_headers(server: TrapServer, path: str) -> None:
    assert refusal(near(server), f"{server.url}/{path}").code == "bad_headers"


def test_no_more_is_read_than_the_length_says(server: TrapServer) -> None:
    fetched = near(server).picture(f"{server.url}/more-than-said")
    assert (fetched.body, fetched.complete) == (b"0123456789", True)


@pytest.mark.parametrize("path", ["short", "short-chunk"])
def test_a_body_that_broke_off_is_marked(server: TrapServer, path: str) -> None:
    fetched = near(server).picture(f"{server.url}/{path}")
    assert not fetched.complete
    assert b"12345".startswith(fetched.body)


@pytest.mark.parametrize(
    ("path", "body"),
    [("chunked", b"picture"), ("http10", b"picture"), ("same-length-twice", b"12345"), ("one-continue", b"picture")],
)
def test_every_proper_framing_is_read(server: TrapServer, path: str, body: bytes) -> None:
    fetched = near(server).picture(f"{server.url}/{path}")
    assert (fetched.body, fetched.complete, fetched.status) == (body, True, 200)


def test_the_limit_itself_is_allowed(server: TrapServer) -> None:
    for most, code in ((7, None), (6, "too_large")):
        fetcher = near(server, Limits(picture_bytes=most))
        if code is None:
            assert fetcher.picture(f"{server.url}/http10").body == b"picture"
        else:
            assert refusal(fetcher, f"{server.url}/http10").code == code


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "nonsense", "GZIP"])
def test_a_picture_in_any_coding_is_refused_unread(server: TrapServer, coding: str) -> None:
    assert refusal(near(server), f"{server.url}/coded/{quote(coding)}").code == "bad_encoding"


def test_a_picture_is_asked_for_without_coding(server: TrapServer) -> None:
    near(server).picture(f"{server.url}/coded/identity")
    assert server.header("Accept-Encoding") == "identity"


@pytest.mark.parametrize("path", ["odd-transfer", "many-codings"])
def test_codings_over_codings_are_refused(server: TrapServer, path: str) -> None:
    assert refusal(near(server), f"{server.url}/{path}").code == "bad_encoding"


@pytest.mark.parametrize("path", ["gzip-page", "zlib-page", "deflate-page"])
def test_a_page_is_decoded(server: TrapServer, path: str) -> None:
    fetched = near(server).page(f"{server.url}/{path}")
    assert (fetched.body, fetched.complete) == (PAGE, True)


def test_a_page_whose_end_is_missing_is_marked(server: TrapServer) -> None:
    fetched = near(server).page(f"{server.url}/cut-gzip-page")
    assert not fetched.complete
    assert PAGE.startswith(fetched.body) and len(fetched.body) > 100


@pytest.mark.parametrize("path", ["broken-gzip-page", "coded/br", "coded/zstd", "coded/gzip%2C%20gzip", "many-codings"])
def test_a_page_in_a_coding_that_cannot_be_read_is_refused(server: TrapServer, path: str) -> None:
    assert refusal(near(server), f"{server.url}/{path}", page=True).code == "bad_encoding"


def test_a_bomb_is_decoded_no_further_than_the_ceiling(server: TrapServer) -> None:
    fetcher = near(server, Limits(page_bytes=4 * 2**20))
    tracemalloc.start()
    error = refusal(fetcher, f"{server.url}/gzip-bomb", page=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.code == "too_large"
    assert peak < 8 * 2**20


def test_a_page_over_its_ceiling_is_refused_without_coding_too(server: TrapServer) -> None:
    assert refusal(near(server), f"{server.url}/endless", page=True).code == "too_large"


@pytest.mark.parametrize(
    "status", [201, 202, 203, 204, 205, 206, 226, 400, 401, 403, 404, 410, 418, 429, 500, 503, 999]
)
def test_only_status_200_counts(server: TrapServer, status: int) -> None:
    error = refusal(near(server), f"{server.url}/status/{status}")
    assert (error.code, error.status) == ("http_status", status)
    assert near(server).picture(f"{server.url}/status/200").body == b"\xff\xd8\xff a picture"


@pytest.mark.parametrize("kind", ["text/html", "image/jpeg", "application/octet-stream", "", "nonsense"])
def test_the_declared_type_decides_nothing(server: TrapServer, kind: str) -> None:
    fetched = near(server, QUICK).picture(f"{server.url}/typed/{quote(kind, safe='')}")
    assert fetched.body == b"bytes"
    assert fetched.headers["content-type"] == kind


HTML = b"<!DOCTYPE html><html><body><form>Log in</form></body></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (HTML, "image/jpeg", "not_an_image"),
        (SVG, "image/png", "unsupported_format"),
        (jpeg(1), "text/html", None),
        (jpeg(1), "application/octet-stream", None),
        (jpeg(1), "", None),
    ],
)
def test_the_bytes_decide_whatever_the_type_says(body: bytes, kind: str, code: str | None) -> None:
    with WebHost() as host:
        host.replies["/1.jpg"] = lambda _: Reply(body, headers={"Content-Type": kind})
        fetched = Fetcher({host.pair}).picture(f"{host.url}/1.jpg").body
    if code is None:
        assert decode(fetched).mode == "RGB"
    else:
        with pytest.raises(PictureError) as refused:
            decode(fetched)
        assert refused.value.code == code
