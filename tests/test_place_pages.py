"""Places: their index with its map, their pages, and a photo laid beside one of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from geosite import tiles
from places.models import Alias, Attraction, Place
from places.models.place import bearing
from tests.answers import answered, owner_of, picture, place, text, tree_of
from tests.drawn import jpeg
from tests.site import Site
from tests.visitor import Visitor, tree, words


@pytest.fixture
def tower(db: None, plain_static: None) -> Place:
    made = place("tower", name="Tall Tower", local_name="Hoher Turm", local_language="de")
    for name in ("The Needle", "hoher turm"):
        Alias.objects.create(place=made, name=name, language="en")
    return made


def cards(page: Any) -> list[str]:
    return [str(href) for href in page.xpath("//ul[@class='cards']//a/@href")]


# The index


def test_every_place_is_a_point_and_the_list_is_what_one_steps_through(tower: Place) -> None:
    place("gate", latitude=-33.9, longitude=151.2, continent="Oceania", country="AU")
    page = tree_of("/places/")
    points = page.xpath("//*[@class='world']//circle")
    assert {(point.get("cx"), point.get("cy")) for point in points} == {("773.6", "126.0"), ("1324.8", "471.6")}
    assert page.xpath("//*[@class='world']/@aria-hidden") == ["true"]
    assert set(page.xpath("//*[@class='world']//a/@tabindex")) == {"-1"}
    assert cards(page) == ["/places/tower/", "/places/gate/"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"in": "Europe"}, ["/places/gate/", "/places/tower/"]),
        ({"in": "DE"}, ["/places/tower/"]),
        ({"in": "FR", "q": "gat"}, ["/places/gate/"]),
        ({"in": "DE", "q": "gat"}, []),
        ({"in": "Atlantis"}, []),
        ({"in": "\x00"}, ["/places/arch/", "/places/gate/", "/places/tower/"]),
    ],
)
def test_places_are_filtered_by_region_and_words(tower: Place, asked: dict[str, str], found: list[str]) -> None:
    place("gate", country="FR")
    place("arch", continent="Asia", country="KR")
    answer = Client().get("/places/", asked)
    page = tree_of(answer.request["PATH_INFO"] + "?" + answer.request["QUERY_STRING"])
    assert sorted(cards(page)) == found
    assert len(page.xpath("//*[@class='world']//circle")) == len(found)
    if not found:
        assert "Show all places" in text(page)


def test_the_regions_are_those_that_have_places(tower: Place) -> None:
    place("gate", country="FR")
    page = tree_of("/places/?in=FR")
    assert [" ".join(option.split()) for option in page.xpath("//select[@name='in']//option/text()")] == [
        "all the world", "Europe", "France", "Germany",
    ]  # fmt: skip
    assert page.xpath("//select[@name='in']//option[@selected]/@value") == ["FR"]


def queries(path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert Client().get(path).status_code == 200
    return len(captured)


def test_a_thousand_places_take_no_more_queries_than_one(tower: Place) -> None:
    few = queries("/places/")
    europe = {"country": "FR", "continent": "Europe", "query": "p"}
    Place.objects.bulk_create(
        Place(slug=f"p{n}", name=f"P {n}", latitude=n / 20, longitude=n / 10, **europe) for n in range(1000)
    )
    assert queries("/places/") == few <= 8
    assert len(cards(tree_of("/places/"))) == 1001


# One place


def test_a_place_says_what_else_it_is_called(tower: Place) -> None:
    page = tree_of("/places/tower/")
    assert text(page, "//*[contains(@class, 'names')]") == "Also called: The Needle"
    assert page.xpath("string(//bdi[@lang='de'])") == "Hoher Turm"


def test_what_is_near_has_distance_direction_and_a_link(tower: Place) -> None:
    place("gate", name="Old Gate", latitude=52.5, longitude=13.43)
    Attraction.objects.create(place=tower, name="Bakery", kind="food", latitude=52.503, longitude=13.4)
    page = tree_of("/places/tower/")
    rows = [" ".join(row.text_content().split()) for row in page.xpath("//section[@class='nearby']//li")]
    assert rows == ["Bakery food 330 m north", "Old Gate 2.0 km east"]
    links = page.xpath("//section[@class='nearby']//a/@href")
    assert links[0].startswith("https://www.openstreetmap.org/?mlat=52.5030&mlon=13.4000")
    assert links[1] == "/places/gate/"


@pytest.mark.parametrize(
    ("there", "degrees"), [((1, 0), 0), ((0, 1), 90), ((-1, 0), 180), ((0, -1), 270), ((51.5, -0.1), 359.9)]
)
def test_a_bearing_is_counted_from_north_clockwise(there: tuple[float, float], degrees: float) -> None:
    assert bearing(0.0, 0.0, *there) == pytest.approx(degrees, abs=0.1)


def test_the_gallery_is_shown_in_pages_with_author_licence_and_source(tower: Place) -> None:
    for n in range(30):
        picture(tower, title=f"Picture {n}", author="Ada", licence="CC BY 4.0", page_url="https://www.a.example/p")
    page = tree_of("/places/tower/")
    assert len(page.xpath("//ul[@class='rows']/li")) == 24
    assert text(page, "//ul[@class='rows']//*[@class='facts']") == "a.example · 300 × 200 · Ada · CC BY 4.0"
    (onward,) = page.xpath("//a[@rel='next']/@href")
    second = tree_of(f"/places/tower/{onward.partition('#')[0]}")
    assert len(second.xpath("//ul[@class='rows']/li")) == 6
    assert second.xpath("//a[@rel='prev']") and not second.xpath("//a[@rel='next']")


@pytest.mark.parametrize("page", ["999999999", "-1", "0", "x", ""])
def test_a_page_that_is_not_there_is_the_nearest_that_is(tower: Place, page: str) -> None:
    picture(tower)
    assert len(tree_of(f"/places/tower/?page={page}").xpath("//ul[@class='rows']/li")) == 1


def test_the_gallery_is_searched_by_words_of_titles(tower: Place) -> None:
    for n in range(13):
        picture(tower, title=f"By {'night' if n % 4 == 0 else 'day'} {n}")
    page = tree_of("/places/tower/?q=NIGHT")
    assert len(page.xpath("//ul[@class='rows']/li")) == 4
    assert "No picture has “fog” in its title." in text(tree_of("/places/tower/?q=fog"))
    assert "<b>" in text(tree_of("/places/tower/?q=%3Cb%3E%00"))


def test_only_approved_pictures_are_shown(tower: Place) -> None:
    picture(tower, status="candidate")
    assert not tree_of("/places/tower/").xpath("//*[@id='gallery']")


# A photo beside a place


def test_a_guess_is_shown_beside_the_photo_its_most_alike_pictures_first(tower: Place) -> None:
    gate = place("gate", name="Old Gate")
    far, near = picture(gate, 0.9), picture(gate, 0.1)
    search = answered(tower)
    (link,) = [href for href in tree_of(f"/s/{search.pk}/").xpath("//a[@data-compare]/@href") if "gate" in href]
    page = tree_of(link)
    assert page.xpath("//*[@class='beside']//img/@src") == [
        f"/media/photos/{search.pk}.jpg", f"/media/pictures/{near.pk}/thumbnail.jpg",
        f"/media/pictures/{far.pk}/thumbnail.jpg",
    ]  # fmt: skip
    assert "Guess 2 of 5: 4 %." in text(page)


def test_a_guess_without_pictures_is_compared_all_the_same(tower: Place) -> None:
    page = tree_of(f"/s/{answered(tower).pk}/compare/tower/")
    assert "The answer is this place." in text(page) and "The gallery has no picture of it yet." in text(page)


@pytest.mark.parametrize(
    ("slug", "said"),
    [
        ("tower", "The answer is this place."),
        ("gate", "Guess 2 of 5: 4 %."),
        ("arch", "It is not among the five best guesses."),
        ("moon", "The model has not learnt this place yet"),
    ],
)
def test_a_photo_that_comes_from_a_places_page_is_compared_with_it_first(tower: Place, slug: str, said: str) -> None:
    for name in ("gate", "arch", "moon"):
        place(name)
    search = answered(tower)
    assert search.model_version
    search.model_version.labels = ["tower", "gate", "arch"]
    search.model_version.save()
    page = tree_of(f"/s/{search.pk}/?place={slug}")
    first = text(page, "//*[@id='more']/section[not(@class='after')][1]")
    assert first.startswith("You came from:") and said in first


@pytest.mark.parametrize("slug", ["atlantis", "%00", "../x", "t" * 5000, ""])
def test_where_a_photo_cannot_come_from_is_left_out(tower: Place, slug: str) -> None:
    page = tree_of(f"/s/{answered(tower).pk}/?place={slug}")
    assert "You came from" not in text(page)


def test_the_form_on_a_places_page_leads_to_that_comparison(site: Site) -> None:
    visitor = Visitor(site)
    page = visitor.send(visitor.get("/places/eiffel-tower/"), "ask", photo=jpeg(61))
    assert page.url.endswith("?place=eiffel-tower")
    site.ended(site.get(f"/api/v1/searches/{page.url.split('/')[-2]}/").json())
    page = visitor.get(page.url.removeprefix(site.url))
    assert "You came from: Eiffel Tower" in words(page)
    assert tree(page).xpath("//form[contains(@action, 'delete')]"), "its owner is not known there"


# The photo's own position


@pytest.mark.parametrize(
    ("position", "said"),
    [
        ((52.51, 13.41), "Your photo’s own position agrees: it was taken 1.3 km from here."),
        ((48.1, 2.5), "Your photo itself says that it was taken at 48.1000, 2.5000. That does not agree: it is 914 km"),
        ((48.85, 2.35), "The nearest place we know there: Gate (240 m)."),
    ],
)
def test_the_photos_own_position_is_compared_with_the_answer(
    tower: Place, position: tuple[float, float], said: str
) -> None:
    place("gate", latitude=48.8522, longitude=2.35)
    search = answered(tower, gps_latitude=position[0], gps_longitude=position[1])
    assert said in text(tree_of(f"/s/{search.pk}/", owner_of(search)))
    assert "taken" not in text(tree_of(f"/s/{search.pk}/"))


def test_of_an_unknown_place_the_photos_own_position_names_what_is_there(tower: Place) -> None:
    search = answered(None, gps_latitude=52.501, gps_longitude=13.4)
    own = text(tree_of(f"/s/{search.pk}/", owner_of(search)), "//*[contains(@class, 'own')]")
    assert "The nearest place we know there: Tall Tower (110 m)." in own and "agree" not in own


# The map


def test_without_the_setting_no_map_is_offered_and_nobody_else_may_be_asked(tower: Place) -> None:
    answer = Client().get("/places/tower/")
    assert "img-src 'self' data: blob:;" in answer["Content-Security-Policy"] + ";"
    page = tree_of("/places/tower/")
    assert not page.xpath("//*[@data-map]")
    assert page.xpath("//*[@class='locator']//circle") and page.xpath("//a[starts-with(@href, 'geo:52.5')]")


def test_with_the_setting_a_press_is_offered_and_exactly_that_host_allowed(site: Site) -> None:
    page = site.get("/places/eiffel-tower/")
    policy = {part.split()[0]: part.split()[1:] for part in page.headers["Content-Security-Policy"].split(";")}
    assert policy["img-src"] == ["'self'", "data:", "blob:", f"http://{site.tiles.host}"]
    assert policy["default-src"] == ["'self'"]
    assert f"fetched from {site.tiles.host}." in words(page)
    assert not [path for path in tree(page).xpath("//script/@src | //link/@href") if "leaflet" in path]


def test_the_setting_names_openstreetmap_or_an_address_and_whom_to_credit() -> None:
    assert tiles.read("none") is None
    osm = tiles.read("osm")
    assert osm and osm.origin == "https://tile.openstreetmap.org" and "OpenStreetMap" in osm.credit
    own = tiles.read("https://tiles.example.org:8443/{z}/{x}/{y}.png?key=k © Ada, 2026")
    assert own == tiles.Tiles("https://tiles.example.org:8443/{z}/{x}/{y}.png?key=k", "© Ada, 2026")
    assert own.origin == "https://tiles.example.org:8443"


@pytest.mark.parametrize(
    "setting",
    [
        "OSM!",
        "https://tiles.example.org/",
        "https://{s}.example.org/{z}/{x}/{y}.png",
        "ftp://a/{z}/{x}/{y}",
        "//a/{z}{x}{y}",
    ],
)
def test_a_setting_that_is_neither_is_refused(setting: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="MAP_TILES"):
        tiles.read(setting)
