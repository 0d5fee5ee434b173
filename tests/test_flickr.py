"""How Flickr is asked, and what its photos become (sources.md, 4)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from crawler.fetch import Fetcher
from crawler.politeness import Manners
from crawler.sources.base import Hit, Position, Query
from crawler.sources.flickr import Flickr
from tests.sources import WORDS, outcome, source
from tests.standins_flickr import KEY, FlickrStandIn


@pytest.fixture
def standin() -> Iterator[FlickrStandIn]:
    with FlickrStandIn() as started:
        yield started


def hits(standin: FlickrStandIn, query: Query = WORDS, shape: str = "") -> list[Hit]:
    found, state = outcome(source("flickr", standin, shape), query)
    assert state == "ended"
    return found


def asked(standin: FlickrStandIn, query: Query) -> dict[str, str]:
    hits(standin, query)
    return next(each.params for each in standin.asked if each.params["method"] == "flickr.photos.search")


def test_a_photo_becomes_a_hit_in_its_small_size_with_its_coordinates(standin: FlickrStandIn) -> None:
    root = standin.url.rstrip("/")
    assert hits(standin)[0] == Hit(
        title="Lantern Bridge 1",
        image_url=f"{root}/pictures/1_n.jpg",
        thumb_url=f"{root}/pictures/1_n.jpg",
        page_url="https://www.flickr.com/photos/annbee/5000001",
        width=320,
        height=240,
        licence="cc-by-nc-sa-2.0",
        key="5000001",
        author="Ann Bee 1",
        position=(48.0001, 2.2945),
    )


def test_the_zeros_that_stand_for_no_position_are_none(standin: FlickrStandIn) -> None:
    found = hits(standin)
    assert found[4].position is None
    assert all(hit.position for hit in found[5:9])


def test_words_are_asked_for_safely_and_by_relevance(standin: FlickrStandIn) -> None:
    params = asked(standin, Query("Lantern & Bridge"))
    assert (params["text"], params["api_key"], params["per_page"]) == ("Lantern & Bridge", KEY, "250")
    assert (params["safe_search"], params["content_types"], params["media"]) == ("1", "0", "photos")
    assert {"url_n", "geo", "license"} <= set(params["extras"].split(","))
    assert not {"lat", "min_taken_date", "license"} & set(params)


def test_a_place_is_asked_for_with_a_date_so_that_old_photos_come_too(standin: FlickrStandIn) -> None:
    params = asked(standin, Query(position=Position(48.8584, 2.2945, 50)))
    assert (params["lat"], params["lon"], params["radius"], params["radius_units"]) == (
        "48.858400",
        "2.294500",
        "32",
        "km",
    )
    assert params["min_taken_date"] == "1990-01-01" and "text" not in params


def test_words_and_place_go_together(standin: FlickrStandIn) -> None:
    params = asked(standin, Query("street", Position(48.8, 2.2), since="week"))
    assert (params["text"], params["lat"], params["radius"]) == ("street", "48.800000", "1")
    taken = datetime.strptime(params["min_taken_date"], "%Y-%m-%d").replace(tzinfo=UTC)
    assert timedelta(days=6) < datetime.now(UTC) - taken < timedelta(days=9)


def test_a_licence_is_asked_for_by_every_number_that_it_has_now(standin: FlickrStandIn) -> None:
    params = asked(standin, Query("x", licence="modify-commercially"))
    assert params["license"].split(",") == ["4", "5", "8", "9", "10", "11"]
    assert "licence" not in params


def test_licences_that_were_added_later_are_looked_up_once(standin: FlickrStandIn) -> None:
    flickr = source("flickr", standin, "new-licences")
    for _ in range(2):
        assert [hit.licence for hit in flickr.hits(WORDS)] == ["cc-by-4.0", "cc-by-nc-nd-4.0", "unknown"]
    methods = [each.params["method"] for each in standin.asked]
    assert methods.count("flickr.photos.licenses.getInfo") == 1


@pytest.mark.parametrize(
    ("query", "endings"),
    [
        (Query("x"), ["n", "n"]),
        (Query("x", size="medium"), ["z", "z"]),
        (Query("x", size="large"), ["l", "c"]),
        (Query("x", size=(224, 224)), ["n", "n"]),
        (Query("x", size=(600, 400)), ["z", "z"]),
        (Query("x", size=(5000, 5000)), ["l", "c"]),
    ],
)
def test_another_size_is_taken_where_it_is_asked_for_and_there(
    standin: FlickrStandIn, query: Query, endings: list[str]
) -> None:
    found = hits(standin, query)
    assert [hit.image_url[-5] for hit in (found[2], found[3])] == endings


def test_photos_that_are_odd_cost_only_themselves(standin: FlickrStandIn) -> None:
    found = hits(standin, shape="one-broken")
    assert [hit.key for hit in found] == [str(5_000_000 + n) for n in (3, 4, 5, 7, 8, 9, 10)]
    assert (found[0].title, found[0].position, found[0].author, found[0].licence) == ("wrapped", None, "", "unknown")
    assert (found[1].image_url[-5], found[1].width) == ("z", None)
    assert found[2].position is None


def test_the_key_is_in_no_log(standin: FlickrStandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hits(standin)
    flickr = Flickr(Fetcher({standin.pair}), standin.url, "a-wrong-key", manners=Manners(delays=False))
    assert outcome(flickr)[1] == "misconfigured"
    assert "flickr" in caplog.text
    assert KEY not in caplog.text and "a-wrong-key" not in caplog.text
