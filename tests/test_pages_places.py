"""The index of places, and a place's page."""

from __future__ import annotations

from tests.site import Site
from tests.visitor import heading, tree, words


def test_the_index_lists_every_place_under_its_continent(site: Site) -> None:
    page = site.get("/places/")
    found = tree(page)
    count = site.get("/api/v1/places/").json()["count"]
    assert len(found.xpath("//ul[@class='cards']/li")) == count
    assert [section.text for section in found.xpath("//main//h2")] == sorted(found.xpath("//main//h2/text()"))
    assert "59 are recognised now." in words(page)


def test_what_is_not_yet_recognised_is_marked(site: Site) -> None:
    found = tree(site.get("/places/"))
    dim = found.xpath("//a[.//*[@data-dim]]/@href")
    said = found.xpath("//a[contains(., 'not yet recognised')]/@href")
    assert dim == said
    assert "/places/63-building/" in said and "/places/eiffel-tower/" not in said


def test_a_place_is_found_by_any_of_its_names(site: Site) -> None:
    for query in ("에펠", "tour eif", "Eiffel"):
        found = tree(site.get("/places/", params={"q": query}))
        assert found.xpath("//ul[@class='cards']//a/@href") == ["/places/eiffel-tower/"]


def test_a_query_without_an_answer_says_so_and_is_not_markup(site: Site) -> None:
    page = site.get("/places/", params={"q": "<b>nowhere</b>\x00"})
    assert page.status_code == 200
    assert "No place has “<b>nowhere</b>” in one of its names." in words(page)


def test_a_place_has_its_names_position_and_neighbours(site: Site) -> None:
    page = site.get("/places/n-seoul-tower/")
    assert heading(page) == "N Seoul Tower"
    found = tree(page)
    assert found.xpath("string(//bdi[@lang='ko'])") == "N서울타워"
    assert found.xpath("//a[starts-with(@href, 'geo:37.5')]")
    (link,) = found.xpath("//p[@class='position']//a[contains(@href, 'openstreetmap.org')]")
    assert "noreferrer" in link.get("rel")
    distances = found.xpath("//section[@class='nearby']//li/span[2]/text()")
    assert len(distances) >= 4 and all(" m " in text or " km " in text for text in distances)
    assert len(found.xpath("string(//*[@class='description'])")) > 100


def test_an_unknown_place_is_not_found(site: Site) -> None:
    assert site.get("/places/atlantis/").status_code == 404
