"""The operator's pages, the first look and the languages in Chromium."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from selenium import webdriver

from ml.golden import golden_picture
from tests.axe import in_both_colours
from tests.drawn import drawn
from tests.filled import fill
from tests.site import ROOT, Site, start_site
from tests.test_browser import DESKTOP, PHONE, Page, start

pytestmark = pytest.mark.browser
SMALL = """
const hit = ".top a, .top button, .bottom a, .try-one button, .write button, .choice";
return [...document.querySelectorAll(hit)].filter((one) => one.checkVisibility())
  .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
  .filter(([, box]) => box.height < 43.9 || box.width < 24)
  .map(([html, box]) => `${html} ${box.width} ${box.height}`);
"""
PATHS = ["/", "/privacy/", "/contact/", "/contact/received/", "/places/", "/nothing-here/"]


@pytest.fixture(scope="module")
def filled_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of a known operator with two pictures in its gallery."""
    folder = tmp_path_factory.mktemp("gallery")
    golden_picture().save(folder / "CC0 - bridge.jpg", "JPEG", quality=92)
    drawn(6, (900, 600)).save(folder / "other.jpg", "JPEG", quality=92)
    with start_site(OPERATOR_NAME="Ada Example", CONTACT_EMAIL="pictures@example.org") as started:
        fill(started, "golden-gate-bridge", [folder / "CC0 - bridge.jpg"])
        fill(started, "eiffel-tower", [folder / "other.jpg"])
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    started = start()
    yield started
    started.quit()


@pytest.fixture
def page(browser: webdriver.Chrome, filled_site: Site) -> Iterator[Page]:
    """The first page on a desktop; nothing may have been complained of at the end."""
    browser.delete_all_cookies()
    opened = Page(browser, filled_site)
    opened.size(*DESKTOP)
    opened.open("/")
    yield opened
    assert opened.complaints() == []


def choose_korean(page: Page) -> None:
    page.one(".languages button[value=ko]").click()
    page.until("document.documentElement.lang === 'ko'")


def report_path(page: Page) -> str:
    """The form that reports the first picture of the row."""
    action = page.one(".try-one button").get_attribute("formaction")
    assert action
    return action.replace(page.site.url, "").replace("/pictures/", "/report/").replace("search/", "")


def test_axe_finds_nothing_in_both_colours_and_both_languages(page: Page) -> None:
    paths = [*PATHS, report_path(page)]
    found = {}
    for language in ("en", "ko"):
        if language == "ko":
            choose_korean(page)
        for path in paths:
            page.open(path)
            assert page.one("html").get_attribute("lang") == language
            found[language, path] = in_both_colours(page.browser)
    assert {key: lines for key, lines in found.items() if lines} == {}


def test_no_page_is_wider_than_a_phone_in_any_language(page: Page) -> None:
    paths = [*PATHS, report_path(page)]
    page.size(*PHONE)
    for language in ("en", "ko"):
        if language == "ko":
            page.open("/")
            choose_korean(page)
        for path in paths:
            page.open(path)
            assert page.wide() <= 0, (language, path)
    page.size(*DESKTOP)


def test_what_a_finger_has_to_hit_is_large_enough(page: Page) -> None:
    page.size(*PHONE)
    for path in ("/", "/contact/"):
        page.open(path)
        small = page.browser.execute_script(SMALL)
        assert small == [], path
    page.size(*DESKTOP)


def test_a_language_is_chosen_on_any_page_and_stays(page: Page) -> None:
    page.open("/places/?q=bridge")
    choose_korean(page)
    assert page.browser.current_url.endswith("/places/?q=bridge")
    page.open("/privacy/")
    assert page.one("html").get_attribute("lang") == "ko"
    page.one(".languages button[value=en]").click()
    page.until("document.documentElement.lang === 'en'")


def test_a_press_on_a_picture_of_the_row_is_answered(page: Page) -> None:
    page.one(".try-one button[formaction]:has(img[alt*='Golden Gate'])").click()
    page.until("location.pathname.startsWith('/s/')")
    assert page.answered() == "Golden Gate Bridge"
    assert page.all("form[action$='delete/']"), "the page does not know its owner"


def test_the_keyboard_alone_sends_a_report(page: Page) -> None:
    page.open(report_path(page))
    page.browser.execute_script("document.querySelector('.write input[type=radio]').focus()")
    page.browser.switch_to.active_element.send_keys(" ")
    assert page.one(".write input[value=rights]").is_selected()
    page.one("#words").send_keys("It is mine.")
    page.one("#email").send_keys("\ue004")  # Tab: what only programs see is passed over
    assert page.browser.switch_to.active_element.tag_name == "button"
    page.browser.switch_to.active_element.send_keys("\n")
    page.until("location.pathname === '/contact/received/'")
    assert page.one("h1").text == "Thank you"


def test_a_mistake_is_told_beside_its_field_without_scripts(filled_site: Site) -> None:
    scriptless = start(**{"profile.managed_default_content_settings.javascript": 2})
    scriptless.implicitly_wait(10)
    try:
        page = Page(scriptless, filled_site)
        page.open("/contact/")
        page.one(".choice input[value=other]").click()
        page.follow(".write button.btn")
        assert page.one("#wrong-address").text.endswith("Please give an address, or write what it is about.")
        assert page.one(".choice input[value=other]").is_selected()
        page.follow(".languages button")
        assert page.one("html").get_attribute("lang") == "ko"
    finally:
        scriptless.quit()


def test_staff_see_the_checklist_with_links_that_work(page: Page, filled_site: Site) -> None:
    environment = {**os.environ, "VAR_DIR": str(filled_site.var_dir)}
    making = "from django.contrib.auth.models import User; from django.test import Client; c = Client(); "
    making += "c.force_login(User.objects.create_superuser('bo')); print(c.cookies['sessionid'].value)"
    command = [sys.executable, "-W", "ignore", "manage.py", "shell", "-v", "0", "-c", making]
    key = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout.strip()
    page.browser.add_cookie({"name": "sessionid", "value": key.splitlines()[-1]})
    page.open("/")
    assert len(page.all(".checklist li")) >= 7
    assert "Worker for photos: answers" in page.one(".checklist").text
    assert in_both_colours(page.browser) == []
    page.size(*PHONE)
    assert page.wide() <= 0
    page.size(*DESKTOP)
