"""The curators' desk in Chromium: front page, inbox and export, on a desktop and a phone, light and dark."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.axe import in_both_colours
from tests.site import ROOT, Site, until
from tests.test_browser import DESKTOP, PHONE, Page, browser, page, photo

__all__ = ["browser", "page", "photo"]
pytestmark = pytest.mark.browser
PATHS = ("/admin/", "/admin/inbox/", "/admin/inbox/?handled=1", "/admin/export/")
LOGIN = (
    "from django.contrib.auth.models import Group, User; from django.test import Client; c = Client(); "
    "u, new = User.objects.get_or_create(username='desk', defaults={'is_staff': True}); "
    "u.groups.add(Group.objects.get(name='Operators')); c.force_login(u); print(c.cookies['sessionid'].value)"
)
SMALL = """
return [...document.querySelectorAll(".tasks a, .inbox button, .inbox input[name=place], .narrow a, .exports a.button")]
  .filter((one) => one.checkVisibility()).map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
  .filter(([, box]) => box.height < 39.9 || box.width < 24).map(([html, box]) => `${html} ${box.width} ${box.height}`);
"""


@pytest.fixture
def desk(page: Page, site: Site) -> Iterator[Page]:
    """An operator's browser."""
    environment = {**os.environ, "VAR_DIR": str(site.var_dir)}
    command = [sys.executable, "-W", "ignore", "manage.py", "shell", "-v", "0", "-c", LOGIN]
    key = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout.strip()
    page.browser.add_cookie({"name": "sessionid", "value": key.splitlines()[-1]})
    yield page
    page.size(*DESKTOP)


@pytest.fixture
def said(site: Site, photo: Path) -> str:
    """What a visitor said of an answer, with the photo: its search."""
    asked = site.post(photo.read_bytes()).json()
    search = site.ended(asked)
    requests.post(
        f"{site.url}{search['url']}feedback/", json={"right": False, "place": "petra", "keep": True},
        headers={"X-Owner-Token": asked["owner_token"]}, timeout=30,
    ).raise_for_status()  # fmt: skip
    return str(search["id"])


def test_a_visitors_photo_is_approved_from_the_inbox_and_shown_on_the_places_page(
    desk: Page, site: Site, said: str
) -> None:
    desk.open("/admin/")
    desk.follow(".tasks a[href='/admin/inbox/']")

    def read() -> bool:
        desk.browser.refresh()
        return bool(desk.all(".inbox img[src*='/media/pictures/']"))

    until(read, 60, "the photo's thumbnail")
    before = site.get("/places/petra/").text.count("/thumbnail.jpg")
    desk.follow(".inbox button[value=approve]")
    assert "the photo is in the gallery" in desk.one(".messagelist").text
    assert site.get("/places/petra/").text.count("/thumbnail.jpg") == before + 1


def test_axe_finds_nothing_in_both_colours_and_nothing_is_wider_than_a_phone(desk: Page, said: str) -> None:
    found = {}
    for size in (DESKTOP, PHONE):
        desk.size(*size)
        for path in PATHS:
            desk.open(path)
            found[size, path] = in_both_colours(desk.browser)
            assert desk.wide() <= 0, path
            if size == PHONE:
                assert desk.browser.execute_script(SMALL) == [], path
    assert {key: lines for key, lines in found.items() if lines} == {}
