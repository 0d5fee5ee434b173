"""English and Korean: what a reader gets, and that the catalogue lacks nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils.translation import override
from pytest_django.fixtures import Settings

from ml.header import PictureError
from places import starter, wording
from places.countries import cities
from places.models import Place, Search
from tests.catalogue import LOCALE, catalogue, compiled, template, translations

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+(?::[^}]*)?\}|%%")
# Particles that depend on the sound before them, which a variable does not tell.
PARTICLE = re.compile(
    r"(?:%\(\w+\)[sd]|\{\w+\})(?:은|는|이|가|을|를|과|와|으로|로|아|야|이나|나|이라|라)(?=[\s.,!?:;)”’]|$)"
)
CATALOGUES = sorted(LOCALE.glob("*/LC_MESSAGES/django.po"))
KOREAN = {"Accept-Language": "ko-KR,ko;q=0.9,en;q=0.5"}

pages = pytest.mark.usefixtures("db", "clean_broker", "plain_static")


def test_there_is_a_korean_catalogue() -> None:
    assert [path.parts[-3] for path in CATALOGUES] == ["ko"]


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_every_sentence_is_translated_and_none_is_left_over(path: object) -> None:
    known = {message.id: message for message in catalogue(path) if message.id}  # type: ignore[arg-type]
    wanted = {message.id for message in template() if message.id}
    assert {"added": sorted(map(str, wanted - set(known))), "gone": sorted(map(str, set(known) - wanted))} == {
        "added": [], "gone": [],
    }, "run `make messages`, then translate what is new"  # fmt: skip
    assert [id_ for id_, message in known.items() if not translations(message) or message.fuzzy] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_placeholders_are_the_same_and_carry_no_particle(path: object) -> None:
    for message in catalogue(path):  # type: ignore[arg-type]
        if not message.id:
            continue
        asked = message.id if isinstance(message.id, str) else message.id[-1]
        for told in translations(message):
            assert sorted(PLACEHOLDER.findall(told)) == sorted(PLACEHOLDER.findall(asked)), asked
            assert not PARTICLE.search(told), told


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_tags_and_links_within_a_sentence_are_the_same(path: object) -> None:
    for message in catalogue(path):  # type: ignore[arg-type]
        asked = message.id if isinstance(message.id, str) else message.id[-1]
        for told in translations(message) if asked else ():
            assert sorted(re.findall(r"<[^>]+>", told)) == sorted(re.findall(r"<[^>]+>", asked))


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_the_compiled_catalogue_is_made_of_this_one(path: object) -> None:
    assert path.with_suffix(".mo").read_bytes() == compiled(catalogue(path)), "run `make messages`"  # type: ignore[attr-defined,arg-type]


@pages
def test_a_browser_that_asks_for_korean_gets_it(client: Client) -> None:
    page = client.get("/", headers=KOREAN)
    assert '<html lang="ko">' in page.content.decode()
    assert "여기가 어디인가요?" in page.content.decode()
    assert page["Content-Language"] == "ko"
    assert {"Accept-Language", "Cookie"} <= set(re.split(r",\s*", page["Vary"]))


@pages
@pytest.mark.parametrize("asked", ["", "de", "fr-CA,fr;q=0.9", "*", "ko;q=x", "\x00"])
def test_any_other_browser_gets_english(client: Client, asked: str) -> None:
    assert '<html lang="en">' in client.get("/", headers={"Accept-Language": asked}).content.decode()


@pages
def test_an_operator_may_have_korean_as_the_usual_language(client: Client, settings: Settings) -> None:
    settings.LANGUAGE_CODE = "ko"
    assert '<html lang="ko">' in client.get("/").content.decode()


@pages
def test_a_choice_is_remembered_and_leads_back(client: Client) -> None:
    page = client.get("/places/").content.decode()
    assert re.search(
        r'<form class="languages" method="post" action="/language/"><button name="language" value="ko"', page
    )
    careful = Client(enforce_csrf_checks=True)
    answer = careful.post("/language/", {"language": "ko"}, headers={"Referer": "http://testserver/places/?q=a"})
    assert (answer.status_code, answer["Location"]) == (302, "/places/?q=a") or answer["Location"].endswith(
        "/places/?q=a"
    )
    cookie = answer.cookies["django_language"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and int(cookie["max-age"]) > 10**7
    assert '<html lang="ko">' in careful.get("/places/").content.decode()
    assert '<html lang="ko">' in careful.get("/places/", headers={"Accept-Language": "en"}).content.decode()


@pages
@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/", "/\\evil.example", "https:evil.example"])
def test_choosing_a_language_leads_to_no_other_site(client: Client, to: str) -> None:
    answer = client.post("/language/", {"language": "ko", "next": to}, headers={"Referer": to})
    assert answer["Location"] == "/"


@pages
@pytest.mark.parametrize("language", ["", "xx", "ko\x00", "<b>"])
def test_a_language_that_there_is_not_changes_nothing(client: Client, language: str) -> None:
    answer = client.post("/language/", {"language": language})
    assert answer.status_code == 302 and "django_language" not in answer.cookies


@pages
def test_a_link_alone_changes_no_language(client: Client) -> None:
    assert "django_language" not in client.get("/language/?language=ko").cookies


@pages
def test_places_have_their_korean_names(client: Client) -> None:
    starter.load_places()
    korean, english = (client.get("/places/eiffel-tower/", headers=asked).content.decode() for asked in (KOREAN, {}))
    assert "에펠 탑" in korean or "에펠탑" in korean
    assert "프랑스" in korean and "프랑스" not in english and "France" in english
    assert Place.objects.get(slug="eiffel-tower").description_ko in korean
    assert 'lang="fr"' in korean, "the local name says its language"


def test_every_city_of_the_starter_places_has_a_korean_name() -> None:
    entries = json.loads(starter.FILE.read_text(encoding="utf-8"))
    assert {entry["city"] for entry in entries} == set(cities())
    with override("ko"):
        assert Place(city="Seoul").shown_city == "서울" and Place(city="Nowhere").shown_city == "Nowhere"
    assert Place(city="Seoul").shown_city == "Seoul"


@pages
def test_the_scripts_sentences_follow(client: Client) -> None:
    page = client.get("/", headers=KOREAN).content.decode()
    found = re.search(r'<script id="script" type="application/json">(.*?)</script>', page)
    assert found
    texts = json.loads(found[1])["texts"]
    assert texts["looking"] == "사진을 보고 있습니다."
    assert [name for name, text in texts.items() if not re.search("[가-힣]", text)] == []


@pages
@pytest.mark.parametrize(
    ("path", "told", "status", "korean"),
    [
        ("/api/v1/searches/", {"url": "ftp://example.org/a.jpg"}, 400, "http://"),
        ("/api/v1/searches/", {}, 400, "사진"),
        ("/api/v1/nothing/", None, 404, "주소"),
        ("/api/v1/searches/00000000-0000-4000-8000-000000000000/", None, 404, "검색"),
    ],
)
def test_errors_of_the_api_follow_the_header(
    client: Client, path: str, told: dict[str, str] | None, status: int, korean: str
) -> None:
    answers = [
        client.get(path, headers=asked) if told is None else client.post(path, told, headers=asked)
        for asked in (KOREAN, {})
    ]
    messages = [answer.json()["error"]["message"] for answer in answers]
    assert [answer.status_code for answer in answers] == [status, status]
    assert korean in messages[0] and re.search("[가-힣]", messages[0])
    assert not re.search("[가-힣]", messages[1])


@pages
def test_a_refusal_with_numbers_is_told_in_the_language_of_who_reads_it(client: Client) -> None:
    search = Search()
    search.new_token()
    search.save()
    error = PictureError(
        "too_small", "This picture is {width} x {height} pixels.",
        "Please send one of at least {least} pixels on each side.", width=12, height=34, least=32,
    )  # fmt: skip
    with override("ko"):
        search.fail(error)
    assert search.error_message == "This picture is 12 x 34 pixels. Please send one of at least 32 pixels on each side."
    english, korean = (client.get(f"/s/{search.pk}/", headers=asked).content.decode() for asked in ({}, KOREAN))
    assert "This picture is 12 x 34 pixels." in english
    assert "This picture is" not in korean and "12 x 34" in korean and "32" in korean


def test_notes_of_rows_are_told_in_the_readers_language() -> None:
    note = "The gallery has no pictures of this yet. Bing cannot be reached from here, so there are no more pictures."
    assert wording.told(note) == note
    with override("ko"):
        told = wording.told(note)
    assert "Bing" in told and "The gallery" not in told and "cannot" not in told
    assert wording.told("") == ""


@pages
def test_the_admin_speaks_korean_too(admin_client: Client) -> None:
    page = admin_client.get("/admin/", headers=KOREAN).content.decode()
    assert "장소" in page and "신고" in page


@pytest.fixture(autouse=True)
def back_to_english() -> Iterator[None]:
    """A request leaves its language behind in the thread."""
    from django.utils import translation

    yield
    translation.deactivate()
