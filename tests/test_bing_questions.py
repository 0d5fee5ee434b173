"""How Bing is asked (sources.md, 1.1), and where its redirects may lead."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from crawler.fetch import PRODUCT, Fetcher
from crawler.politeness import Manners
from crawler.sources.base import Query
from crawler.sources.bing import Bing
from tests.standins import BingStandIn
from tests.traps import PUBLIC, TrapServer, by_name

HURRIED = Manners(delays=False)


@pytest.fixture
def standin() -> Iterator[BingStandIn]:
    with BingStandIn() as started:
        yield started


def test_a_question_has_the_parameters_that_bing_reads(standin: BingStandIn) -> None:
    Bing(Fetcher({standin.pair}), standin.url).search("  Lantern & Bridge #1 + ü \x00", count=20, first=36)
    (asked,) = standin.asked
    assert asked.path == "/images/async"
    assert asked.params == {
        "q": "Lantern & Bridge #1 + ü",
        "first": "36",
        "count": "20",
        "mmasync": "1",
        "adlt": "strict",
        "cc": "US",
        "setlang": "en",
    }


def test_a_question_looks_like_a_browsers_and_asks_for_gzip(standin: BingStandIn) -> None:
    list(Bing(Fetcher({standin.pair}), standin.url + "few", manners=HURRIED).hits(Query("x", market="de-DE")))
    headers = standin.asked[0].headers
    assert headers["User-Agent"].startswith("Mozilla/5.0 (") and PRODUCT not in headers["User-Agent"]
    assert headers["Accept-Encoding"] == "gzip"
    assert headers["Accept-Language"] == "de-DE,de;q=0.9"
    assert "ADLT=STRICT" in headers["Cookie"]
    assert standin.asked[0].params["cc"] == "DE"


@pytest.mark.parametrize("base", ["", "/", "some/where", "some/where/"])
def test_the_base_address_may_have_a_path(standin: BingStandIn, base: str) -> None:
    Bing(Fetcher({standin.pair}), standin.url.rstrip("/") + "/" + base.lstrip("/")).search("Lantern Bridge")
    prefix = "/" + base.strip("/") if base.strip("/") else ""
    assert standin.asked[0].path == f"{prefix}/images/async"


def test_a_long_question_is_cut(standin: BingStandIn) -> None:
    Bing(Fetcher({standin.pair}), standin.url).search("a" * 10_000)
    assert len(standin.asked[0].params["q"]) == 200


def test_a_cookie_of_bing_is_not_sent_back(standin: BingStandIn) -> None:
    bing = Bing(Fetcher({standin.pair}), f"{standin.url}moved")
    bing.search("Lantern Bridge")
    bing.search("Lantern Bridge")
    assert len(standin.asked) == 4
    assert all("MUID" not in asked.headers["Cookie"] for asked in standin.asked)


@pytest.mark.parametrize(
    ("base", "location", "followed"),
    [
        ("http://www.bing.com", "http://cn.bing.com/ok", True),
        ("http://bing.com", "http://www.bing.com/ok", True),
        ("http://www.bing.com", "http://login.live.example/", False),
        ("http://www.bing.com", "http://notbing.com/ok", False),
        ("http://mirror.example", "http://www.mirror.example/ok", True),
        ("http://mirror.example", "http://www.bing.com/ok", False),
    ],
)
def test_a_redirect_is_followed_within_bing_only(base: str, location: str, followed: bool) -> None:
    resolved: list[str] = []
    with TrapServer() as server:
        bing = Bing(by_name(server, resolved=resolved), f"{base}/redirect/{quote(location, safe='')}?", manners=HURRIED)
        assert bing.search("Lantern Bridge").state == "blocked"
    assert (location.split("/")[2] in resolved) is followed


def test_bing_itself_is_the_default() -> None:
    resolved: list[str] = []

    def refuse(address: str, port: int, timeout: float) -> socket.socket:
        raise ConnectionRefusedError

    def resolver(host: str, port: int) -> list[str]:
        resolved.append(f"{host}:{port}")
        return [PUBLIC]

    page = Bing(Fetcher(resolver=resolver, connector=refuse)).search("Lantern Bridge")
    assert page.state == "unreachable"
    assert resolved == ["www.bing.com:443"]
