"""Good and bad days of Commons, Openverse, Flickr and Google are told apart (sources.md, 2.5, 3, 4, 5)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.fetch import Fetcher
from crawler.politeness import Manners
from crawler.sources.base import SourceError
from crawler.sources.bing import Bing
from crawler.sources.commons import Commons
from crawler.sources.service import PAGES_KEPT, keep
from tests.sources import STAND_INS, WORDS, FakeTime, first_page, outcome, source
from tests.standins import BingStandIn
from tests.standins_commons import CommonsStandIn
from tests.standins_json import COMMON, StandIn
from tests.traps import TrapServer, near

# What each bad day is, by service; a day that is none ends without a hit and without an error.
ALIKE = {"limited": "blocked", "forbidden": "blocked", "failing": "unreachable", "gone": "changed", "away": "blocked"}
JSON = {"html": "blocked", "empty": "changed", "no-object": "changed", "garbage": "changed", "other": "changed"}
STATES: dict[str, dict[str, str]] = {
    "commons": {
        **ALIKE, **JSON, "none": "none", "no-pages": "none", "maxlag": "blocked", "ratelimited": "blocked",
        "outage": "unreachable", "internal": "unreachable", "badvalue": "changed", "warning": "changed",
        "changed": "changed",
    },
    "openverse": {
        **ALIKE, **JSON, "none": "none", "page-size": "misconfigured", "field-error": "changed",
        "dependency": "unreachable", "cloudflare": "blocked", "changed": "changed",
    },
    "flickr": {
        **ALIKE, **JSON, "none": "none", "bad-key": "misconfigured", "bad-signature": "misconfigured",
        "outage": "unreachable", "our-bug": "changed", "changed": "changed",
    },
    "google": {
        **ALIKE, "html": "blocked", "empty": "blocked", "no-object": "blocked", "other": "blocked",
        "garbage": "changed", "none": "none", "shell": "blocked", "captcha": "blocked", "sorry": "blocked",
        "consent": "blocked", "tiny": "blocked", "changed": "changed", "links-changed": "changed",
    },
}  # fmt: skip
GOOD = {
    "commons": {"ok", "one-broken", "in-two-parts", "failing-once", "outage-once", "broken-off-once"},
    "openverse": {"ok", "one-broken", "failing-once", "ends-with-404", "ends-with-401"},
    "flickr": {"ok", "one-broken", "new-licences", "failing-once", "outage-once"},
    "google": {"ok", "thumbs", "one-broken", "failing-once"},
}
WITHOUT_END = {"endless", "repeating"}
EVERY_DAY = [(name, shape, state) for name, states in STATES.items() for shape, state in states.items()]


@pytest.fixture(scope="module")
def standins() -> Iterator[dict[str, StandIn]]:
    started = {name: make().__enter__() for name, make in STAND_INS.items()}
    yield started
    for standin in started.values():
        standin.__exit__()


@pytest.mark.parametrize(("name", "shape", "state"), EVERY_DAY)
def test_a_bad_day_has_its_own_state(standins: dict[str, StandIn], name: str, shape: str, state: str) -> None:
    page = first_page(source(name, standins[name], shape))
    assert (page.state, page.hits) == (state, [])
    assert page.note.endswith(".") and page.reason


@pytest.mark.parametrize(("name", "shape", "state"), EVERY_DAY)
def test_no_results_is_an_end_and_everything_else_is_an_error(
    standins: dict[str, StandIn], name: str, shape: str, state: str
) -> None:
    assert outcome(source(name, standins[name], shape)) == ([], "ended" if state == "none" else state)


@pytest.mark.parametrize(
    ("name", "shape"), [("commons", "changed"), ("commons", "html"), ("openverse", "other"), ("google", "changed")]
)
def test_what_was_not_understood_comes_with_its_body(standins: dict[str, StandIn], name: str, shape: str) -> None:
    body = first_page(source(name, standins[name], shape)).body
    assert len(body) > 20
    for understood in ("ok", "none", "limited"):
        assert first_page(source(name, standins[name], understood)).body == b""


def test_an_error_says_which_source_and_what_it_is(standins: dict[str, StandIn]) -> None:
    with pytest.raises(SourceError) as raised:
        next(source("flickr", standins["flickr"], "bad-key").hits(WORDS))
    error = raised.value
    assert (error.source, error.state, error.code, error.retry_after) == ("flickr", *["misconfigured"] * 2, None)
    assert error.message == "Searching Flickr is not set up, so there are no more pictures."
    assert error.reason == "code 100"


@pytest.mark.parametrize(
    ("name", "shape"), [(name, shape) for name, shapes in GOOD.items() for shape in sorted(shapes)]
)
def test_a_day_that_only_looks_bad_gives_pictures(standins: dict[str, StandIn], name: str, shape: str) -> None:
    standins[name].times.clear()
    hits, state = outcome(source(name, standins[name], shape))
    assert state == "ended"
    assert len(hits) >= 3


@pytest.mark.parametrize("name", STAND_INS)
def test_every_day_of_a_stand_in_is_tried(name: str) -> None:
    with STAND_INS[name]() as standin:
        assert set(standin.shapes) == {*STATES[name], *GOOD[name], *WITHOUT_END}
        assert set(COMMON) <= set(standin.shapes)


@pytest.mark.parametrize("name", STAND_INS)
def test_a_rate_limit_says_how_long_to_wait(standins: dict[str, StandIn], name: str) -> None:
    assert first_page(source(name, standins[name], "limited")).retry_after == 120
    assert first_page(source(name, standins[name], "forbidden")).retry_after is None


@pytest.mark.parametrize("name", STAND_INS)
def test_what_may_pass_is_asked_three_times_and_what_may_not_once(standins: dict[str, StandIn], name: str) -> None:
    standin = standins[name]
    standin.times.clear()
    for shape in ("failing", "limited", "none", "gone"):
        outcome(source(name, standin, shape))
    assert [standin.times[shape] for shape in ("failing", "limited", "none", "gone")] == [3, 1, 1, 1]


def test_a_lagging_commons_is_waited_for(standins: dict[str, StandIn]) -> None:
    time = FakeTime()
    assert (
        outcome(source("commons", standins["commons"], "maxlag", Manners(delays=False, clock=time.clock)))[1]
        == "blocked"
    )
    assert time.slept == [5, 5]


@pytest.mark.parametrize("name", STAND_INS)
def test_a_blocked_source_is_not_asked_again_before_its_time(standins: dict[str, StandIn], name: str) -> None:
    standin, time = standins[name], FakeTime()
    standin.times.clear()
    asked = source(name, standin, "limited", Manners(delays=False, clock=time.clock))
    assert [outcome(asked)[1] for _ in range(3)] == ["blocked"] * 3
    assert standin.times["limited"] == 1
    time.now += 120
    outcome(asked)
    assert standin.times["limited"] == 2


def test_a_block_without_a_time_is_a_quarter_of_an_hour_and_doubles(standins: dict[str, StandIn]) -> None:
    standin, time = standins["commons"], FakeTime()
    asked = source("commons", standin, "forbidden", Manners(delays=False, clock=time.clock))
    standin.times.clear()
    for seconds, times in ((0, 1), (800, 1), (101, 2), (901, 2), (900, 3)):
        time.now += seconds
        outcome(asked)
        assert standin.times["forbidden"] == times


@pytest.mark.parametrize(("path", "state"), [
    ("silent", "unreachable"),
    ("garbage", "unreachable"),
    ("hangs-up", "unreachable"),
    ("gzip-bomb", "changed"),
    ("coded/br", "changed"),
    ("loop", "blocked"),
    ("redirect/http%3A%2F%2F10.0.0.1%2F", "blocked"),
])  # fmt: skip
def test_hostile_answers_are_states_too(path: str, state: str) -> None:
    with TrapServer() as server:
        asked = Commons(near(server), f"{server.url}/{path}?", manners=Manners(delays=False))
        assert first_page(asked).state == state


@pytest.mark.parametrize("name", STAND_INS)
def test_a_wrong_base_address_is_misconfigured_and_no_words_are_not_sent(
    standins: dict[str, StandIn], name: str
) -> None:
    standin = standins[name]
    standin.asked.clear()
    unallowed = type(source(name, standin))(Fetcher(), standin.url)
    assert outcome(unallowed)[1] == "misconfigured"
    assert outcome(source(name, standin), type(WORDS)(" \x00 ")) == ([], "ended")
    assert standin.asked == []


def test_what_was_not_understood_is_kept_for_whoever_mends_the_parser(tmp_path: Path) -> None:
    with BingStandIn() as bing, CommonsStandIn() as commons:
        hurried = Manners(delays=False)
        kept = tmp_path / "pages"
        for asked in (
            Bing(Fetcher({bing.pair}), f"{bing.url}changed", manners=hurried, kept=kept),
            Commons(Fetcher({commons.pair}), f"{commons.url}changed", manners=hurried, kept=kept),
            Commons(Fetcher({commons.pair}), f"{commons.url}none", manners=hurried, kept=kept),
        ):
            outcome(asked)
    of_bing, of_commons = sorted(kept.iterdir())
    assert of_bing.name.startswith("bing-") and of_bing.name.endswith(".html.gz")
    assert b"newGrid" in gzip.decompress(of_bing.read_bytes())
    assert of_commons.name.startswith("commons-") and b"imageinfo" in gzip.decompress(of_commons.read_bytes())


def test_only_the_newest_few_are_kept_of_each_source(tmp_path: Path) -> None:
    keep(tmp_path, "commons", b"another's")
    for number in range(PAGES_KEPT + 3):
        keep(tmp_path, "bing", b"page %d" % number)
    kept = [gzip.decompress(path.read_bytes()) for path in sorted(tmp_path.glob("bing-*"))]
    assert kept == [b"page %d" % number for number in range(3, PAGES_KEPT + 3)]
    assert len(list(tmp_path.glob("commons-*"))) == 1


def test_a_folder_that_cannot_be_written_spoils_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keep(tmp_path / "file", "bing", b"page")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
