"""From a report to a takedown: gone from page, API and media at once, and never collected or fetched again."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from PIL import Image
from pytest_django.fixtures import Settings

from crawler.collect import Plan
from errors import UserError
from places import collecting, denying, fetching, finding, gallery, looks, reporting, starter, storage
from places.models import Denied, Picture, Place, Report, Search, WebPicture, WebQuery
from places.models.report import spelling
from places.models.search import State
from tests.drawn import drawn, jpeg
from tests.picture_site import NO_DELAYS, PictureSite, files_in, picture_site
from tests.standins import BingStandIn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker", "plain_static")]


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    starter.load_places()


@pytest.fixture
def bing(settings: Settings) -> Iterator[BingStandIn]:
    with BingStandIn() as standin:
        settings.BING_BASE_URL = standin.url
        settings.FETCH_ALLOW_PRIVATE = frozenset({standin.pair})
        yield standin


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ada", "ada@example.org", "a long enough passphrase"))
    return client


def kept(number: int) -> Picture:
    """Return a picture of the gallery as a worker leaves it."""
    data, image = jpeg(number), drawn(number)
    picture = gallery.take_in(data, Place.objects.get(slug="petra"), status="approved", title=f"Picture {number}")
    storage.delete(str(picture.original.name))
    picture.image = storage.save(f"pictures/{picture.pk}.jpg", data)
    picture.thumbnail = storage.save(f"pictures/{picture.pk}-small.jpg", jpeg(number, (160, 120)))
    picture.original.name, picture.width, picture.height, picture.look = "", 320, 240, looks.look(image)
    picture.save()
    return picture


def found(number: int, site: str = "pictures.example.org") -> WebPicture:
    """Return a picture of the web that was fetched."""
    query, _ = WebQuery.objects.get_or_create(
        source="bing", text="petra", defaults={"state": "ok", "fetched_at": timezone.now()}
    )
    picture = WebPicture.objects.create(
        query=query, position=number, key=str(number), image_url=f"https://{site}/{number}.jpg",
        page_url=f"https://pages.example.org/{number}", look=looks.look(drawn(number)),
    )  # fmt: skip
    picture.thumbnail = storage.save(f"web/{picture.pk}-small.jpg", jpeg(number))
    picture.save()
    return picture


def act(staff: Client, action: str, *reports: Report) -> None:
    """Choose an action of the admin's list."""
    told = {"action": action, "_selected_action": [report.pk for report in reports]}
    assert staff.post("/admin/places/report/", told).status_code == 302


def searched(*results: dict[str, object]) -> Search:
    """Return an answered search with these similar pictures."""
    search = Search(kind="place", place=Place.objects.get(slug="petra"), confidence=0.9, state=State.DONE)
    search.similar_state, search.similar_results = State.DONE, list(results)
    search.finished_at = timezone.now()
    search.new_token()
    search.save()
    return search


def test_a_picture_of_the_gallery_is_gone_everywhere_at_once(staff: Client) -> None:
    picture = kept(1)
    search = searched({"picture": str(picture.pk), "score": 0.9})
    visitor = Client()
    medias = [f"/media/pictures/{picture.pk}.jpg", f"/media/pictures/{picture.pk}/thumbnail.jpg"]
    pages = [f"/s/{search.pk}/", "/places/petra/", f"/api/v1/searches/{search.pk}/"]
    assert [visitor.get(path).status_code for path in medias] == [200, 200]
    assert all(str(picture.pk) in visitor.get(path).content.decode() for path in pages)
    visitor.post(f"/report/gallery/{picture.pk}/", {"reason": "rights"})
    act(staff, "take_down", Report.objects.get())
    assert [visitor.get(path).status_code for path in medias] == [404, 404]
    assert not any(str(picture.pk) in visitor.get(path).content.decode() for path in pages)
    assert visitor.get(f"/report/gallery/{picture.pk}/").status_code == 404
    assert Report.objects.get().state == "taken_down"


def test_a_picture_of_the_web_is_gone_with_its_files(staff: Client) -> None:
    picture, other = found(1), found(2)
    search = searched({"web": str(picture.pk), "score": None}, {"web": str(other.pk), "score": None})
    visitor = Client()
    assert visitor.get(f"/media/web/{picture.pk}/thumbnail.jpg").status_code == 200
    visitor.post(f"/report/web/{picture.pk}/", {"reason": "person"})
    act(staff, "take_down", Report.objects.get())
    assert visitor.get(f"/media/web/{picture.pk}/thumbnail.jpg").status_code == 404
    assert not (gallery_files() & {picture.thumbnail})
    shown = visitor.get(f"/api/v1/searches/{search.pk}/").json()["similar"]["results"]
    assert [str(other.pk) in result["thumbnail_url"] for result in shown] == [True]


