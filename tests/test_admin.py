"""The admin on the running site: first login, places, pictures, searches."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from tests.drawn import jpeg
from tests.site import ROOT, Site, until

CHOSEN = "a long enough passphrase"


def manage(site: Site, *arguments: str) -> str:
    """Run a management command beside the running site and return what it printed."""
    environment = {**os.environ, "VAR_DIR": str(site.var_dir)}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout


class Admin(requests.Session):
    """Somebody at the admin."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def send(self, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        """Send, with a limit on time."""
        return super().send(request, **{**kwargs, "timeout": 30})  # type: ignore[arg-type]

    def form(self, path: str, data: dict[str, str], **kwargs: object) -> requests.Response:
        """Fill in a form and follow where it leads."""
        address = f"{self.site.url}{path}"
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(address).text)
        assert found, f"{path} has no form"
        data = {"csrfmiddlewaretoken": found[1], **data}
        return self.post(address, data=data, headers={"Referer": address}, **kwargs)  # type: ignore[arg-type]

    def log_in(self, password: str) -> requests.Response:
        """Log in as admin."""
        return self.form("/admin/login/?next=/admin/", {"username": "admin", "password": password})


@pytest.fixture(scope="module")
def admin(site: Site) -> Iterator[Admin]:
    """An admin who has chosen a password of their own."""
    printed = re.search(r"password (\S+)", manage(site, "ensure_admin", "--reset"))
    assert printed
    with Admin(site) as person:
        assert person.log_in(printed[1]).url.endswith("/admin/password_change/")
        assert person.get(f"{site.url}/admin/places/place/").url.endswith("/admin/password_change/")
        same = {"old_password": printed[1], "new_password1": printed[1], "new_password2": printed[1]}
        assert "that was printed" in person.form("/admin/password_change/", same).text
        passwords = {"old_password": printed[1], "new_password1": CHOSEN, "new_password2": CHOSEN}
        person.form("/admin/password_change/", passwords)
        assert person.get(f"{site.url}/admin/places/place/").url.endswith("/admin/places/place/")
        yield person


@pytest.mark.parametrize("name", ["nobody", "somebody {}"], ids=["one account", "one address"])
def test_wrong_passwords_are_locked_out_by_account_and_by_address(site: Site, name: str) -> None:
    with Admin(site) as guesser:
        statuses: list[int] = []
        while 429 not in statuses and len(statuses) < 12:
            guess = {"username": name.format(len(statuses)), "password": f"guess {len(statuses)}"}
            answer = guesser.form("/admin/login/", guess)
            statuses.append(answer.status_code)
        assert 429 in statuses
        assert "Please wait 15 minutes and try again." in answer.text
        assert answer.headers["Retry-After"] == "900"
        assert guesser.get(f"{site.url}/admin/login/").status_code == 200
    manage(site, "axes_reset")
    manage(site, "axes_reset_logs", "--age", "0")


def test_a_name_that_nobody_can_have_is_a_wrong_name(site: Site) -> None:
    with Admin(site) as guesser:
        assert guesser.form("/admin/login/", {"username": "x" * 300, "password": "y"}).status_code == 200


@pytest.mark.parametrize("query", ["place/?country=%00", "search/?created_at__year=-1", "search/?kind=%00"])
def test_addresses_made_up_by_hand_are_no_crash(admin: Admin, query: str) -> None:
    assert admin.get(f"{admin.site.url}/admin/places/{query}").status_code < 500


def test_the_front_page_says_which_workers_answer_and_how_to_start_the_others(admin: Admin) -> None:
    page = admin.get(f"{admin.site.url}/admin/").text
    assert "The search worker answers." in page
    assert "The io worker answers." in page
    assert "make train-worker" in page


def test_an_uploaded_picture_is_decoded_by_a_worker_and_shown(admin: Admin) -> None:
    site = admin.site
    page = admin.get(f"{site.url}/api/v1/places/").json()
    assert page["count"] >= 70
    place = re.search(r"/admin/places/place/(\d+)/change/", admin.get(f"{site.url}/admin/places/place/?q=eiffel").text)
    assert place
    fields = {"place": place[1], "title": "Drawn", "status": "approved", "licence": "CC0"}
    answer = admin.form("/admin/places/picture/add/", fields, files={"file": ("d.jpg", jpeg(77), "image/jpeg")})
    assert answer.url.endswith("/admin/places/picture/"), re.findall(r"errorlist.*", answer.text)
    shown = until(lambda: re.search(r"/media/pictures/[0-9a-f-]+/thumbnail.jpg", listed(admin)), 45, "the thumbnail")
    assert shown
    assert site.get(shown[0]).headers["Content-Type"] == "image/jpeg"
    again = admin.form("/admin/places/picture/add/", fields, files={"file": ("d.jpg", jpeg(77), "image/jpeg")})
    assert "same picture already" in again.text


def listed(admin: Admin) -> str:
    """Return the list of pictures as the admin shows it."""
    return str(admin.get(f"{admin.site.url}/admin/places/picture/?q=Drawn").text)


def test_a_bad_picture_is_refused_in_the_form(admin: Admin) -> None:
    place = re.search(r"place/(\d+)/change/", admin.get(f"{admin.site.url}/admin/places/place/?q=eiffel").text)
    assert place
    fields = {"place": place[1], "status": "approved", "licence": "CC0"}
    answer = admin.form("/admin/places/picture/add/", fields, files={"file": ("d.jpg", b"text", "image/jpeg")})
    assert "errorlist" in answer.text
    assert "Please send" in answer.text


def test_searches_are_listed_with_their_answers_and_cannot_be_changed(admin: Admin) -> None:
    site = admin.site
    search = site.ended(site.post(jpeg(78)).json())
    page = admin.get(f"{site.url}/admin/places/search/").text
    assert f"/media/photos/{search['id']}.jpg" in page
    one = admin.get(f"{site.url}/admin/places/search/{search['id']}/change/")
    assert one.status_code == 200
    assert 'name="_save"' not in one.text
    assert admin.get(f"{site.url}/admin/places/search/add/").status_code == 403


@pytest.mark.parametrize("model", ["place", "picture", "collection", "search", "feedback", "modelversion"])
def test_every_list_and_form_opens(admin: Admin, model: str) -> None:
    page = admin.get(f"{admin.site.url}/admin/places/{model}/")
    assert page.status_code == 200
    for path in set(re.findall(rf"/admin/places/{model}/[^/\"]+/change/", page.text)):
        assert admin.get(admin.site.url + path).status_code == 200
        break
