"""What is near a place, filled in from OpenStreetMap: kept, replaced, attributed; what came of asking is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from crawler.overpass import Thing
from crawler.politeness import Manners
from places import nearby
from places.models import Alias, Attraction, Place
from tests.answers import place, text, tree_of
from tests.standins_overpass import OverpassStandIn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker", "plain_static")]


@pytest.fixture
def standin(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OverpassStandIn]:
    settings.VAR_DIR = settings.REQUESTS_DIR = tmp_path
    with OverpassStandIn() as started:
        settings.OVERPASS_BASE_URL = started.url
        settings.FETCH_ALLOW_PRIVATE = frozenset({started.pair})
        nearby.overpass.cache_clear()
        monkeypatch.setattr(nearby, "USUAL", Manners(delays=False))
        yield started
    nearby.overpass.cache_clear()


@pytest.fixture
def tower() -> Place:
    return place("tower")


def names(of: Place) -> list[str]:
    return [near.name for near in Place.objects.get(pk=of.pk).nearby()]


def state(of: Place) -> str:
    return Place.objects.get(pk=of.pk).nearby_state


def test_what_openstreetmap_knows_stands_beside_what_curators_wrote(standin: OverpassStandIn, tower: Place) -> None:
    Attraction.objects.create(place=tower, name="Bakery", kind="food", latitude=52.5002, longitude=13.4)
    nearby.fill(tower.pk)
    assert names(tower) == ["Bakery", "Zum Docht", "Lantern Museum", "Lamp Inn", "Lantern Street"]
    assert state(tower) == "found"
    page = tree_of("/places/tower/")
    assert "© OpenStreetMap contributors" in text(page, "//section[@class='nearby']")
    assert "https://www.openstreetmap.org/copyright" in page.xpath("//section[@class='nearby']//a/@href")


def test_without_rows_of_openstreetmap_it_is_not_named(tower: Place) -> None:
    Attraction.objects.create(place=tower, name="Bakery", kind="food", latitude=52.5002, longitude=13.4)
    assert "contributors" not in text(tree_of("/places/tower/"), "//section[@class='nearby']")


def test_asking_again_replaces_its_rows_and_no_others(standin: OverpassStandIn, tower: Place) -> None:
    Attraction.objects.create(place=tower, name="Zum Docht", kind="food", latitude=52.5, longitude=13.401)
    old = Attraction.objects.create(place=tower, name="Old", latitude=52.5, longitude=13.4, source=Attraction.OSM)
    nearby.fill(tower.pk)
    nearby.fill(tower.pk)
    assert not Attraction.objects.filter(pk=old.pk).exists()
    assert tower.attractions.get(name="Zum Docht").source == "curated"
    assert tower.attractions.count() == 4


@pytest.mark.parametrize(
    ("shape", "expected"), [("rate", "blocked"), ("busy", "unreachable"), ("cut", "changed"), ("none", "nothing")]
)
def test_what_came_of_it_is_said_and_a_bad_day_takes_nothing_away(
    standin: OverpassStandIn, tower: Place, shape: str, expected: str
) -> None:
    nearby.fill(tower.pk)
    before = names(tower)
    standin.shape = shape
    nearby.fill(tower.pk)
    assert state(tower) == expected
    assert names(tower) == ([] if expected == "nothing" else before)


def test_the_nearest_of_a_kind_are_kept_and_the_place_itself_is_not_near_it(tower: Place) -> None:
    Alias.objects.create(place=tower, name="The Needle")
    cafes = [Thing(f"Café {n}", "food", 52.5 + n / 10_000, 13.4, "") for n in range(20, 0, -1)]
    itself = [Thing("TOWER", "attraction", 52.5, 13.4, ""), Thing("the needle", "attraction", 52.5, 13.4, "")]
    assert nearby.put(tower, [*cafes, *itself, cafes[-1]]) == 4
    assert names(tower) == ["Café 1", "Café 2", "Café 3", "Café 4"]


def test_a_press_in_the_admin_queues_it_and_is_in_the_trail(client: Client, tower: Place) -> None:
    client.force_login(User.objects.create_superuser("ada"))
    pressed = {"action": "fill_nearby", "_selected_action": [tower.pk]}
    page = client.post("/admin/places/place/", pressed, follow=True).content.decode()
    assert "1 place is being asked for." in page
    assert state(tower) == "queued"
    assert "Asked OpenStreetMap" in client.get("/admin/admin/logentry/").content.decode()


def test_places_are_asked_for_one_after_the_other(
    standin: OverpassStandIn, tower: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(nearby, "send", lambda *about: sent.append(about))
    gate = place("gate")
    nearby.fill_each([tower.pk, gate.pk])
    assert (state(tower), state(gate)) == ("found", "")
    assert sent == [("fill_nearby", [gate.pk])]
    nearby.fill_each([0])
    assert len(sent) == 1
