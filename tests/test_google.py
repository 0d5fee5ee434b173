"""How Google's script-free page is asked, and what its cells become (sources.md, 5)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crawler.sources.base import Hit, Query
from tests.sources import WORDS, outcome, source
from tests.standins_google import GoogleStandIn


@pytest.fixture
def standin() -> Iterator[GoogleStandIn]:
    with GoogleStandIn() as started:
        yield started


def hits(standin: GoogleStandIn, query: Query = WORDS, shape: str = "") -> list[Hit]:
    found, state = outcome(source("google", standin, shape), query)
    assert state == "ended"
    return found


def test_a_cell_whose_link_says_all_becomes_a_hit(standin: GoogleStandIn) -> None:
    root = standin.url.rstrip("/")
    assert hits(standin)[0] == Hit(
        title="Lantern Bridge 1",
        image_url=f"{root}/pictures/1.jpg",
        thumb_url=f"{root}/pictures/images?q=tbn:1&s",
        page_url="https://pages.example.org/1?a=1&b=2",
        width=1201,
        height=800,
        licence="unknown",
        key="T1:",
    )


def test_a_cell_that_only_leads_to_its_page_gives_the_thumbnail(standin: GoogleStandIn) -> None:
    hit = hits(standin, shape="thumbs")[0]
    assert hit.image_url == hit.thumb_url == hit.key == f"{standin.url}pictures/images?q=tbn:1&s"
    assert (hit.page_url, hit.width, hit.height) == ("https://pages.example.org/1?a=1&b=2", 120, 90)


def test_cells_that_are_broken_cost_only_themselves(standin: GoogleStandIn) -> None:
    found = hits(standin, shape="one-broken")
    assert [hit.title[-2:].strip() for hit in found] == ["3", "4", "5", "6", "7", "8", "9", "10"]
    assert found[0].width is None


def test_pages_are_twenty_results_apart(standin: GoogleStandIn) -> None:
    hits(standin)
    assert [asked.params["start"] for asked in standin.asked] == ["0", "20", "40", "60"]


def test_a_question_asks_for_the_page_without_scripts(standin: GoogleStandIn) -> None:
    hits(standin, Query("Lantern & Bridge", size="large", kind="photo", licence="any-cc", market="de-AT"), "thumbs")
    params = standin.asked[0].params
    assert (params["q"], params["tbm"], params["gbv"], params["safe"]) == ("Lantern & Bridge", "isch", "1", "active")
    assert (params["tbs"], params["hl"], params["gl"]) == ("isz:l,itp:photo,il:cl", "de", "at")
    assert "search-by-image" in standin.asked[0].headers["User-Agent"]


def test_googles_licence_filter_is_only_a_hint(standin: GoogleStandIn) -> None:
    hit = hits(standin, Query("x", licence="any-cc"), "thumbs")[0]
    assert (hit.licence, hit.licence_hint) == ("unknown", "google:cl")