def gallery_files() -> set[str]:
    """Return the names of all stored files."""
    from django.core.files.storage import default_storage

    return {f"web/{name}" for name in default_storage.listdir("web")[1]}


def test_a_browser_that_has_the_picture_asks_again_after_minutes_and_is_told(staff: Client) -> None:
    picture = kept(1)
    path, visitor = f"/media/pictures/{picture.pk}.jpg", Client()
    first = visitor.get(path)
    assert first["Cache-Control"] == "public, max-age=300, must-revalidate"
    assert visitor.get(path, headers={"If-None-Match": first["ETag"]}).status_code == 304
    reporting.take_down(reporting.receive(reason="rights", about=picture))
    assert visitor.get(path, headers={"If-None-Match": first["ETag"]}).status_code == 404


def test_bing_does_not_bring_it_back(bing: BingStandIn) -> None:
    pks, _ = finding.ask_web("petra")
    gone = WebPicture.objects.get(pk=pks[3])
    reporting.take_down(reporting.receive(reason="rights", about=gone))
    WebQuery.objects.update(fetched_at=timezone.now() - timedelta(days=30))
    again, _ = finding.ask_web("petra")
    urls = set(WebPicture.objects.filter(pk__in=again).values_list("image_url", flat=True))
    assert urls and gone.image_url not in urls
    assert len(again) == len(pks) - 1


def test_the_same_picture_at_another_address_is_not_kept_when_it_is_fetched(bing: BingStandIn) -> None:
    pks, _ = finding.ask_web("petra")
    for pk in pks[:2]:
        fetching.fetch(pk, small=True)
    first, copy = (WebPicture.objects.get(pk=pk) for pk in pks[:2])
    assert first.thumbnail and copy.thumbnail
    # The second address now has what the first has.
    WebPicture.objects.filter(pk=copy.pk).update(
        thumbnail="", thumb_url=first.thumb_url, image_url=first.image_url + "?2"
    )
    look = looks.look(Image.open(io.BytesIO(storage.read(first.thumbnail))).convert("RGB"))
    Denied.objects.create(kind="look", value=f"{look & denying.UNSIGNED:016x}")
    fetching.fetch(copy.pk, small=True)
    assert not WebPicture.objects.filter(pk=copy.pk).exists()


def test_collecting_leaves_out_what_was_taken_down(tmp_path: Path, settings: Settings) -> None:
    with picture_site() as site:
        settings.FETCH_ALLOW_PRIVATE = frozenset({site.pair})
        site.pictures = {f"{number}.jpg": jpeg(number, (600, 400)) for number in range(4)}
        Denied.objects.create(kind="page", value=f"{site.url}/0.jpg")
        Denied.objects.create(kind="sha256", value=hashlib.sha256(site.pictures["1.jpg"]).hexdigest())
        look = looks.look(drawn(2, (600, 400))) & denying.UNSIGNED
        Denied.objects.create(kind="look", value=f"{look:016x}")
        assert collect(site, tmp_path) == 1
        assert site.asked["0.jpg"] == 0
        Denied.objects.create(kind="host", value="127.0.0.1")
        assert collect(site, tmp_path / "other") == 0


def collect(site: PictureSite, folder: Path) -> int:
    """Collect all of a site's pictures and return how many came."""
    wanted = collecting.of_names(["Old Mill"])
    asked = {"site": site.source("site", sorted(site.pictures))}
    collecting.collect_into(folder, wanted, asked, plan=Plan(10), manners=NO_DELAYS)
    return len(files_in(folder))


def test_a_curator_cannot_upload_it_again() -> None:
    picture = kept(5)
    reporting.take_down(reporting.receive(reason="rights", about=picture))
    with pytest.raises(UserError) as refused:
        gallery.take_in(jpeg(5), Place.objects.get(slug="stonehenge"))
    assert refused.value.code == "opted_out"


def test_an_address_on_the_form_takes_down_what_it_names(staff: Client) -> None:
    by_page, by_image, stays = found(1), found(2), found(3)
    for address in (by_page.page_url, by_image.image_url):
        Client().post("/contact/", {"reason": "rights", "address": address})
    act(staff, "take_down", *Report.objects.all())
    assert [picture.pk for picture in WebPicture.objects.all()] == [stays.pk]
    assert set(Denied.objects.filter(kind="page").values_list("value", flat=True)) >= {
        by_page.page_url, by_image.image_url,
    }  # fmt: skip


