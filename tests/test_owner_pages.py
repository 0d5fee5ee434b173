"""The operator's pages: privacy, contact, reports, robots.txt; all from settings."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from places import starter
from places.models import Picture, Place, Report, WebPicture, WebQuery

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker", "plain_static")]
CONTACT = "/contact/"


@pytest.fixture
def picture(settings: Settings, tmp_path: object) -> Picture:
    settings.MEDIA_ROOT = tmp_path
    starter.load_places()
    place = Place.objects.get(slug="petra")
    return Picture.objects.create(
        place=place, status="approved", image="pictures/a.jpg", title="A gate", page_url="https://files.example.org/a"
    )


@pytest.fixture
def web_picture() -> WebPicture:
    from django.utils import timezone

    query = WebQuery.objects.create(source="bing", text="petra", state="ok", fetched_at=timezone.now())
    return WebPicture.objects.create(
        query=query, position=0, key="1", image_url="https://pictures.example.org/1.jpg",
        page_url="https://pages.example.org/1",
    )  # fmt: skip


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_privacy_page_says_what_the_settings_say(client: Client, settings: Settings) -> None:
    settings.RETENTION_HOURS = 7
    settings.OPERATOR_NAME, settings.CONTACT_EMAIL = "Ada <Example>", "ada@example.org"
    page = text(client, "/privacy/")
    assert "7 hours, or until you press" in page
    assert "Ada &lt;Example&gt;" in page
    assert 'href="mailto:ada@example.org"' in page
    assert "Bing is sent words only" in page


def test_without_a_name_the_privacy_page_says_so(client: Client) -> None:
    assert "has not given a name" in text(client, "/privacy/")


def test_every_page_leads_to_privacy_and_contact(client: Client) -> None:
    page = text(client, "/places/")
    assert 'href="/privacy/"' in page and 'href="/contact/"' in page


def test_a_message_is_kept_for_the_operator(client: Client) -> None:
    told = {"address": "https://pages.example.org/9", "reason": "rights", "words": "Mine.", "email": "me@example.org"}
    answer = client.post(CONTACT, told, follow=True)
    assert answer.redirect_chain == [("/contact/received/", 303)]
    kept = Report.objects.get()
    assert {name: getattr(kept, name) for name in told} == told
    assert kept.state == "open"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"address": "https://a.example/"}, "Please choose a reason."),
        ({"reason": "rights"}, "Please give an address, or write what it is about."),
        ({"reason": "other", "words": "Hello", "email": "no address"}, "This is not an e-mail address."),
        ({"reason": "nonsense", "words": "Hello"}, "Select a valid choice."),
        ({"reason": "other", "words": "x" * 2001}, "at most 2000 characters"),
    ],
)
def test_what_is_missing_is_said_and_what_was_written_stays(client: Client, told: dict[str, str], said: str) -> None:
    answer = client.post(CONTACT, told)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert all(
        value in answer.content.decode() for name, value in told.items() if name in ("words", "email", "address")
    )
    assert not Report.objects.exists()


def test_a_program_that_fills_in_everything_is_thanked_and_forgotten(client: Client) -> None:
    told = {"reason": "other", "words": "Buy this", "website": "https://spam.example/"}
    assert client.post(CONTACT, told).status_code == 303
    assert not Report.objects.exists()


def test_one_network_may_write_so_many_reports_an_hour(client: Client, settings: Settings) -> None:
    settings.REPORT_LIMIT = 2
    told = {"reason": "other", "words": "Hello"}
    statuses = [client.post(CONTACT, told).status_code for _ in range(3)]
    assert statuses[:2] == [303, 303]
    refused = client.post(CONTACT, told)
    assert refused.status_code == statuses[2] == 429
    assert 0 < int(refused["Retry-After"]) <= 3600
    assert Report.objects.count() == 2
    assert "Hello" in refused.content.decode()


def test_forms_of_other_sites_are_refused() -> None:
    careful = Client(enforce_csrf_checks=True)
    assert careful.post(CONTACT, {"reason": "other", "words": "Hello"}).status_code == 403


def test_a_picture_of_the_gallery_can_be_reported(client: Client, picture: Picture) -> None:
    path = f"/report/gallery/{picture.pk}/"
    page = client.get(path)
    assert "A gate" in page.content.decode()
    assert page["X-Robots-Tag"] == "noindex"
    assert client.post(path, {"reason": "person"}).status_code == 303
    assert Report.objects.get().picture == picture


def test_a_picture_of_the_web_can_be_reported_and_its_address_is_kept(client: Client, web_picture: WebPicture) -> None:
    assert client.post(f"/report/web/{web_picture.pk}/", {"reason": "rights"}).status_code == 303
    kept = Report.objects.get()
    assert (kept.web_picture, kept.image_url) == (web_picture, web_picture.image_url)


@pytest.mark.parametrize(
    "shape", ["/media/pictures/{}/thumbnail.jpg", "/media/pictures/{}.jpg?download", "/report/gallery/{}/"]
)
def test_our_own_address_of_a_picture_is_understood(client: Client, picture: Picture, shape: str) -> None:
    address = "https://places.example.org/" + shape.format(picture.pk)
    client.post(CONTACT, {"reason": "rights", "address": address})
    assert Report.objects.get().picture == picture


@pytest.mark.parametrize("path", ["/report/gallery/{}/", "/report/web/{}/", "/report/nothing/{}/"])
def test_what_is_not_there_cannot_be_reported(client: Client, path: str) -> None:
    assert client.get(path.format(uuid.uuid4())).status_code == 404


def test_a_picture_that_is_not_shown_cannot_be_reported(client: Client, picture: Picture) -> None:
    Picture.objects.update(status="candidate")
    assert client.get(f"/report/gallery/{picture.pk}/").status_code == 404


def test_search_engines_are_told_to_leave_answers_alone(client: Client) -> None:
    answer = client.get("/robots.txt")
    assert answer["Content-Type"].startswith("text/plain")
    lines = answer.content.decode().splitlines()
    assert lines[0] == "User-agent: *"
    assert {"Disallow: /s/", "Disallow: /media/photos/", "Disallow: /report/"} <= set(lines)
    assert "Disallow: /" not in lines


@pytest.mark.parametrize("path", ["/privacy/", CONTACT, "/robots.txt"])
def test_these_pages_keep_the_security_headers(client: Client, path: str) -> None:
    answer = client.get(path)
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"


def test_what_people_wrote_is_deleted_after_a_year(client: Client) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from places import reporting

    for days in (364, 366):
        Report.objects.create(reason="other", words=str(days), created_at=timezone.now() - timedelta(days=days))
    reporting.forget_old()
    assert [kept.words for kept in Report.objects.all()] == ["364"]


def test_an_operator_is_told_of_a_wrong_address_at_the_start(settings: Settings) -> None:
    from places import checks

    settings.CONTACT_EMAIL = "nobody"
    assert [message.id for message in checks.contact_is_an_address()] == ["places.E004"]
    settings.CONTACT_EMAIL = ""
    assert checks.contact_is_an_address() == []
    settings.SITE_URL = "https://places.example.org"
    assert [message.id for message in checks.operator_is_named()] == ["places.W002"]
    settings.OPERATOR_NAME, settings.CONTACT_EMAIL = "Ada", "ada@example.org"
    assert checks.operator_is_named() == []
