"""How every state of a search is drawn, from rows as the workers leave them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from lxml import html

from places.models import ModelVersion, Place, Search, WebPicture, WebQuery

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def uncollected_files(settings: Any) -> None:
    """Name static files plainly: nothing is collected for these tests."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def tower() -> Place:
    return Place.objects.create(
        slug="tower", name="Tall Tower", local_name="Hoher Turm", local_language="de", country="DE",
        latitude=52.5, longitude=13.4, query="Tall Tower",
    )  # fmt: skip


def searched(**values: Any) -> Search:
    """A search as a worker leaves it."""
    version, _ = ModelVersion.objects.get_or_create(kind="places", version="1", name="test", labels=["tower"])
    done = {
        "state": "done", "similar_state": "done", "finished_at": timezone.now(), "model_version": version,
        "predictions": [["tower", 0.6]], "objects_seen": [["tabby", "n02123045", 0.7]],
        "timings": {"decode": 1, "recognise": 2, "total": 3},
    }  # fmt: skip
    return Search.objects.create(**{**done, **values})


def page_of(search: Search) -> Any:
    """The search's page."""
    answer = Client().get(f"/s/{search.pk}/")
    assert answer.status_code == 200
    return html.fromstring(answer.content.decode())


def heading(page: Any) -> str:
    """The page's one heading."""
    (found,) = page.xpath("//main//h1")
    return str(found.text_content()).strip()


@pytest.mark.parametrize(
    ("confidence", "eyebrow"), [(0.97, "This looks like"), (0.9, "This looks like"), (0.6, "It may be")]
)
def test_a_place_is_named_as_surely_as_it_is_known(tower: Place, confidence: float, eyebrow: str) -> None:
    page = page_of(searched(kind="place", place=tower, confidence=confidence))
    assert heading(page) == "Tall Tower"
    assert page.xpath("string(//main//*[@class='eyebrow'])").strip() == eyebrow
    assert page.xpath("string(//bdi[@lang='de'])") == "Hoher Turm"
    assert f"{confidence * 100:.0f} in 100 answers" in page.text_content()


def test_an_unknown_place_is_not_named_in_the_heading(tower: Place) -> None:
    page = page_of(searched(kind="unknown", confidence=0.2))
    assert heading(page) == "We can’t tell where this is"
    assert "Tall Tower" in page.xpath("string(//section[contains(@class, 'guesses')])")


def test_what_is_no_place_is_answered_with_objects(tower: Place) -> None:
    page = page_of(searched(kind="not_a_place", confidence=0.01))
    assert heading(page) == "This does not look like a place"
    assert "tabby" in page.xpath("string(//ol[@class='bars'])")
    assert page.xpath("//section[contains(@class, 'guesses')]/details[not(@open)]")


def test_a_place_that_was_removed_since_is_an_unknown_one() -> None:
    assert heading(page_of(searched(kind="place", place=None, confidence=0.99))) == "We can’t tell where this is"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"state": "queued", "original": ""}, "Received. Getting the picture from its address."),
        ({"state": "queued", "original": "searches/x"}, "Received. Waiting for its turn."),
        ({"state": "running"}, "Looking at it."),
        ({"kind": "unknown", "confidence": 0.1, "similar_state": "running"}, "Finding pictures like it."),
    ],
)
def test_an_open_search_says_its_stage_and_looks_again_without_scripts(values: dict[str, Any], status: str) -> None:
    page = page_of(searched(**{"similar_state": "queued", **values}))
    assert page.xpath("normalize-space(//*[@id='status'])") == status
    assert page.xpath("//head/noscript/meta[@http-equiv='refresh']/@content") == ["3"]


def test_a_waiting_search_says_how_many_are_ahead() -> None:
    searched(state="queued", similar_state="queued", original="searches/x")
    later = searched(state="queued", similar_state="queued", original="searches/y")
    assert page_of(later).xpath("normalize-space(//*[@id='status'])") == "Waiting, 1 ahead of you."


def test_an_open_search_says_how_long_it_usually_takes_and_only_its_owner_may_cancel() -> None:
    searched(timings={"total": 2200})
    waiting = searched(state="queued", similar_state="queued", original="searches/x")
    token = waiting.new_token()
    waiting.save()
    assert "Usually about 2 seconds." in page_of(waiting).text_content()
    assert not page_of(waiting).xpath("//main//form[contains(@action, '/delete/')]")
    owner = Client()
    owner.cookies[f"owner_{waiting.pk}"] = token
    own = html.fromstring(owner.get(f"/s/{waiting.pk}/").content.decode())
    assert own.xpath("string(//main//form[contains(@action, '/delete/')]//button)") == "Cancel"


def test_an_expired_search_is_gone_and_leaves_the_browsers_list() -> None:
    expired = searched(kind="unknown", confidence=0.1, expires_at=timezone.now())
    answer = Client().get(f"/s/{expired.pk}/")
    assert answer.status_code == 410
    page = html.fromstring(answer.content.decode())
    assert heading(page) == "This photo was deleted"
    assert page.xpath("//script/@data-gone") == [str(expired.pk)]


def test_an_ended_search_does_not_look_again() -> None:
    page = page_of(searched(kind="unknown", confidence=0.1))
    assert not page.xpath("//meta[@http-equiv='refresh']")
    assert page.xpath("normalize-space(//*[@id='status'])") == "Recognised by model test 1 in 2 ms."


def test_a_failed_search_gives_its_reason() -> None:
    failed = searched(state="failed", similar_state="failed", error_code="dns_failed", error_message="No such name.")
    page = page_of(failed)
    assert heading(page) == "That did not work"
    assert "No such name." in page.text_content()


def test_strangers_titles_are_text_in_their_own_direction(tower: Place) -> None:
    title = "<script>alert(1)</script> \u202eابج"
    query = WebQuery.objects.create(source="bing", text="tower", state="ok", fetched_at=timezone.now())
    found = WebPicture.objects.create(
        query=query, position=0, key="k", title=title, image_url="https://a.example/1.jpg",
        page_url="https://www.a.example/page", width=1600, height=900,
    )  # fmt: skip
    results = [{"web": str(found.pk), "score": None}]
    page = page_of(searched(kind="place", place=tower, confidence=0.95, similar_results=results, similar_note="Few."))
    assert page.xpath("//ul[@class='rows']//bdi")[0].text_content() == title
    facts = page.xpath("string(//*[@class='facts'])")
    assert "a.example" in facts and "1600 × 900" in facts and "licence unknown" in facts
    assert page.xpath("string(//*[@class='note'])") == "Few."
    assert page.xpath("//ul[@class='rows']//img/@src") == [f"/media/web/{found.pk}/thumbnail.jpg"]


def test_the_photos_own_position_is_for_its_owner_only(tower: Place) -> None:
    search = searched(kind="place", place=tower, confidence=0.95, gps_latitude=48.1234, gps_longitude=2.5)
    token = search.new_token()
    search.save()
    assert "48.1234" not in page_of(search).text_content()
    owner = Client()
    owner.cookies[f"owner_{search.pk}"] = token
    assert "48.1234" in owner.get(f"/s/{search.pk}/").content.decode()


def test_without_a_model_and_places_the_first_page_says_so() -> None:
    ModelVersion.objects.all().delete()
    page: Any = html.fromstring(Client().get("/").content.decode())
    assert "No places yet" in page.text_content()