def test_a_whole_site_can_be_denied(staff: Client) -> None:
    gone, also, stays = found(1, "a.example.net"), found(2, "a.example.net"), found(3, "b.example.net")
    WebPicture.objects.filter(pk=stays.pk).update(page_url="https://elsewhere.example.net/3")
    Client().post(f"/report/web/{gone.pk}/", {"reason": "rights"})
    act(staff, "take_down_whole_site", Report.objects.get())
    assert [picture.pk for picture in WebPicture.objects.all()] == [stays.pk]
    assert denying.denied().denies_url(also.image_url)


def test_a_dismissed_report_changes_nothing_but_itself(staff: Client) -> None:
    picture = found(1)
    Client().post(f"/report/web/{picture.pk}/", {"reason": "wrong"})
    act(staff, "dismiss", Report.objects.get())
    assert Report.objects.get().state == "dismissed"
    assert WebPicture.objects.exists() and not Denied.objects.exists()


def test_staff_who_may_only_look_cannot_take_down(client: Client) -> None:
    from django.contrib.auth.models import Permission

    bo = User.objects.create_user("bo", is_staff=True)
    bo.user_permissions.add(Permission.objects.get(codename="view_report"))
    client.force_login(bo)
    picture = found(1)
    report = reporting.receive(reason="rights", about=picture)
    page = client.get("/admin/places/report/").content.decode()
    assert "take_down" not in page
    client.post("/admin/places/report/", {"action": "take_down", "_selected_action": [report.pk]})
    assert WebPicture.objects.filter(pk=picture.pk).exists()


def test_a_line_added_by_hand_hides_what_it_names_at_once(staff: Client) -> None:
    gone, stays = found(1, "bad.example.net"), found(2, "good.example.net")
    assert staff.post("/admin/places/denied/add/", {"kind": "host", "value": " Bad.Example.NET "}).status_code == 302
    assert Denied.objects.get().value == "bad.example.net"
    assert [picture.pk for picture in WebPicture.objects.all()] == [stays.pk]
    assert staff.get(f"/media/web/{gone.pk}/thumbnail.jpg").status_code == 404


def test_a_line_of_the_file_hides_what_it_names(settings: Settings, tmp_path: Path) -> None:
    picture = found(1)
    search = searched({"web": str(picture.pk), "score": None})
    settings.VAR_DIR = tmp_path
    (tmp_path / "denied.txt").write_text("pictures.example.org\n")
    assert Client().get(f"/media/web/{picture.pk}/thumbnail.jpg").status_code == 404
    assert Client().get(f"/api/v1/searches/{search.pk}/").json()["similar"]["results"] == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("host", "a b"), ("host", "a.example/path"), ("page", "ftp://a.example/"), ("page", "nothing"),
        ("sha256", "ab"), ("look", "xyz"), ("", "a.example"),
    ],
)  # fmt: skip
def test_a_line_that_nothing_could_match_is_refused(kind: str, value: str) -> None:
    with pytest.raises(ValidationError):
        spelling(kind, value)


def test_a_report_outlives_the_picture_that_its_source_forgot(bing: BingStandIn) -> None:
    picture = found(1)
    report = reporting.receive(reason="rights", about=picture)
    WebPicture.objects.all().delete()
    report.refresh_from_db()
    reporting.take_down(report)
    assert denying.denied().denies_url("https://pictures.example.org/1.jpg")


def test_the_admin_shows_what_people_wrote_and_escapes_it(staff: Client) -> None:
    reporting.receive(reason="other", words="<script>alert(1)</script>", address="javascript:alert(1)")
    page = staff.get("/admin/places/report/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert 'href="javascript:' not in page
    assert "&lt;script&gt;alert(1)" in staff.get("/admin/inbox/").content.decode()
    assert 'href="javascript:' not in staff.get("/admin/inbox/").content.decode()
    one = staff.get(f"/admin/places/report/{Report.objects.get().pk}/change/")
    assert one.status_code == 200 and 'name="_save"' not in one.content.decode()


def test_an_id_that_is_none_names_nothing() -> None:
    report = reporting.receive(reason="rights", address="/media/web/" + "-" * 36 + "/thumbnail.jpg")
    assert report.web_picture is None and report.picture is None
    assert reporting.receive(reason="rights", address=f"/media/web/{UUID(int=1)}.jpg").web_picture is None
