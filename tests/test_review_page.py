"""The review's page: as a plain form, and as the script asks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from lxml import html
from pytest_django.fixtures import Settings

from places import reviewing
from places.admin import review
from places.models import Decision, ModelVersion, Picture, Place
from tests.curators import at_the_admin, somebody
from tests.reviewed import said, seen, version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker", "plain_static")]
SCRIPT = {"accept": "application/json"}


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def model() -> ModelVersion:
    return version()


@pytest.fixture
def bo(db: None) -> User:
    return somebody("bo")


@pytest.fixture
def curator(bo: User) -> Client:
    return at_the_admin(bo)


def candidates(model: ModelVersion, count: int, start: int = 0) -> list[Picture]:
    return [seen(number, "petra", model, said(0.95, 0.03, 0.01)) for number in range(start, start + count)]


def value(picture: Picture) -> str:
    return f"{picture.pk}:{picture.status}:{picture.place_id or ''}"


def grid(client: Client, query: str = "") -> Any:
    return html.fromstring(client.get(f"/admin/review/{query}").content.decode())


def test_a_card_shows_label_prediction_how_sure_source_and_licence(model: ModelVersion, curator: Client) -> None:
    seen(1, "louvre", model, said(0.95, 0.03, 0.01), source="commons", licence="CC BY 4.0",
         page_url="https://commons.example/1")  # fmt: skip
    (card,) = grid(curator).xpath("//li[contains(@class, 'card')]")
    text = " ".join(card.text_content().split())
    assert "Louvre The model: Petra sure, 95 %" in text and "commons · CC BY 4.0" in text
    assert card.xpath(".//a/@href") == ["https://commons.example/1"]
    assert card.xpath(".//ol/li/@data-slug") == ["petra", "stonehenge", "louvre"]


def test_every_key_is_printed_on_its_button_and_in_the_help(model: ModelVersion, curator: Client) -> None:
    candidates(model, 1)
    page = grid(curator)
    on_buttons = page.xpath("//div[@id='tools']//button[@data-key]/kbd/text()")
    assert on_buttons == [str(key.shown) for key in review.KEYS]
    assert page.xpath("//dialog[@id='help']//dl/div/dt/kbd[1]/text()")[: len(on_buttons)] == on_buttons
    assert len({key.key for key in review.KEYS}) == len(review.KEYS)


def test_without_scripts_the_form_decides_on_what_is_ticked(model: ModelVersion, curator: Client, bo: User) -> None:
    one, two, three = candidates(model, 3)
    told = {"picture": [value(one), value(two)], "decide": "approved"}
    answer = curator.post("/admin/review/?place=petra", told, follow=True)
    assert answer.redirect_chain == [("/admin/review/?place=petra", 302)]
    assert "2 pictures done." in answer.content.decode()
    assert Picture.objects.filter(status="approved").count() == 2
    assert {decision.by for decision in Decision.objects.all()} == {bo}
    undo = grid(curator).xpath("//div[@id='tools']//button[@name='undo']/@value")
    curator.post("/admin/review/", {"undo": undo})
    assert Picture.objects.filter(status="candidate").count() == 3
    assert three.status == "candidate"


@pytest.mark.parametrize("decide", ["place", "approved"])
def test_a_place_that_is_named_is_what_it_shows(model: ModelVersion, curator: Client, decide: str) -> None:
    (picture,) = candidates(model, 1)
    curator.post("/admin/review/", {"picture": value(picture), "decide": decide, "place": "Louvre"})
    assert Picture.objects.get().place == Place.objects.get(slug="louvre")


def test_the_script_hears_what_was_done_and_what_not(model: ModelVersion, curator: Client) -> None:
    one, two = candidates(model, 2)
    reviewing.decide([two], "rejected", None, somebody("ada"))
    told = {"picture": [value(one), value(two)], "decide": "approved", "slug": "stonehenge"}
    answer = curator.post("/admin/review/", told, headers=SCRIPT).json()
    (done,) = answer["done"]
    assert (done["id"], done["told"]) == (str(one.pk), "approved: Stonehenge")
    assert answer["refused"] == [{"id": str(two.pk), "why": "Already decided by ada: rejected"}]
    back = curator.post("/admin/review/", {"undo": answer["strokes"][0]["batch"]}, headers=SCRIPT).json()
    assert back["done"][0] == {"id": str(one.pk), "value": value(one), "told": "candidate", "decided": False}
    assert back["strokes"] == []


def test_more_than_fifty_at_once_are_asked_about(model: ModelVersion, curator: Client) -> None:
    picture = candidates(model, 1)[0]
    many = [f"{picture.pk}:candidate:"] * 51
    asked = curator.post("/admin/review/", {"picture": many, "decide": "rejected"})
    page: Any = html.fromstring(asked.content.decode())
    assert "51" in page.xpath("string(//h1[last()])")
    assert Picture.objects.get().status == "candidate"
    fields = [(field.get("name"), field.get("value")) for field in page.xpath("//div[@id='content']//input[@name]")]
    sent: dict[str, list[str]] = {}
    for name, content in fields:
        sent.setdefault(name, []).append(content)
    assert len(sent["picture"]) == 51
    curator.post("/admin/review/", sent)
    assert Picture.objects.get().status == "rejected"
    scripted = curator.post("/admin/review/", {"picture": many, "decide": "approved"}, headers=SCRIPT)
    assert (scripted.status_code, "51" in scripted.json()["confirm"]) == (409, True)


@pytest.mark.parametrize(
    "told",
    [
        {"decide": "approved"},
        {"decide": "approved", "picture": "nothing"},
        {"decide": "approved", "picture": "00000000-0000-0000-0000-000000000001:candidate:x"},
        {"decide": "candidate", "picture": "00000000-0000-0000-0000-000000000001:candidate:"},
        {"decide": "place", "picture": "00000000-0000-0000-0000-000000000001:candidate:", "place": "nowhere"},
        {"undo": "00000000-0000-0000-0000-000000000001"},
    ],
)
def test_what_makes_no_sense_is_answered_with_a_sentence(curator: Client, told: dict[str, str]) -> None:
    answer = curator.post("/admin/review/", told, headers=SCRIPT)
    assert answer.status_code == 400 and answer.json()["error"]
    assert curator.post("/admin/review/", told, follow=True).status_code == 200


@pytest.mark.parametrize("query", ["?after=x", "?place=nowhere", "?status=x&source=%00&show=x", "?show=copies&after=1"])
def test_addresses_made_up_by_hand_are_no_crash(curator: Client, query: str) -> None:
    assert curator.get(f"/admin/review/{query}").status_code == 200


def test_only_those_who_may_change_pictures_get_in(client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    client.force_login(viewer)
    assert client.get("/admin/review/").status_code == 403
    assert client.post("/admin/review/", {"decide": "approved"}).status_code == 403
    assert Client().get("/admin/review/").status_code == 302


def test_a_page_takes_as_many_queries_for_sixty_pictures_as_for_two(model: ModelVersion, curator: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            curator.get("/admin/review/")
        return len(captured)

    candidates(model, 2)
    few = queries()
    candidates(model, 28, start=100)
    assert queries() == few < 25


def test_names_are_completed(curator: Client, model: ModelVersion) -> None:
    found = curator.get("/admin/review/places/?q=stone").json()["places"]
    assert found == [{"slug": "stonehenge", "name": "Stonehenge"}]
    assert curator.get("/admin/review/places/?q=%00").json()["places"] == []
