"""Bing's good and bad days are told apart (sources.md, 1.6), against a stand-in on loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from crawler.fetch import Fetcher, Limits
from crawler.politeness import Manners
from crawler.sources.base import Page
from crawler.sources.bing import Bing
from tests.standins import DAYS, LOOKS, BingStandIn, Question, page_of_results
from tests.traps import TrapServer, near

STATES = {
    "none": "none",
    "shells": "none",
    "tiny": "blocked",
    "captcha": "blocked",
    "captcha-page": "blocked",
    "limited": "blocked",
    "forbidden": "blocked",
    "soft-limit": "blocked",
    "consent": "blocked",
    "changed": "changed",
    "gone": "changed",
    "failing": "unreachable",
}
HURRIED = Manners(delays=False)
FINE_AFTER_ALL = ["shell", "failing-once", "moved", "bom", "chunked", "http10", "until-close", "slow"]


@pytest.fixture(scope="module")
def standin() -> Iterator[BingStandIn]:
    with BingStandIn() as started:
        yield started


def asked(standin: BingStandIn, shape: str, first: int = 1) -> Page:
    standin.asked.clear()
    standin.times.clear()
    fetcher = Fetcher({standin.pair}, limits=Limits(total=5))
    return Bing(fetcher, standin.url + shape, manners=HURRIED).search("Lantern Bridge", first=first)


@pytest.mark.parametrize(("shape", "state"), STATES.items())
def test_a_bad_day_has_its_own_state(standin: BingStandIn, shape: str, state: str) -> None:
    page = asked(standin, shape)
    assert page.state == state
    assert page.hits == []
    assert page.note.endswith(".") and page.reason


@pytest.mark.parametrize("shape", FINE_AFTER_ALL)
def test_a_day_that_only_looks_bad_gives_all_pictures(standin: BingStandIn, shape: str) -> None:
    page = asked(standin, shape)
    assert (page.state, len(page.hits), page.note) == ("ok", 35, "")


def test_every_day_of_the_stand_in_is_tried() -> None:
    assert set(DAYS) == {*STATES, *FINE_AFTER_ALL, "broken-off"}


@pytest.mark.parametrize(("shape", "times"), [("shell", 2), ("shells", 2), ("failing", 2), ("none", 1), ("limited", 1)])
def test_only_what_may_pass_is_asked_again_and_only_once(standin: BingStandIn, shape: str, times: int) -> None:
    asked(standin, shape)
    assert standin.times[shape] == times


def test_the_second_question_waits_a_moment(standin: BingStandIn) -> None:
    begin = time.monotonic()
    Bing(Fetcher({standin.pair}), standin.url + "shells", manners=Manners(backoff=0.6)).search("Lantern Bridge")
    assert time.monotonic() - begin >= 0.3


def test_a_rate_limit_says_how_long_to_wait(standin: BingStandIn) -> None:
    assert asked(standin, "limited").retry_after == 120
    assert asked(standin, "forbidden").retry_after is None


def test_an_answer_that_breaks_off_gives_the_cards_that_came(standin: BingStandIn) -> None:
    page = asked(standin, "broken-off")
    assert page.state == "ok"
    assert 5 < len(page.hits) < 35


def test_a_page_that_is_not_understood_is_kept(standin: BingStandIn) -> None:
    page = asked(standin, "changed")
    assert b"newGrid" in page.body
    assert asked(standin, "ok").body == b""


def test_fewer_than_half_of_the_cards_read_is_changed_with_hits(standin: BingStandIn) -> None:
    page = asked(standin, "most-broken")
    assert (page.state, len(page.hits)) == ("changed", 6)
    assert page.body


def test_a_single_card_on_a_long_page_is_changed(standin: BingStandIn) -> None:
    page = asked(standin, "one-card")
    assert (page.state, len(page.hits)) == ("changed", 1)


def test_nothing_on_a_later_page_is_the_end(standin: BingStandIn) -> None:
    assert asked(standin, "none", first=36).state == "end"
    assert asked(standin, "shells", first=36).state == "end"


def test_the_next_page_begins_where_bing_says(standin: BingStandIn) -> None:
    assert asked(standin, "ok").onward == {"first": "36"}
    assert asked(standin, "no-next").onward is None
    # At the end Bing repeats its last page, and its link does not lead on.
    assert asked(standin, "ok", first=500).onward is None


def test_no_words_are_not_sent(standin: BingStandIn) -> None:
    standin.asked.clear()
    assert Bing(Fetcher({standin.pair}), standin.url).search(" \x00\u202e ").state == "none"
    assert standin.asked == []


@pytest.mark.parametrize("base", ["ftp://bing.example", "nonsense", "http://127.0.0.1:9/", "http://bing.example:81"])
def test_a_wrong_base_address_is_misconfigured(base: str) -> None:
    assert Bing(Fetcher(), base).search("Lantern Bridge").state == "misconfigured"


def test_a_stand_in_that_is_not_allowed_is_not_asked(standin: BingStandIn) -> None:
    standin.asked.clear()
    assert Bing(Fetcher(), standin.url).search("Lantern Bridge").state == "misconfigured"
    assert standin.asked == []


def test_nobody_there_is_unreachable_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        pair = f"127.0.0.1:{taken.getsockname()[1]}"
    begin = time.monotonic()
    page = Bing(Fetcher({pair}), f"http://{pair}").search("Lantern Bridge")
    assert (page.state, page.reason) == ("unreachable", "unreachable")
    assert time.monotonic() - begin < 5


def test_no_network_is_unreachable_at_once() -> None:
    page = Bing(Fetcher(), "https://bing.invalid").search("Lantern Bridge")
    assert (page.state, page.reason) == ("unreachable", "dns_failed")


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("silent", "unreachable"),
        ("garbage", "unreachable"),
        ("hangs-up", "unreachable"),
        ("gzip-bomb", "changed"),
        ("coded/br", "changed"),
        ("loop", "blocked"),
        ("status/401", "misconfigured"),
        ("redirect/http%3A%2F%2F10.0.0.1%2F", "blocked"),
    ],
)
def test_hostile_answers_are_states_too(path: str, state: str) -> None:
    with TrapServer() as server:
        assert Bing(near(server), f"{server.url}/{path}?", manners=HURRIED).search("Lantern Bridge").state == state


def test_a_captchas_words_in_a_title_do_not_hide_the_pictures(standin: BingStandIn) -> None:
    fetcher = Fetcher({standin.pair})
    page = Bing(fetcher, standin.url).search("One last step")
    assert (page.state, len(page.hits)) == ("ok", 35)


def test_the_stand_in_looks_differently_every_time() -> None:
    question = Question("Lantern Bridge", 1, 35, "http://127.0.0.1:1")
    pages = {name: page_of_results(question, looks) for name, looks in LOOKS.items()}
    assert len(set(pages.values())) == len(pages)
