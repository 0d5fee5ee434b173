"""How Openverse is asked, and what its results become (sources.md, 3)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crawler.sources.base import Hit, Query
from tests.sources import AGENT, WORDS, outcome, source
from tests.standins_openverse import OpenverseStandIn


@pytest.fixture
def standin() -> Iterator[OpenverseStandIn]:
    with OpenverseStandIn() as started:
        yield started


def hits(standin: OpenverseStandIn, query: Query = WORDS, shape: str = "") -> list[Hit]:
    found, state = outcome(source("openverse", standin, shape), query)
    assert state == "ended"
    return found


def test_a_result_becomes_a_hit_with_licence_and_author(standin: OpenverseStandIn) -> None:
    root = standin.url.rstrip("/")
    assert hits(standin)[0] == Hit(
        title="Lantern Bridge 1",
        image_url=f"{root}/pictures/1.jpg",
        thumb_url=f"{root}/pictures/thumb/1/",
        page_url="https://pages.example.org/photo/1",
        width=1200,
        height=800,
        licence="cc-by-sa-4.0",
        key="00000000-0000-0000-0000-000000000001",
        author="Ann Bee 1",
        licence_url="https://creativecommons.org/licenses/by-sa/4.0/",
    )
    assert [hit.licence for hit in hits(standin)[1:5]] == ["cc0-1.0", "pdm-1.0", "cc-by-nc-nd-3.0", "cc-by-2.0"]


def test_a_question_stays_within_what_is_given_without_a_key(standin: OpenverseStandIn) -> None:
    hits(standin)
    assert [asked.params["page"] for asked in standin.asked] == ["1", "2", "3"]
    for asked in standin.asked:
        assert (asked.params["q"], asked.params["page_size"]) == ("Lantern Bridge", "20")
        assert (asked.params["mature"], asked.params["filter_dead"]) == ("false", "true")
        assert asked.headers["User-Agent"] == AGENT


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        (Query("x", kind="photo"), "category", "photograph"),
        (Query("x", layout="tall"), "aspect_ratio", "tall"),
        (Query("x", size="wallpaper"), "size", "large"),
        (Query("x", size=(300, 300)), "size", "large"),
        (Query("x", size="small"), "size", "small"),
        (Query("x", licence="modify-commercially"), "license", "by,by-sa,cc0,pdm"),
        (Query("x", licence="public"), "license", "cc0,pdm"),
        (Query("x", safe="off"), "mature", "true"),
    ],
)
def test_a_filter_has_its_own_parameter(standin: OpenverseStandIn, query: Query, name: str, value: str) -> None:
    hits(standin, query)
    assert standin.asked[0].params[name] == value


def test_results_that_are_odd_or_empty_cost_only_themselves(standin: OpenverseStandIn) -> None:
    found = hits(standin, shape="one-broken")
    assert len(found) == 18
    bare, odd = found[:2]
    assert (bare.title, bare.author, bare.width, bare.licence_url) == ("", "", None, "")
    assert (bare.licence, bare.thumb_url) == ("pdm-1.0", bare.image_url)
    assert (odd.licence, odd.licence_url, odd.width, odd.key) == ("unknown", "", None, odd.image_url)
