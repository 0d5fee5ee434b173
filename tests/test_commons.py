"""How Commons is asked, and what its files become (sources.md, 2)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crawler.sources.base import Hit, Position, Query
from crawler.sources.commons import STEPS
from tests.sources import AGENT, WORDS, outcome, source
from tests.standins_commons import CommonsStandIn


@pytest.fixture
def standin() -> Iterator[CommonsStandIn]:
    with CommonsStandIn() as started:
        yield started


def hits(standin: CommonsStandIn, query: Query = WORDS, shape: str = "") -> list[Hit]:
    found, state = outcome(source("commons", standin, shape), query)
    assert state == "ended"
    return found


def asked(standin: CommonsStandIn, query: Query) -> dict[str, str]:
    hits(standin, query)
    return standin.asked[0].params


def test_a_file_becomes_a_hit_with_licence_author_and_coordinates(standin: CommonsStandIn) -> None:
    root = standin.url.rstrip("/")
    assert hits(standin)[0] == Hit(
        title="Lantern Bridge 1",
        image_url=f"{root}/pictures/thumb/960px-001.jpg?utm_source=x",
        thumb_url=f"{root}/pictures/thumb/960px-001.jpg?utm_source=x",
        page_url="https://files.example.org/wiki/File:001.jpg",
        width=960,
        height=480,
        licence="cc-by-3.0",
        key="636ee4c9019f5e4581baab24d802ea88c528b8e7",
        author="Ann Bee & Co. 1",
        licence_url="https://creativecommons.org/licenses/by/3.0/de/deed.en",
        position=(48.001, -2.5),
    )


def test_the_licence_is_read_wherever_it_stands(standin: CommonsStandIn) -> None:
    assert [hit.licence for hit in hits(standin)[:5]] == ["cc-by-3.0", "cc0-1.0", "pd", "gfdl", "cc-by-sa-4.0"]


def test_a_question_is_what_the_api_documents(standin: CommonsStandIn) -> None:
    params = asked(standin, Query("Lantern & Bridge"))
    assert params["generator"] == "search" and params["gsrnamespace"] == "6" and params["formatversion"] == "2"
    assert params["gsrsearch"] == "filetype:bitmap Lantern & Bridge"
    assert params["prop"] == "imageinfo|coordinates" and params["maxlag"] == "5"
    assert standin.asked[0].headers["User-Agent"] == AGENT


def test_the_whole_of_continue_is_sent_back(standin: CommonsStandIn) -> None:
    hits(standin)
    first, second = standin.asked
    assert first.params["gsroffset"] == "0" and "continue" not in first.params
    assert (second.params["gsroffset"], second.params["continue"]) == ("50", "gsroffset||")


def test_words_of_the_search_language_reach_it(standin: CommonsStandIn) -> None:
    assert asked(standin, Query("haswbstatement:P180=Q243"))["gsrsearch"] == "filetype:bitmap haswbstatement:P180=Q243"


def test_without_words_the_place_of_the_camera_is_asked_for(standin: CommonsStandIn) -> None:
    params = asked(standin, Query(position=Position(48.8584, 2.2945, 0.5)))
    assert (params["generator"], params["ggscoord"], params["ggsradius"]) == ("geosearch", "48.858400|2.294500", "500")
    assert "gsrsearch" not in params


@pytest.mark.parametrize(("radius_km", "metres"), [(0.001, "10"), (50, "10000")])
def test_a_radius_stays_within_what_is_allowed(standin: CommonsStandIn, radius_km: float, metres: str) -> None:
    assert asked(standin, Query(position=Position(1, 2, radius_km)))["ggsradius"] == metres


@pytest.mark.parametrize(
    ("query", "step"),
    [
        (Query("x"), 960),
        (Query("x", size="small"), 330),
        (Query("x", size="wallpaper"), 1920),
        (Query("x", size=(1000, 700)), 1280),
        (Query("x", size=(9000, 9000)), 3840),
    ],
)
def test_thumbnails_are_asked_for_in_widths_that_exist(standin: CommonsStandIn, query: Query, step: int) -> None:
    assert step in STEPS
    assert asked(standin, query)["iiurlwidth"] == str(step)


def test_the_least_size_is_asked_of_the_original(standin: CommonsStandIn) -> None:
    assert asked(standin, Query("x", size=(800, 600)))["gsrsearch"] == "filetype:bitmap filew:>799 fileh:>599 x"


def test_only_licences_that_allow_what_is_wanted_are_kept(standin: CommonsStandIn) -> None:
    kept = {hit.licence for hit in hits(standin, Query("x", licence="modify-commercially"))}
    assert kept == {"cc-by-3.0", "cc0-1.0", "pd", "cc-by-sa-4.0"}
    assert {hit.licence for hit in hits(standin, Query("x", licence="public"))} == {"cc0-1.0", "pd"}


def test_only_the_shape_that_is_wanted_is_kept(standin: CommonsStandIn) -> None:
    assert {(hit.width, hit.height) for hit in hits(standin, Query("x", layout="tall"))} == {(960, 1920)}
    assert len(hits(standin, Query("x", layout="square"))) == 0


def test_files_that_are_missing_or_odd_cost_only_themselves(standin: CommonsStandIn) -> None:
    found = hits(standin, shape="one-broken")
    assert len(found) == 70 - 3 * 2
    odd = next(hit for hit in found if hit.title == "5")
    assert (odd.width, odd.licence, odd.author, odd.position) == (None, "unknown", "", None)
    assert odd.key == odd.image_url


def test_what_is_said_in_a_second_part_does_not_hide_the_first(standin: CommonsStandIn) -> None:
    found = hits(standin, shape="in-two-parts")
    assert [hit.title for hit in found] == [f"Lantern Bridge {n}" for n in (1, 2, 3)]
    assert standin.asked[1].params["cocontinue"] == "1|2"
