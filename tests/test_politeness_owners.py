"""What owners do not want collected is not: robots.txt, headers, takedowns (sources.md, 6)."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from crawler import politeness
from crawler.errors import FetchError
from crawler.fetch import PRODUCT, Fetcher, Limits
from crawler.politeness import DenyList, Manners, Polite
from tests.sources import FakeTime
from tests.webhost import PICTURE, Reply, WebHost

HURRIED = Manners(delays=False, clock=FakeTime().clock)
SHA = hashlib.sha256(PICTURE).hexdigest()


def polite(host: WebHost, denied: DenyList | None = None, manners: Manners = HURRIED) -> Polite:
    return Polite(Fetcher({host.pair}, limits=Limits(total=5)), manners, denied)


def outcome(asking: Polite, url: str, page: str = "") -> str:
    try:
        assert asking.picture(url, page).body
    except FetchError as error:
        return error.code
    return "taken"


ROBOTS = {
    "": "taken",
    "User-agent: *\nDisallow: /": "opted_out",
    "User-agent: *\nDisallow: /a/": "opted_out",
    "User-agent: *\nDisallow: /b/": "taken",
    "User-agent: *\nDisallow: /\nAllow: /a/": "taken",  # the longer rule counts
    "User-agent: *\nDisallow: /*.jpg$": "opted_out",
    f"User-agent: {PRODUCT}\nDisallow: /\n\nUser-agent: *\nAllow: /": "opted_out",
    f"User-agent: {PRODUCT.upper()}\nDisallow: /": "opted_out",
    f"User-agent: {PRODUCT}\nAllow: /\n\nUser-agent: *\nDisallow: /": "taken",
    "User-agent: otherbot\nDisallow: /": "taken",
    "\ufeffUser-agent: *\r\nDisallow: /a": "opted_out",
    "<html>not a robots.txt at all</html>": "taken",
    "\x00\x01" * 100: "taken",
}


@pytest.mark.parametrize(("robots", "expected"), ROBOTS.items())
def test_robots_txt_is_understood(robots: str, expected: str) -> None:
    with WebHost(robots) as host:
        assert outcome(polite(host), f"{host.url}/a/1.jpg") == expected
    assert ("/a/1.jpg" in host.times) is (expected == "taken")


def test_robots_txt_is_asked_once_a_day() -> None:
    time = FakeTime()
    with WebHost("User-agent: *\nDisallow: /b") as host:
        asking = polite(host, manners=Manners(delays=False, clock=time.clock))
        for path in ("/a1", "/b1", "/a2"):
            outcome(asking, host.url + path)
        assert host.times["/robots.txt"] == 1
        time.now += 24 * 3600 + 1
        outcome(asking, f"{host.url}/a3")
    assert host.times["/robots.txt"] == 2


def test_many_threads_ask_for_robots_txt_once() -> None:
    with WebHost() as host:
        asking = polite(host)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: asking.picture(f"{host.url}/{number}"), range(24)))
    assert host.times["/robots.txt"] == 1


@pytest.mark.parametrize(("status", "expected"), [(401, "taken"), (403, "taken"), (404, "taken"), (410, "taken")])
def test_a_host_without_rules_allows_everything(status: int, expected: str) -> None:
    with WebHost(Reply(b"", status)) as host:
        assert outcome(polite(host), f"{host.url}/1.jpg") == expected


@pytest.mark.parametrize("status", [429, 500, 503])
def test_rules_that_cannot_be_had_just_now_may_forbid_everything(status: int) -> None:
    time = FakeTime()
    with WebHost(Reply(b"", status)) as host:
        asking = polite(host, manners=Manners(delays=False, clock=time.clock))
        for _ in range(3):
            with pytest.raises(FetchError) as refused:
                asking.picture(f"{host.url}/1.jpg")
            assert (refused.value.code, refused.value.status) == ("http_status", status)
        assert host.times["/robots.txt"] == 3  # the tries of the first picture
        assert "/1.jpg" not in host.times
        host.replies["/robots.txt"] = lambda _: Reply(b"User-agent: *\nAllow: /")
        time.now += 61
        assert outcome(asking, f"{host.url}/1.jpg") == "taken"


def test_a_crawl_delay_is_the_pause_if_it_is_longer() -> None:
    time = FakeTime()
    with WebHost("User-agent: *\nCrawl-delay: 8") as host:
        asking = polite(host, manners=Manners(pause=1, clock=time.clock))
        for number in range(3):
            asking.picture(f"{host.url}/{number}")
    assert len(time.slept) == 2
    # The first pause was reserved before the rules were known, if at all.
    assert all(8 <= pause <= 16 for pause in time.slept)


def test_only_the_beginning_of_a_huge_robots_txt_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(politeness, "ROBOTS_BYTES", 100)
    with WebHost("User-agent: *\nDisallow: /a\n" + "# filler\n" * 20 + "Disallow: /b\n") as host:
        asking = polite(host)
        assert outcome(asking, f"{host.url}/a") == "opted_out"
        assert outcome(asking, f"{host.url}/b") == "taken"


def test_rules_bind_each_hop_of_a_redirect() -> None:
    with WebHost() as host, WebHost("User-agent: *\nDisallow: /private") as other:
        host.replies["/1.jpg"] = lambda _: Reply(b"", 302, {"Location": f"{other.url}/private/1.jpg"})
        asking = Polite(Fetcher({host.pair, other.pair}), HURRIED)
        assert outcome(asking, f"{host.url}/1.jpg") == "opted_out"
    assert list(other.times) == ["/robots.txt"]


def test_an_owners_header_is_honoured() -> None:
    with WebHost() as host:
        host.replies["/1.jpg"] = lambda _: Reply(headers={"X-Robots-Tag": "noai"})
        assert outcome(polite(host), f"{host.url}/1.jpg") == "opted_out"
    assert host.times["/1.jpg"] == 1


@pytest.mark.parametrize(
    ("denied", "expected"),
    [
        (DenyList(), "taken"),
        (DenyList(hosts=frozenset({"127.0.0.1"})), "opted_out"),
        (DenyList(pages=frozenset({"https://pages.example.org/7#part"})), "opted_out"),
        (DenyList(hosts=frozenset({"Example.ORG."})), "opted_out"),
        (DenyList(hosts=frozenset({"ample.org", "org.example", "", "not a host"})), "taken"),
        (DenyList(pages=frozenset({"https://pages.example.org/70", "nonsense"})), "taken"),
        (DenyList(hashes=frozenset({SHA.upper()})), "opted_out"),
        (DenyList(hashes=frozenset({"0" * 64})), "taken"),
    ],
)
def test_what_was_taken_down_is_not_fetched_again(denied: DenyList, expected: str) -> None:
    with WebHost() as host:
        assert outcome(polite(host, denied), f"{host.url}/1.jpg", "http://pages.example.org/7") == expected
    unasked = expected == "opted_out" and not denied.hashes
    assert (list(host.times) == []) is unasked


def test_a_denied_address_is_denied_after_a_redirect_too() -> None:
    with WebHost() as host:
        host.replies["/1.jpg"] = lambda _: Reply(b"", 302, {"Location": "/2.jpg"})
        denied = DenyList(pages=frozenset({f"{host.url}/2.jpg"}))
        assert outcome(polite(host, denied), f"{host.url}/1.jpg") == "opted_out"
    assert "/2.jpg" not in host.times


def test_a_picture_is_denied_by_its_look_however_it_was_saved() -> None:
    denied = DenyList(looks=frozenset({0xF0F0F0F0F0F0F0F0}))
    assert denied.denies_picture("", 0xF0F0F0F0F0F0F0F0)
    assert denied.denies_picture("", 0xF0F0F0F0F0F0F0FF)  # four bits
    assert not denied.denies_picture("", 0xF0F0F0F0F0F0FFFF)
    assert not replace(denied, near=3).denies_picture("", 0xF0F0F0F0F0F0F0FF)
    assert not denied.denies_picture("", None)


def test_an_address_that_is_none_is_refused_as_such() -> None:
    asking = Polite(Fetcher(), HURRIED)
    assert outcome(asking, "nonsense") == "bad_url"
    assert outcome(asking, "http://127.0.0.1/1.jpg", "nonsense") == "blocked_address"


def test_only_so_many_hosts_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(politeness, "MAX_ORIGINS", 1)
    with WebHost() as one, WebHost() as other:
        asking = Polite(Fetcher({one.pair, other.pair}), HURRIED)
        for host in (one, one, other, one):
            assert outcome(asking, f"{host.url}/1.jpg") == "taken"
    assert (one.times["/robots.txt"], other.times["/robots.txt"]) == (2, 1)
