"""Every redirect is judged anew, and there are four at most (rows 6 and 7)."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from crawler.errors import FetchError
from crawler.fetch import Fetcher
from tests.traps import TrapServer, by_name, near


def refusal(fetcher: Fetcher, url: str) -> FetchError:
    with pytest.raises(FetchError) as refused:
        fetcher.picture(url)
    return refused.value


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "blocked_address"),
        ("//127.0.0.1/", "blocked_address"),
        ("http://localhost/", "blocked_address"),
        ("http://inside.example/", "blocked_address"),
        ("http://[::ffff:127.0.0.1]/", "blocked_address"),
        ("http://public.example:22/", "bad_port"),
        ("file:///etc/passwd", "bad_scheme"),
        ("javascript:alert(1)", "bad_scheme"),
        ("http://a@public.example/", "bad_url"),
        ("http://[public.example/", "bad_url"),
        ("http://public.example\\@127.0.0.1/", "bad_url"),
        ("http://2130706433/", "bad_url"),
    ],
)
def test_a_redirect_to_a_forbidden_place_is_refused(server: TrapServer, location: str, code: str) -> None:
    fetcher = by_name(server, {"inside.example": ["192.168.1.1"]})
    assert refusal(fetcher, f"http://public.example/redirect/{quote(location, safe='')}").code == code
    assert server.connections == 1


def test_an_allowed_pair_does_not_open_its_neighbours(server: TrapServer) -> None:
    with TrapServer() as forbidden:
        away = quote(f"{forbidden.url}/ok", safe="")
        assert refusal(near(server), f"{server.url}/redirect/{away}").code == "blocked_address"
    assert forbidden.connections == 0


def test_an_allowed_pair_is_allowed_on_a_later_hop_too(server: TrapServer) -> None:
    with TrapServer() as second:
        fetcher = Fetcher({server.pair, second.pair})
        fetched = fetcher.picture(f"{server.url}/redirect/{quote(second.url + '/ok', safe='')}")
    assert fetched.url == f"{second.url}/ok"
    assert second.header("Host") == second.pair


@pytest.mark.parametrize(
    ("location", "final"),
    [
        ("/ok", "/ok"),
        ("../ok?x=1#part", "/ok?x=1"),
        ("..//", "/"),
        ("/ö k", "/%C3%B6%20k"),
    ],
)
def test_a_relative_redirect_is_followed(server: TrapServer, location: str, final: str) -> None:
    url = f"http://public.example/redirect/{quote(location, safe='')}"
    fetched = by_name(server).picture(url)
    assert fetched.url.removeprefix("http://public.example").replace("//", "/") == final


def test_four_redirects_are_followed_and_a_fifth_is_not(server: TrapServer) -> None:
    assert near(server).picture(f"{server.url}/hops/4").body == b"picture"
    assert server.connections == 5
    assert refusal(near(server), f"{server.url}/hops/5").code == "too_many_redirects"
    assert server.connections == 10


@pytest.mark.parametrize("path", ["loop", "chain"])
def test_an_endless_chain_ends(server: TrapServer, path: str) -> None:
    assert refusal(near(server), f"{server.url}/{path}").code == "too_many_redirects"
    assert server.connections == 5


@pytest.mark.parametrize(("path", "status"), [("no-location", 302), ("status/300", 300), ("status/304", 304)])
def test_a_redirect_that_leads_nowhere_is_a_status(server: TrapServer, path: str, status: int) -> None:
    error = refusal(near(server), f"{server.url}/{path}")
    assert (error.code, error.status) == ("http_status", status)


def test_a_refresh_header_is_ignored(server: TrapServer) -> None:
    assert near(server).picture(f"{server.url}/refresh").body == b"picture"
    assert server.connections == 1


def test_a_location_of_a_megabyte_is_refused(server: TrapServer) -> None:
    assert refusal(near(server), f"{server.url}/large-location").code == "bad_headers"


def test_the_body_of_a_redirect_is_not_read(server: TrapServer) -> None:
    assert near(server).picture(f"{server.url}/redirect-bomb").body == b"picture"


def test_a_page_stays_within_its_host(server: TrapServer) -> None:
    fetcher = by_name(server)
    for location in ("http://cn.bing.example/ok", "/ok"):
        url = f"http://www.bing.example/redirect/{quote(location, safe='')}"
        assert fetcher.page(url, within_host="bing.example").body == b"picture"
    for location in ("http://login.example/ok", "http://notbing.example/ok"):
        url = f"http://www.bing.example/redirect/{quote(location, safe='')}"
        with pytest.raises(FetchError) as refused:
            fetcher.page(url, within_host="bing.example")
        assert (refused.value.code, refused.value.status) == ("http_status", 302)
