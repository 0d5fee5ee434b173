"""Places in the admin: names with languages, collections, merging, spreadsheets."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import openpyxl
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from places.doors import MOST_FIELDS
from places.models import Alias, Collection, Place
from tests.answers import place

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker", "plain_static")]
FORM = "application/x-www-form-urlencoded"
SHEET = "index,name,country,latitude,longitude\n{},Tower,FR,48.8,2.3\n500,Old Gate,DE,52.5,13.4\n"


@pytest.fixture
def curator(client: Client, settings: Settings, tmp_path: Path) -> Client:
    settings.VAR_DIR = tmp_path
    client.force_login(User.objects.create_superuser("ada"))
    return client


@pytest.fixture
def tower() -> Place:
    return place("tower")


def form_of(of: Place | None, aliases: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    """What the form of a place sends."""
    known = {
        "name": "Tower", "slug": "tower", "name_ko": "", "local_name": "", "local_language": "", "country": "DE",
        "city": "Berlin", "continent": "Europe", "query": "tower", "description": "", "description_ko": "",
        "latitude": "52.5", "longitude": "13.4", "attractions-TOTAL_FORMS": "0", "attractions-INITIAL_FORMS": "0",
        "aliases-TOTAL_FORMS": str(len(aliases or [])), "aliases-INITIAL_FORMS": "0",
    }  # fmt: skip
    rows = {f"aliases-{n}-{name}": value for n, row in enumerate(aliases or []) for name, value in row.items()}
    return {**known, **rows, **({"place": of.pk} if of else {}), **changes}


def sent(client: Client, of: Place, **changes: Any) -> str:
    """Send the form and return the page that comes, empty when it was taken."""
    answer = client.post(f"/admin/places/place/{of.pk}/change/", form_of(of, **changes))
    return "" if answer.status_code == 302 else answer.content.decode()


def test_other_names_get_languages_and_are_found_by(curator: Client, tower: Place) -> None:
    names = [{"name": "남산타워", "language": "ko"}, {"name": "Needle", "language": ""}]
    assert sent(curator, tower, aliases=names) == ""
    assert dict(tower.aliases.values_list("name", "language")) == {"남산타워": "ko", "Needle": ""}
    for words in ("남산", "needle", "tower"):
        assert f"/place/{tower.pk}/change/" in curator.get("/admin/places/place/", {"q": words}).content.decode()
    assert "not a language tag" in sent(curator, tower, aliases=[{"name": "X", "language": "Korean!"}])


def long_form(of: Place, count: int) -> str:
    """What a browser sends of the form of a place with many things near."""
    near: dict[str, Any] = {"attractions-TOTAL_FORMS": str(count), "attractions-INITIAL_FORMS": "0"}
    for n in range(count):
        about = {
            "name": f"Sight {n}",
            "kind": "attraction",
            "latitude": 52.5,
            "longitude": 13.4,
            "source": "OpenStreetMap",
        }
        near |= {f"attractions-{n}-{name}": value for name, value in about.items()}
    return urlencode(form_of(of, **near))


def test_a_place_with_much_near_it_is_saved(curator: Client, tower: Place) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = curator.cookies
    page = f"/admin/places/place/{tower.pk}/change/"
    browser.get(page)
    form = f"csrfmiddlewaretoken={browser.cookies['csrftoken'].value}&{long_form(tower, 30)}"
    assert form.count("&") > 150
    assert browser.post(page, form, content_type=FORM).status_code == 302
    assert tower.attractions.count() == 30
    assert browser.post(page, form + "&x=" * MOST_FIELDS, content_type=FORM).status_code == 400


@pytest.mark.parametrize("path", ["/admin/login/", "/api/v1/searches/", "/contact/"])
def test_a_visitors_form_of_more_than_a_hundred_fields_is_refused(client: Client, path: str) -> None:
    taken, refused = (client.post(path, "x=1" + "&x=1" * more, content_type=FORM) for more in (99, 100))
    assert refused.status_code == 400 and taken.content != refused.content


@pytest.mark.parametrize("label", ["unknown", "not_a_place"])
def test_a_new_place_is_not_called_what_models_say_of_no_place(curator: Client, label: str) -> None:
    page = curator.post("/admin/places/place/add/", form_of(None, slug=label)).content.decode()
    assert f"another slug than: {label}" in page and not Place.objects.exists()


def test_the_slug_never_changes(curator: Client, tower: Place) -> None:
    assert sent(curator, tower, slug="other", name="Big Tower") == ""
    tower.refresh_from_db()
    assert (tower.slug, tower.name) == ("tower", "Big Tower")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("country", "XX", "There is no such country"),
        ("latitude", "95", "less than or equal to 90"),
        ("continent", "Atlantis", "Atlantis"),
    ],
)
def test_wrong_fields_are_told(curator: Client, tower: Place, field: str, value: str, words: str) -> None:
    assert words in sent(curator, tower, **{field: value})


def test_a_country_is_taken_by_its_name_too(curator: Client, tower: Place) -> None:
    assert sent(curator, tower, country="대한민국") == ""
    tower.refresh_from_db()
    assert tower.country == "KR"


def test_a_collection_is_given_its_places_and_keeps_retired_ones(curator: Client, tower: Place) -> None:
    old = place("old", retired_at=timezone.now())
    seoul = Collection.objects.create(slug="seoul", name="Seoul")
    seoul.places.set([old])
    form = {"name": "Seoul", "slug": "seoul", "places": [tower.pk]}
    assert curator.post(f"/admin/places/collection/{seoul.pk}/change/", form).status_code == 302
    assert set(seoul.places.all()) == {tower, old}
    page = curator.get(f"/admin/places/collection/{seoul.pk}/change/").content.decode()
    assert f'<option value="{tower.pk}" selected>' in page and f'value="{old.pk}"' not in page


def test_the_list_shows_current_places_and_retired_ones_when_asked(curator: Client, tower: Place) -> None:
    old = place("old", retired_at=timezone.now())
    for query, shown in (("", {tower}), ("?listed=retired", {old}), ("?listed=all", {tower, old})):
        page = curator.get(f"/admin/places/place/{query}").content.decode()
        assert {int(pk) for pk in re.findall(r"place/(\d+)/change/", page)} == {each.pk for each in shown}


def test_who_chooses_a_place_is_offered_current_ones(curator: Client, tower: Place) -> None:
    place("old-tower", name="Old Tower", retired_at=timezone.now())
    asked = {"app_label": "places", "model_name": "picture", "field_name": "place", "term": "tower"}
    offered = curator.get("/admin/autocomplete/", asked).json()["results"]
    assert [each["text"] for each in offered] == ["Tower"]


def test_nobody_deletes_a_place(curator: Client, tower: Place) -> None:
    assert curator.post(f"/admin/places/place/{tower.pk}/delete/", {"post": "yes"}).status_code == 403
    curator.post("/admin/places/place/", {"action": "delete_selected", "_selected_action": [tower.pk], "post": "yes"})
    assert Place.objects.get() == tower


def test_merging_says_what_it_will_do_and_then_does_it(curator: Client, tower: Place) -> None:
    spire = place("spire", name="The Spire")
    page = f"/admin/places/place/{spire.pk}/merge/"
    assert f'<option value="{tower.pk}">' in curator.get(page).content.decode()
    said = curator.get(page, {"into": tower.pk}).content.decode()
    assert "Other names that it gets: The Spire" in " ".join(said.split())
    assert Place.objects.current().count() == 2
    assert curator.post(page, {"into": tower.pk}).headers["Location"] == f"/admin/places/place/{tower.pk}/change/"
    assert list(Place.objects.current()) == [tower]
    assert "Merged into:" in curator.get(f"/admin/places/place/{spire.pk}/change/").content.decode()
    assert "is retired" in curator.post(page, {"into": tower.pk}).content.decode()
    assert curator.post(f"/admin/places/place/{spire.pk}/back/").status_code == 302
    assert Place.objects.current().count() == 2


# Spreadsheets


def upload(client: Client, text: str, name: str = "places.csv") -> str:
    file = SimpleUploadedFile(name, text.encode())
    return client.post("/admin/places/place/import/", {"file": file}).content.decode()


def token(page: str) -> str:
    found = re.search(r'name="agreed" value="([^"]+)"', page)
    assert found
    return found[1]


def test_an_import_is_shown_first_and_written_when_somebody_agrees(curator: Client, tower: Place) -> None:
    page = upload(curator, SHEET.format(tower.index))
    assert "<del>DE</del> → <ins>FR</ins>" in page and "Old Gate" in page
    tower.refresh_from_db()
    assert (tower.country, Place.objects.count()) == ("DE", 1)
    agreed = token(page)
    answer = curator.post("/admin/places/place/import/", {"agreed": agreed}, follow=True).content.decode()
    assert "Imported: 1 new, 1 changed." in answer
    tower.refresh_from_db()
    assert (tower.country, Place.objects.get(pk=0x500).name) == ("FR", "Old Gate")
    said = set(LogEntry.objects.values_list("object_repr", "change_message"))
    assert ("Tower", "Imported: country, latitude, longitude.") in said and ("Old Gate", "Imported.") in said
    again = curator.post("/admin/places/place/import/", {"agreed": agreed}, follow=True).content.decode()
    assert "not here any more" in again


def test_changes_that_became_others_are_not_written(curator: Client, tower: Place) -> None:
    agreed = token(upload(curator, SHEET.format(tower.index)))
    Place.objects.filter(pk=tower.pk).update(latitude=1.0)
    answer = curator.post("/admin/places/place/import/", {"agreed": agreed}, follow=True).content.decode()
    assert "Places were changed meanwhile" in answer
    assert Place.objects.count() == 1


def test_what_somebody_else_was_shown_cannot_be_agreed_to(curator: Client, tower: Place) -> None:
    agreed = token(upload(curator, SHEET.format(tower.index)))
    curator.force_login(User.objects.create_superuser("eve"))
    for words in (agreed, f"{agreed}x", "x"):
        answer = curator.post("/admin/places/place/import/", {"agreed": words}, follow=True).content.decode()
        assert "not here any more" in answer
    assert Place.objects.count() == 1


def test_errors_stand_by_row_and_offer_nothing_to_agree_to(curator: Client, tower: Place, tmp_path: Path) -> None:
    page = upload(curator, SHEET.format(tower.index) + "501,=1+1,DE,52.5,13.4\n")
    assert "<td>4</td><td>The name is a formula" in page and 'name="agreed"' not in page
    assert "damaged" in upload(curator, "no zip", "places.xlsx")
    assert list((tmp_path / "imports").iterdir()) == []


def test_a_sheet_that_is_too_large_for_a_page_is_refused(curator: Client) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(101 * 2**20))
    for name, data, words in (("places.xlsx", bomb.getvalue(), "100 MB"), ("places.csv", bytes(11 * 2**20), "10 MB")):
        file = SimpleUploadedFile(name, data)
        page = curator.post("/admin/places/place/import/", {"file": file}).content.decode()
        assert words in page.split("errorlist")[1]


@pytest.mark.parametrize("name", ["../../evil.csv", "a/b\\c.csv", ".csv", "x" * 300 + ".csv"])
def test_whatever_a_file_is_called_it_lies_in_its_own_folder(curator: Client, tmp_path: Path, name: str) -> None:
    upload(curator, SHEET.format("501"), name)
    assert not list(tmp_path.glob("*.csv")) and not (tmp_path.parent / "evil.csv").exists()


def test_the_places_are_taken_away_as_a_spreadsheet(curator: Client, tower: Place) -> None:
    Alias.objects.create(place=tower, name="Needle", language="en")
    answer = curator.get("/admin/places/place/export/xlsx/")
    data = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    rows = list(openpyxl.load_workbook(io.BytesIO(data)).worksheets[0].iter_rows(values_only=True))
    assert rows[0][:3] == ("index", "name", "slug") and rows[1][:3] == (tower.index, "Tower", "tower")
    assert "en: Needle" in rows[1]
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="places-')
    assert curator.get("/admin/places/place/export/pdf/").status_code == 404
    pressed = {"action": "export", "_selected_action": [tower.pk]}
    assert curator.post("/admin/places/place/", pressed).headers["Content-Type"].endswith("sheet")
