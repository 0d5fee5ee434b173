"""Pictures like the one that was sent, on the running site."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.drawn import jpeg
from tests.site import Site, start_site


def not_unknown(site: Site, seed: int) -> dict[str, Any]:
    """Return an ended search of a drawn picture that something is asked of Bing for."""
    for number in range(seed, seed + 30):
        search = site.ended(site.post(jpeg(number)).json())
        if search["answer"]["kind"] != "unknown":
            return search
    pytest.fail("every drawn picture was answered as an unknown place")


def test_pictures_of_bing_come_with_everything_a_page_shows(site: Site) -> None:
    similar = not_unknown(site, 100)["similar"]
    assert similar["state"] == "done"
    assert similar["query"]
    assert len(similar["results"]) > 10
    result = similar["results"][0]
    assert result["source"] == "bing"
    assert result["thumbnail_url"].startswith("/media/web/")
    assert result["page_url"].startswith("http")


def test_thumbnails_and_downloads_come_from_our_own_routes(site: Site) -> None:
    result = not_unknown(site, 130)["similar"]["results"][0]
    for address in (result["thumbnail_url"], result["thumbnail_url"], result["download_url"]):
        answer = site.get(address)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_bing_is_asked_once_for_the_same_words(site: Site) -> None:
    search = not_unknown(site, 160)
    again = not_unknown(site, 160)
    assert again["similar"]["query"] == search["similar"]["query"]
    assert [asked.params.get("q") for asked in site.bing.asked].count(search["similar"]["query"]) == 1
    assert [r["thumbnail_url"] for r in again["similar"]["results"]] == [
        r["thumbnail_url"] for r in search["similar"]["results"]
    ]


def test_without_bing_the_answer_is_complete_and_says_why_in_a_line() -> None:
    with start_site(BING_BASE_URL="http://127.0.0.1:9", FETCH_ALLOW_PRIVATE="127.0.0.1:9") as offline:
        first = not_unknown(offline, 200)
        assert first["state"] == first["similar"]["state"] == "done"
        assert first["similar"]["results"] == []
        assert "gallery has no pictures" in first["similar"]["note"]
        assert "Bing cannot be reached" in first["similar"]["note"]
        assert len(first["predictions"]) == 5


def test_an_unreachable_bing_is_remembered_and_not_waited_for_again() -> None:
    with start_site() as other:
        other.bing.shape = "slow"
        other.bing.__exit__()
        not_unknown(other, 400)
        began = time.monotonic()
        again = not_unknown(other, 440)
        assert "Bing cannot be reached" in again["similar"]["note"]
        assert time.monotonic() - began < 5


def test_a_bing_that_changed_is_said_so_and_its_page_kept() -> None:
    with start_site() as other:
        other.bing.shape = "changed"
        search = not_unknown(other, 300)
        assert search["state"] == search["similar"]["state"] == "done"
        assert "could not be read" in search["similar"]["note"]
        assert list((other.var_dir / "log" / "pages").glob("bing-*.html.gz"))
