"""Headers that come, and headers that are sent (rows 11 and 16)."""

from __future__ import annotations

import pytest

from crawler.errors import FetchError
from crawler.fetch import _retry_after
from tests.traps import TrapServer, by_name, near


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("many-headers", "bad_headers"),
        ("long-header", "bad_headers"),
        ("wide-headers", "bad_headers"),
        ("no-end", "bad_headers"),
        ("http09", "bad_headers"),
        ("garbage", "bad_headers"),
        ("odd-status", "bad_headers"),
        ("continue", "bad_headers"),
        ("hangs-up", "unreachable"),
        ("status/999", "http_status"),
    ],
)
def test_an_answer_that_is_no_http_is_refused(server: TrapServer, path: str, code: str) -> None:
    with pytest.raises(FetchError) as refused:
        near(server).picture(f"{server.url}/{path}")
    assert refused.value.code == code


def test_a_hundred_headers_are_let_through(server: TrapServer) -> None:
    assert near(server).picture(f"{server.url}/hundred-headers").body == b"12345"


def test_an_encoded_line_break_stays_encoded(server: TrapServer) -> None:
    near(server).picture(f"{server.url}/ok%0d%0aHost:%20evil")
    assert server.line() == "GET /ok%0D%0AHost:%20evil HTTP/1.1"
    assert server.header("Host") == server.pair


def test_a_header_value_with_control_characters_is_left_out(server: TrapServer) -> None:
    sent = {"Referer": "http://x.example/\r\nHost: evil", "X-Odd": "ü", "X-Good": "yes"}
    near(server).page(f"{server.url}/ok", headers=sent)
    assert (server.header("Referer"), server.header("X-Odd"), server.header("X-Good")) == (None, None, "yes")
    assert server.heads[-1].count(b"Host:") == 1


def test_host_and_connection_cannot_be_overridden(server: TrapServer) -> None:
    near(server).page(f"{server.url}/ok", headers={"Host": "evil.example", "Connection": "keep-alive"})
    assert server.header("Host") == server.pair
    assert server.header("Connection") == "close"


def test_the_host_header_names_the_name_and_a_port_only_where_it_is_unusual(server: TrapServer) -> None:
    by_name(server).picture("http://Bücher.example:80/ok")
    assert server.header("Host") == "xn--bcher-kva.example"
    by_name(server).picture("http://books.example:443/ok")
    assert server.header("Host") == "books.example:443"


def test_parameters_are_encoded_whole(server: TrapServer) -> None:
    near(server).page(f"{server.url}/ok", {"q": "A&B #1 + ü"})
    assert server.line() == "GET /ok?q=A%26B+%231+%2B+%C3%BC HTTP/1.1"
    near(server).page(f"{server.url}/ok?a=1", {"q": "x"})
    assert server.line() == "GET /ok?a=1&q=x HTTP/1.1"


def test_the_user_agent_is_ours_or_the_given_one(server: TrapServer) -> None:
    near(server).picture(f"{server.url}/ok")
    assert "compatible" in (server.header("User-Agent") or "")
    near(server).page(f"{server.url}/ok", headers={"User-Agent": "A browser"})
    assert server.header("User-Agent") == "A browser"


@pytest.mark.parametrize(("value", "seconds"), [("120", 120), ("999999999", 86_400), ("soon", None), ("-5", None)])
def test_retry_after_is_read_and_bounded(value: str, seconds: float | None) -> None:
    assert _retry_after(value) == seconds


def test_retry_after_may_be_a_date() -> None:
    assert _retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert _retry_after("Fri, 31 Dec 9999 23:59:59 GMT") == 86_400
