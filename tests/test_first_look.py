"""The first look: openly licensed pictures of known places, fetched once, and what one does with them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from lxml import html
from pytest_django.fixtures import Settings

from crawler.politeness import Manners
from ml.golden import golden_picture
from places import first_look
from places.models import FirstPictures, ModelVersion, Picture, Place
from tests.drawn import jpeg
from tests.site import Site, start_site, until
from tests.standins_commons import CommonsStandIn
from tests.standins_json import Answer, as_json
from tests.visitor import heading, tree

PLACE = "golden-gate-bridge"  # which the model takes the golden picture for
HURRIED = Manners(delays=False)
NOWHERE = "http://127.0.0.1:9"


class OneBridge(CommonsStandIn):
    """Commons with pictures of one place only: numbers 2 and 4 show it, the others something else."""

    def answer(self, path: str, params: dict[str, str]) -> Answer:
        if path.startswith("/pictures/"):
            number = int(path.rpartition("-")[2].removesuffix(".jpg"))
            return Answer(bridge(number) if number in (2, 4) else jpeg(number, (640, 480)), "image/jpeg")
        if "gsrsearch" in params and "Golden Gate" not in params["gsrsearch"]:
            return as_json({"batchcomplete": True})
        return super().answer(path, params)


def bridge(number: int) -> bytes:
    """The golden picture in a size of its own."""
    out = io.BytesIO()
    golden_picture().resize((600 + number, 450)).save(out, "JPEG", quality=92)
    return out.getvalue()


@pytest.fixture(scope="module")
def commons() -> Iterator[OneBridge]:
    with OneBridge() as standin:
        yield standin


@pytest.fixture(scope="module")
def fresh(commons: OneBridge) -> Iterator[Site]:
    """A site that was just started for the first time, with a network, once its first pictures are there."""
    with start_site(COMMONS_BASE_URL=commons.url, FETCH_ALLOW_PRIVATE=commons.pair, STARTER_PICTURES="2") as started:
        until(lambda: len(pictures(started)) == 2, 120, "the first pictures' arrival")
        yield started


def pictures(site: Site) -> list[str]:
    """The gallery's pictures on the place's page."""
    page = tree(site.get(f"/places/{PLACE}/"))
    return [str(src) for src in page.xpath("//main//img/@src") if "/media/pictures/" in src]


def test_pictures_arrive_and_only_those_that_show_their_place(fresh: Site, commons: OneBridge) -> None:
    assert [fresh.get(path).status_code for path in pictures(fresh)] == [200, 200]
    asked = [each.path for each in commons.asked if each.path.startswith("/pictures/")]
    assert len(asked) == len(set(asked)) >= 4, "what was fetched, and how often"
    elsewhere = tree(fresh.get("/places/eiffel-tower/")).xpath("//main//img[contains(@src, '/media/pictures/')]")
    assert elsewhere == []


def test_each_shows_its_author_and_licence_and_leads_to_its_page(fresh: Site) -> None:
    (tile,) = tree(fresh.get("/")).xpath("//section[@class='try-one']//li")
    credit = " ".join(tile.xpath(".//p[@class='credit']")[0].text_content().split())
    assert credit in ("Ann Bee & Co. 2 cc0", "Ann Bee & Co. 4 gfdl")
    (link,) = tile.xpath(".//p[@class='credit']/a/@href")
    assert link.startswith("https://files.example.org/wiki/File:00")
    page = fresh.get(f"/places/{PLACE}/").text
    assert "Ann Bee &amp; Co. 2" in page and "Ann Bee &amp; Co. 4" in page


def test_one_press_searches_with_it_without_scripts(fresh: Site) -> None:
    session = requests.Session()
    page = session.get(fresh.url, timeout=30)
    (form,) = tree(page).xpath("//section[@class='try-one']//form")
    (target,) = form.xpath(".//button/@formaction")
    (token,) = form.xpath(".//input[@name='csrfmiddlewaretoken']/@value")
    answer = session.post(fresh.url + target, data={"csrfmiddlewaretoken": token}, timeout=30)
    assert "/s/" in answer.url
    assert heading(until(lambda: done(session, answer.url), 30, "the answer")) == "Golden Gate Bridge"


def done(session: requests.Session, url: str) -> requests.Response | None:
    page = session.get(url, timeout=30)
    return page if 'http-equiv="refresh"' not in page.text else None


def test_the_source_is_told_who_asks(fresh: Site, commons: OneBridge) -> None:
    agents = {each.headers["User-Agent"] for each in commons.asked}
    assert all(agent.startswith("search-by-image/1.0 (") for agent in agents)
    assert [each for each in commons.asked if each.path == "/robots.txt"]


@pytest.fixture
def bridge_only(settings: Settings, tmp_path: Path, clean_broker: None, plain_static: None, db: None) -> Place:
    """A database that knows one of the places, and a model that serves."""
    settings.MEDIA_ROOT = tmp_path
    settings.STARTER_PICTURES = 2
    settings.COMMONS_BASE_URL, settings.FETCH_ALLOW_PRIVATE = NOWHERE, frozenset({"127.0.0.1:9"})
    ModelVersion.objects.create(kind="places", version="1", name="test", labels=[PLACE], serving=True)
    place = Place.objects.create(
        slug=PLACE, name="Golden Gate Bridge", country="US", latitude=37.8, longitude=-122.5, query="Golden Gate Bridge"
    )
    first_look.begin()
    return place


def pause() -> timedelta:
    return FirstPictures.objects.get().next_at - timezone.now()


def test_without_a_network_it_is_tried_again_ever_more_seldom(bridge_only: Place) -> None:
    pauses = []
    for _ in range(3):
        first_look.fetch(HURRIED)
        pauses.append(pause())
        assert not FirstPictures.objects.get().done
        FirstPictures.objects.update(next_at=timezone.now())
    assert timedelta(minutes=9) < pauses[0] < timedelta(minutes=11)
    assert pauses[0] * 1.9 < pauses[1] < pauses[2] / 1.9
    FirstPictures.objects.update(tries=60)
    first_look.fetch(HURRIED)
    assert pause() <= timedelta(days=1)


def test_without_a_network_the_first_page_just_has_no_such_row(bridge_only: Place, client: Client) -> None:
    first_look.fetch(HURRIED)
    page = client.get("/")
    assert page.status_code == 200
    assert "try-one" not in page.content.decode()
    assert "Golden Gate Bridge" in page.content.decode()


def test_a_new_start_ends_the_pause(bridge_only: Place) -> None:
    first_look.fetch(HURRIED)
    assert FirstPictures.due() is None
    first_look.begin()
    assert FirstPictures.due() is not None


def test_what_is_done_is_never_asked_for_again(bridge_only: Place, commons: OneBridge, settings: Settings) -> None:
    settings.COMMONS_BASE_URL, settings.FETCH_ALLOW_PRIVATE = commons.url, frozenset({commons.pair})
    FirstPictures.objects.update(done=True)
    before = len(commons.asked)
    first_look.begin()
    first_look.fetch(HURRIED)
    assert len(commons.asked) == before
    assert FirstPictures.objects.get().done


def test_a_gallery_that_has_pictures_gets_none(bridge_only: Place, commons: OneBridge, settings: Settings) -> None:
    settings.COMMONS_BASE_URL, settings.FETCH_ALLOW_PRIVATE = commons.url, frozenset({commons.pair})
    for number in range(2):
        Picture.objects.create(place=bridge_only, status="approved", content_hash=str(number))
    before = len(commons.asked)
    first_look.fetch(HURRIED)
    assert len(commons.asked) == before
    assert FirstPictures.objects.get().done


def test_pictures_that_were_taken_down_do_not_come_back(
    bridge_only: Place, commons: OneBridge, settings: Settings
) -> None:
    settings.COMMONS_BASE_URL, settings.FETCH_ALLOW_PRIVATE = commons.url, frozenset({commons.pair})
    for number in range(1, first_look.LOOKED_AT + 1):
        page = f"https://files.example.org/wiki/File:{number:03d}.jpg"
        Picture.objects.create(place=bridge_only, status="rejected", content_hash=str(number), page_url=page)
    commons.asked.clear()
    first_look.fetch(HURRIED)
    assert not [each for each in commons.asked if each.path.startswith("/pictures/")]
    assert [each for each in commons.asked if "gsrsearch" in each.params]


def test_it_can_be_switched_off(bridge_only: Place, commons: OneBridge, settings: Settings) -> None:
    settings.COMMONS_BASE_URL, settings.FETCH_ALLOW_PRIVATE = commons.url, frozenset({commons.pair})
    settings.STARTER_PICTURES = 0
    FirstPictures.objects.all().delete()
    before = len(commons.asked)
    first_look.begin()
    first_look.fetch(HURRIED)
    assert len(commons.asked) == before and not FirstPictures.objects.exists()


def test_staff_see_a_checklist_instead(bridge_only: Place, client: Client) -> None:
    assert "checklist" not in client.get("/").content.decode()
    client.force_login(User.objects.create_superuser("ada", "ada@example.org", "a long enough passphrase"))
    page: Any = html.fromstring(client.get("/").content)
    items = page.xpath("//section[@class='checklist']//li")
    told = {" ".join(item.text_content().split()): item.get("data-well") for item in items}
    assert told["✓In order: Model: test 1"] == "yes"
    assert told["!To see to: Worker for photos: does not answer"] == "no"
    assert told["✓In order: 1 place is recognised"] == "yes"
    assert told["!To see to: 0 pictures in the gallery"] == "no"
    assert told["✓In order: Wikimedia Commons: first pictures of 0 places of 1"] == "yes"
    assert all(
        client.get(link).status_code == 200 for link in set(page.xpath("//section[@class='checklist']//a/@href"))
    )


def test_the_checklist_says_that_the_source_is_out_of_reach(bridge_only: Place, client: Client) -> None:
    first_look.fetch(HURRIED)
    client.force_login(User.objects.create_superuser("ada", "ada@example.org", "a long enough passphrase"))
    assert "Wikimedia Commons: cannot be reached" in client.get("/").content.decode()


def test_no_photo_is_in_the_box() -> None:
    starter = Path(first_look.__file__).parent / "starter"
    assert {path.suffix for path in starter.iterdir() if path.is_file()} == {".py", ".json"}
    slugs = {place["slug"] for place in json.loads((starter / "places.json").read_text())}
    assert len(set(first_look.PLACES)) == 12 and set(first_look.PLACES) <= slugs
