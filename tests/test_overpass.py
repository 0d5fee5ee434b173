"""How OpenStreetMap is asked for what is near, and what its answers become, those of its bad days too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.fetch import Fetcher, Limits
from crawler.overpass import Overpass, Thing
from crawler.politeness import Manners
from crawler.sources.base import SourceError
from tests.sources import AGENT, FakeTime
from tests.standins_overpass import OverpassStandIn

HERE = (52.5, 13.4)


@pytest.fixture
def standin() -> Iterator[OverpassStandIn]:
    with OverpassStandIn() as started:
        yield started


def client(standin: OverpassStandIn, shape: str = "", time: FakeTime | None = None, **about: object) -> Overpass:
    fetcher = Fetcher({standin.pair}, limits=Limits(total=5))
    manners = Manners(delays=False, clock=(time or FakeTime()).clock, **about)  # type: ignore[arg-type]
    return Overpass(fetcher, f"{standin.url}{shape}", AGENT, manners=manners)


def state(standin: OverpassStandIn, shape: str) -> str:
    try:
        return "found" if client(standin, shape).near(*HERE) else "nothing"
    except SourceError as error:
        return error.state


def test_nodes_and_middles_of_ways_become_things_of_four_kinds(standin: OverpassStandIn) -> None:
    found = {thing.name: thing for thing in client(standin).near(*HERE)}
    assert {name: thing.kind for name, thing in found.items()} == {
        "Lantern Museum": "attraction", "Lamp Inn": "lodging", "Zum Docht": "food", "Lantern Street": "transport",
        "Tower": "attraction",
    }  # fmt: skip
    assert found["Lamp Inn"] == Thing("Lamp Inn", "lodging", 52.502, 13.4, "way/2")


def test_a_question_says_who_asks_for_what_around_where_and_what_it_may_cost(standin: OverpassStandIn) -> None:
    client(standin).near(*HERE)
    (asked,) = standin.asked
    assert asked.headers["User-Agent"] == AGENT
    question = asked.params["data"]
    assert question.startswith("[out:json][timeout:20][maxsize:67108864];")
    assert question.count('["name"](around:') == question.count(",52.500000,13.400000);out tags center 400;") == 4
    assert '["amenity"~"^(restaurant|cafe|food_court)$"]' in question


def test_what_has_no_name_or_no_position_is_passed_over(standin: OverpassStandIn) -> None:
    assert [thing.name for thing in client(standin, "odd").near(*HERE)] == ["Lantern Museum"]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("none", "nothing"),
        ("rate", "blocked"),
        ("limited", "blocked"),
        ("forbidden", "blocked"),
        ("html", "blocked"),
        ("busy", "unreachable"),
        ("busy-once", "found"),
        ("timed-out", "unreachable"),
        ("timed-out-once", "found"),
        ("broken-off", "unreachable"),
        ("cut", "changed"),
        ("all-odd", "changed"),
        ("other", "changed"),
        ("refused", "changed"),
    ],
)
def test_every_bad_day_has_its_state(standin: OverpassStandIn, shape: str, expected: str) -> None:
    assert state(standin, shape) == expected


def test_a_server_that_is_away_is_unreachable() -> None:
    with OverpassStandIn() as gone:
        pass
    assert state(gone, "") == "unreachable"


def test_a_server_that_refuses_is_left_alone_for_as_long_as_it_says(standin: OverpassStandIn) -> None:
    time = FakeTime()
    asking = client(standin, "limited", time)
    for _ in range(3):
        with pytest.raises(SourceError):
            asking.near(*HERE)
    assert len(standin.asked) == 1
    time.now += 121
    with pytest.raises(SourceError):
        asking.near(*HERE)
    assert len(standin.asked) == 2


def test_requests_of_a_day_are_counted(standin: OverpassStandIn, tmp_path: Path) -> None:
    client(standin, counts=tmp_path).near(*HERE)
    (counted,) = tmp_path.iterdir()
    assert counted.name.startswith("overpass-") and counted.stat().st_size == 1
