"""Pictures of the web are fetched and embedded once, and ranked from memory afterwards. On the running site."""

from __future__ import annotations

import io
from typing import Any

import pytest

from ml.golden import golden_picture
from tests.site import Site, until
from tests.visitor import Visitor, heading, tree


def golden(quality: int) -> bytes:
    """Return a drawn bridge that is taken for the Golden Gate Bridge, as a file of its own."""
    out = io.BytesIO()
    golden_picture().save(out, "JPEG", quality=quality)
    return out.getvalue()


def thumbnails(site: Site) -> int:
    """How many thumbnails Bing's stand-in was asked for."""
    return sum(asked.path == "/th" for asked in site.bing.asked)


@pytest.fixture(scope="module")
def scored(site: Site) -> dict[str, Any]:
    """A search of a known place, all of whose pictures were looked at."""
    first = site.ended(site.post(golden(90)).json())
    assert first["answer"]["kind"] == "place", first["answer"]

    def look() -> dict[str, Any] | None:
        now: dict[str, Any] = site.get(first["url"]).json()
        return now if all(result["score"] is not None for result in now["similar"]["results"]) else None

    return until(look, 90, "the embedding of all pictures")


def test_pictures_of_the_web_get_scores_after_the_answer(scored: dict[str, Any]) -> None:
    results = scored["similar"]["results"]
    assert len([result for result in results if result["kind"] == "web"]) > 10
    for order in ("look", "colour", "style"):
        assert all(-1 <= result["scores"][order] <= 1 for result in results)
    scores = [result["score"] for result in results]
    assert scores == sorted(scores, reverse=True)


def test_the_next_search_for_the_place_has_them_all_without_asking_anybody(site: Site, scored: dict[str, Any]) -> None:
    asked = len(site.bing.asked)
    again = site.ended(site.post(golden(80)).json())
    assert again["similar"]["query"] == scored["similar"]["query"]
    assert all(result["score"] is not None for result in again["similar"]["results"])
    assert {r["id"] for r in again["similar"]["results"]} == {r["id"] for r in scored["similar"]["results"]}
    assert len(site.bing.asked) == asked


def test_each_thumbnail_is_fetched_once_however_often_it_is_looked_at(site: Site, scored: dict[str, Any]) -> None:
    before = thumbnails(site)
    for result in scored["similar"]["results"]:
        assert site.get(result["thumbnail_url"]).status_code == 200
    assert thumbnails(site) == before


def test_more_like_a_picture_of_the_web_is_a_page_of_its_own(site: Site, scored: dict[str, Any]) -> None:
    result = scored["similar"]["results"][0]
    page = site.get(result["more_url"])
    assert page.status_code == 200
    found = tree(page)
    likes = found.xpath("//*[@id='similar']//*[contains(@class, 'tile')]/@data-id")
    likes += found.xpath("//section[@class='same']//*[contains(@class, 'tile')]/@data-id")
    assert likes and result["id"] not in likes


def test_a_picture_of_the_web_can_be_searched_by_like_a_photo(site: Site, scored: dict[str, Any]) -> None:
    visitor = Visitor(site)
    page = visitor.get(scored["similar"]["results"][0]["more_url"])
    answer = visitor.send(page, "search/")
    assert "/s/" in answer.url
    assert heading(answer)


def test_the_page_of_an_answer_has_the_orders_of_its_pictures(site: Site, scored: dict[str, Any]) -> None:
    page = tree(site.get(scored["page_url"] + "?order=style"))
    assert not page.xpath("//*[@id='pictures']/@data-waiting")
    assert page.xpath("//*[@id='similar']//*[@class='tile'] | //section[@class='same']//*[@class='tile']")
