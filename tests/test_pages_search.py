"""The page of an answer on the running site: seen, judged, deleted, without scripts."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.drawn import jpeg
from tests.site import Site
from tests.visitor import Visitor, heading, tree, words


def ended(site: Site, page_url: str) -> None:
    """Wait until the search behind a page has ended."""
    search = page_url.rstrip("/").rsplit("/", 1)[1]
    site.ended(site.get(f"/api/v1/searches/{search}/").json())


def test_an_unknown_search_is_not_found(site: Site) -> None:
    page = site.get(f"/s/{uuid4()}/")
    assert page.status_code == 404
    assert heading(page) == "There is nothing here"


def test_an_answer_is_neither_indexed_nor_stored(site: Site) -> None:
    page = Visitor(site).ask(jpeg(21))
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert "no-store" in page.headers["Cache-Control"] and "private" in page.headers["Cache-Control"]


def test_its_photo_comes_from_this_site(site: Site) -> None:
    visitor = Visitor(site)
    page = visitor.ask(jpeg(22))
    ended(site, page.url)
    (photo,) = tree(visitor.get(page.url.removeprefix(site.url))).xpath("//*[@id='frame']/img/@src")
    assert visitor.get(photo).headers["Content-Type"] == "image/jpeg"


@pytest.mark.shared
def test_a_known_place_is_named_placed_and_shown_with_pictures(site: Site, val: Path) -> None:
    visitor = Visitor(site)
    page = visitor.ask((val.parent.parent / "originals" / "taj-mahal.jpg").read_bytes())
    ended(site, page.url)
    page = visitor.get(page.url.removeprefix(site.url))
    assert heading(page) == "Taj Mahal"
    text = words(page)
    assert "ताज महल" in text and "Agra, India" in text and "27.17" in text
    assert "in 100 answers like this are right" in text
    found = tree(page)
    assert len(found.xpath("//section[contains(@class, 'guesses')]//li")) == 5
    pictures = found.xpath("//ul[@class='rows']/li")
    assert pictures
    assert all(src.startswith("/media/") for src in found.xpath("//ul[@class='rows']//img/@src"))
    assert all("nofollow" in rel for rel in found.xpath("//ul[@class='rows']//a[@target]/@rel"))


def test_only_the_owner_is_asked_whether_it_is_right(site: Site) -> None:
    visitor = Visitor(site)
    page = visitor.ask(jpeg(23))
    ended(site, page.url)
    path = page.url.removeprefix(site.url)
    stranger = words(Visitor(site).get(path))
    assert "Delete now" not in stranger and "I know what it is" not in stranger
    thanked = visitor.send(visitor.get(path), "feedback", {"right": "no", "place": "big-ben"})
    assert "Thank you. You said that it is: Big Ben." in words(thanked)
    deleted = visitor.send(visitor.get(path), "delete/", follow=False)
    assert deleted.status_code == 303


def test_a_place_that_is_not_ours_is_no_feedback(site: Site) -> None:
    visitor = Visitor(site)
    page = visitor.ask(jpeg(24))
    ended(site, page.url)
    refused = visitor.send(
        visitor.get(page.url.removeprefix(site.url)), "feedback", {"right": "no", "place": "atlantis"}
    )
    assert refused.status_code == 400
    assert heading(refused) == "That is not possible"


def test_a_stranger_can_neither_judge_nor_delete(site: Site) -> None:
    page = Visitor(site).ask(jpeg(25))
    path = page.url.removeprefix(site.url)
    stranger = Visitor(site)
    token = {"csrfmiddlewaretoken": tree(stranger.get("/")).xpath("//main//form//input/@value")[0]}
    for door in ("feedback/", "delete/"):
        refused = stranger.session.post(site.url + path + door, data=token, timeout=30)
        assert refused.status_code == 403
        assert "Only who sent the photo" in words(refused)
    assert site.get(path).status_code == 200


def test_deleting_leaves_a_page_that_says_so_and_nothing_else(site: Site) -> None:
    visitor = Visitor(site)
    page = visitor.ask(jpeg(26))
    ended(site, page.url)
    path = page.url.removeprefix(site.url)
    (photo,) = tree(visitor.get(path)).xpath("//*[@id='frame']/img/@src")
    gone = visitor.send(visitor.get(path), "delete/")
    assert gone.status_code == 410
    assert heading(gone) == "This photo was deleted"
    assert site.get(photo).status_code == 410
