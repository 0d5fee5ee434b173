"""Sources page lazily through a service until it ends, even where it never would (sources.md, 1.5)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from crawler.fetch import Fetcher
from crawler.politeness import Manners
from crawler.sources.base import Hit, Page, Params, Query, SourceError, note
from crawler.sources.bing import Bing
from crawler.sources.google import Google
from tests.sources import STAND_INS, WORDS, FakeTime, outcome, source
from tests.standins import TOTAL, BingStandIn
from tests.standins_json import StandIn

# How many pictures a stand-in has, and how many of an endless one are taken.
TOTALS = {"commons": (70, 1000), "openverse": (50, 240), "flickr": (600, 4000), "google": (50, 200)}
PAGE = {"commons": 50, "openverse": 20, "flickr": 250, "google": 20}


@pytest.fixture(scope="module")
def standins() -> Iterator[dict[str, StandIn]]:
    started = {name: make().__enter__() for name, make in STAND_INS.items()}
    yield started
    for standin in started.values():
        standin.__exit__()


@pytest.mark.parametrize("name", STAND_INS)
def test_every_picture_comes_once_in_the_services_order(standins: dict[str, StandIn], name: str) -> None:
    hits, state = outcome(source(name, standins[name]))
    assert (len(hits), state) == (TOTALS[name][0], "ended")
    assert len({hit.key for hit in hits}) == len({hit.image_url for hit in hits}) == len(hits)
    numbers = [int(hit.title.split()[-1]) for hit in hits]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("name", STAND_INS)
def test_a_page_is_asked_for_when_it_is_needed(standins: dict[str, StandIn], name: str) -> None:
    standin = standins[name]
    standin.times.clear()
    hits = source(name, standin).hits(WORDS)
    assert standin.times["ok"] == 0
    assert len(list(islice(hits, PAGE[name]))) == PAGE[name]
    assert standin.times["ok"] == 1
    next(hits)
    assert standin.times["ok"] == 2


@pytest.mark.parametrize("name", STAND_INS)
def test_a_service_without_end_is_left_after_some_pages(standins: dict[str, StandIn], name: str) -> None:
    hits, state = outcome(source(name, standins[name], "endless"))
    assert (len(hits), state) == (TOTALS[name][1], "ended")


@pytest.mark.parametrize("name", STAND_INS)
def test_the_same_page_again_is_the_end(standins: dict[str, StandIn], name: str) -> None:
    standins[name].times.clear()
    hits, state = outcome(source(name, standins[name], "repeating"))
    assert (len(hits), state) == (PAGE[name], "ended")
    assert standins[name].times["repeating"] == 2


@pytest.mark.parametrize("shape", ["ends-with-404", "ends-with-401"])
def test_a_refusal_past_the_last_page_is_the_end(standins: dict[str, StandIn], shape: str) -> None:
    hits, state = outcome(source("openverse", standins["openverse"], shape))
    assert (len(hits), state) == (20, "ended")


def test_bing_repeats_its_last_page_for_ever_and_is_left() -> None:
    with BingStandIn() as standin:
        hits, state = outcome(Bing(Fetcher({standin.pair}), standin.url, manners=Manners(delays=False)))
        assert (len(hits), state) == (TOTAL, "ended")
        assert [asked.params["first"] for asked in standin.asked] == ["1", "36", "71", "81"]
        assert {asked.params["count"] for asked in standin.asked} == {"35"}


@pytest.mark.parametrize(("shape", "pages", "pictures"), [("no-next", 1, 35), ("few", 10, 30)])
def test_bing_is_left_without_a_link_to_more_and_after_ten_pages(shape: str, pages: int, pictures: int) -> None:
    with BingStandIn() as standin:
        hits, state = outcome(Bing(Fetcher({standin.pair}), standin.url + shape, manners=Manners(delays=False)))
        assert (standin.times[shape], len(hits), state) == (pages, pictures, "ended")


def test_what_came_before_a_page_that_broke_is_given() -> None:
    with BingStandIn() as standin:
        bing = Bing(Fetcher({standin.pair}), f"{standin.url}most-broken", manners=Manners(delays=False))
        hits = bing.hits(WORDS)
        assert len(list(islice(hits, 6))) == 6
        with pytest.raises(SourceError) as raised:
            next(hits)
    assert (raised.value.state, raised.value.message) == ("changed", note("changed", "Bing"))


def hit(number: int) -> Hit:
    url = f"https://a.example/{number}.jpg"
    return Hit(f"{number}", url, url, "", None, None, "unknown", f"{number}")


class Scripted(Google):
    """A source whose pages are given, each with one onward."""

    name = "scripted"

    def __init__(self, pages: list[Page], manners: Manners) -> None:
        super().__init__(Fetcher(), manners=manners)
        self.given = iter(pages)
        self.asked: list[Params] = []

    def page(self, query: Query, onward: Params) -> Page:
        self.asked.append(onward)
        return next(self.given)


def scripted(*pages: Page, time: FakeTime | None = None, **manners: float) -> Scripted:
    return Scripted(list(pages), Manners(clock=(time or FakeTime()).clock, **manners))  # type: ignore[arg-type]


def listed(*numbers: int) -> Page:
    return Page("ok", [hit(number) for number in numbers], onward={"after": str(numbers[-1])})


def test_two_thin_pages_in_a_row_are_the_end() -> None:
    old = tuple(range(1, 21))
    asked = scripted(
        listed(*old), listed(*old, 21), listed(*old, 22, 23, 24), listed(*old, 25), listed(*old, 26), Page("ok")
    )
    assert [hit.title for hit in asked.hits(WORDS)][20:] == ["21", "22", "23", "24", "25", "26"]
    assert len(asked.asked) == 5


def test_a_page_that_was_filtered_empty_does_not_end_it() -> None:
    asked = scripted(listed(1), Page("ok", onward={"after": "1"}), listed(2), Page("end"))
    assert [hit.title for hit in asked.hits(WORDS)] == ["1", "2"]


def test_the_next_page_is_asked_for_as_the_last_one_said() -> None:
    asked = scripted(listed(1), listed(2), Page("end"))
    list(asked.hits(WORDS))
    assert asked.asked == [{}, {"after": "1"}, {"after": "2"}]


def test_a_fault_in_the_middle_is_asked_again_after_growing_pauses() -> None:
    time = FakeTime()
    bad = Page("unreachable", reason="status 503", note="x", fleeting=True)
    asked = scripted(listed(1), bad, bad, listed(2), Page("end"), time=time, backoff=2)
    assert [hit.title for hit in asked.hits(WORDS)] == ["1", "2"]
    waits = [wait for wait in time.slept if wait <= 4]
    assert 1 <= waits[0] <= 2 <= waits[1] <= 4


def test_questions_to_a_source_are_a_pause_apart() -> None:
    time = FakeTime()
    asked = scripted(listed(1), listed(2), listed(3), Page("end"), time=time)
    list(asked.hits(WORDS))
    assert len(time.slept) == 3
    assert all(Google.pause <= pause <= 2 * Google.pause for pause in time.slept)


def test_a_source_that_stays_away_is_left_alone_after_some_failures() -> None:
    time = FakeTime()
    asked = scripted(*[Page("unreachable", reason="dns_failed", note="Away.")] * 16, time=time, tries=1)
    for _ in range(8):
        with pytest.raises(SourceError):
            next(asked.hits(WORDS))
    assert len(asked.asked) == 5
    time.now += 601
    with pytest.raises(SourceError):
        next(asked.hits(WORDS))
    assert len(asked.asked) == 6
