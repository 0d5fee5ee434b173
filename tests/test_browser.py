"""The whole way in Chromium: what a visitor does, on a desktop and a phone, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
    WebDriverException,
)
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.drawn import jpeg
from tests.site import Site

pytestmark = pytest.mark.browser
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage")
DESKTOP, PHONE = (1280, 860), (360, 740)
ANSWER_WITHIN_S = 40
DROP = """
const [count, done] = arguments;
const canvas = Object.assign(document.createElement("canvas"), {width: 300, height: 200});
const brush = canvas.getContext("2d");
brush.fillStyle = "teal"; brush.fillRect(40, 30, 120, 90);
canvas.toBlob((blob) => {
  const data = new DataTransfer();
  for (let n = 0; n < count; n++) data.items.add(new File([blob], `${n}.png`, {type: "image/png"}));
  document.body.dispatchEvent(%s);
  done();
});
"""
DROPPED = DROP % "new DragEvent('drop', {dataTransfer: data, bubbles: true})"
PASTED = DROP % "new ClipboardEvent('paste', {clipboardData: data, bubbles: true})"


class Page:
    """A browser at the site."""

    def __init__(self, browser: webdriver.Chrome, site: Site) -> None:
        self.browser = browser
        self.site = site
        # A question is cut off, in one of many ways, where its page goes meanwhile.
        self.waiting = WebDriverWait(browser, ANSWER_WITHIN_S, 0.05, [WebDriverException])

    def open(self, path: str) -> None:
        self.browser.get(self.site.url + path)

    def size(self, width: int, height: int) -> None:
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def one(self, css: str) -> WebElement:
        """The first element of ``css``, waited for: a page may be on its way."""
        return self.waiting.until(lambda browser: browser.find_element(By.CSS_SELECTOR, css), css)

    def all(self, css: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, css)

    def until(self, script: str) -> Any:
        """Wait until JavaScript ``script`` is true and return what it is."""
        return self.waiting.until(lambda browser: browser.execute_script(f"return {script}"), script)

    def follow(self, css: str) -> None:
        """Press what leads to another page, and wait until that one is there: a press alone does not wait."""
        self.browser.execute_script("window.isLeft = true")
        self.one(css).click()
        self.until("!window.isLeft")

    def choose(self, photo: Path) -> None:
        self.one("main input[type=file]").send_keys(str(photo))

    def answered(self) -> str:
        """Wait for the whole answer and return its heading."""
        self.until("document.getElementById('photo') && !('open' in document.getElementById('photo').dataset)")
        return str(self.one("#words h1").text)

    def wide(self) -> int:
        """By how many pixels the page is wider than the window."""
        over: int = self.browser.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return over

    def complaints(self) -> list[str]:
        """What the console says; refusals that the page itself words are left out."""
        lines = [entry["message"] for entry in self.browser.get_log("browser")]  # type: ignore[no-untyped-call]
        return [line for line in lines if "the server responded with a status of 4" not in line]


def start(*flags: str, **preferences: int) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, *flags):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.add_experimental_option("prefs", preferences)
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    started = start()
    yield started
    started.quit()


@pytest.fixture
def page(browser: webdriver.Chrome, site: Site) -> Iterator[Page]:
    """The first page on a desktop; nothing may have been complained of at the end."""
    browser.delete_all_cookies()
    opened = Page(browser, site)
    opened.size(*DESKTOP)
    opened.open("/")
    yield opened
    assert opened.complaints() == []


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg(31, (800, 500)))
    return path


def test_a_chosen_photo_is_shown_at_once_and_stays_where_it_is(page: Page, photo: Path) -> None:
    page.choose(photo)
    before = page.until("document.querySelector('#frame.known img')?.getBoundingClientRect().toJSON()")
    assert page.answered()
    after = page.until("document.querySelector('#frame img').getBoundingClientRect().toJSON()")
    assert before == after
    assert page.one("#frame img").get_attribute("src").startswith("blob:")  # type: ignore[union-attr]


def test_the_answer_has_its_own_address_that_can_be_opened_again(page: Page, photo: Path) -> None:
    page.choose(photo)
    heading = page.answered()
    address = page.browser.current_url
    assert "/s/" in address
    page.browser.refresh()
    assert page.answered() == heading
    assert page.one("#frame img").get_attribute("src").startswith(f"{page.site.url}/media/")  # type: ignore[union-attr]
    assert page.all("form[action$='delete/']"), "the page does not know its owner"


@pytest.mark.shared
def test_a_known_place_comes_with_pictures_that_load(page: Page, val: Path) -> None:
    page.choose(val.parent.parent / "originals" / "taj-mahal.jpg")
    assert page.answered() == "Taj Mahal"
    assert len(page.all(".guesses li")) == 5
    loaded = "[...document.querySelectorAll('.rows img')].filter((image) => image.naturalWidth).length"
    assert page.until(loaded) > 0
    assert all(link.get_attribute("href") for link in page.all(".rows .links a"))


def test_a_dropped_photo_is_answered(page: Page) -> None:
    page.browser.execute_async_script(DROPPED, 1)
    assert page.answered()


def test_a_pasted_photo_is_answered(page: Page) -> None:
    page.browser.execute_async_script(PASTED, 1)
    assert page.answered()


def test_photos_one_after_another_need_no_reload_and_back_goes_back(page: Page, photo: Path) -> None:
    page.choose(photo)
    page.answered()
    first = page.browser.current_url
    page.browser.execute_script("window.kept = true")
    page.browser.execute_async_script(DROPPED, 1)
    page.until(f"location.href !== '{first}'")
    page.answered()
    assert page.browser.execute_script("return window.kept")
    page.browser.back()
    page.until(f"location.href === '{first}' && document.querySelector('#frame img')?.naturalWidth === 800")
    assert page.answered()


def test_a_wrong_address_is_explained_beside_its_field(page: Page) -> None:
    page.one("main input[name=url]").send_keys("ftp://example.org/a.jpg")
    page.one("main .ask-line button").click()
    assert "http" in page.until("document.querySelector('.wrong:not([data-state])')?.textContent")
    assert page.one("main input[name=url]").get_attribute("value") == "ftp://example.org/a.jpg"


def test_a_photo_behind_an_address_is_fetched_and_answered(page: Page) -> None:
    page.one("main input[name=url]").send_keys(f"{page.site.bing.url}pictures/77.jpg")
    page.one("main .ask-line button").click()
    assert page.answered()
    assert page.until("document.querySelector('#frame img')?.naturalWidth")


def test_a_file_that_is_no_picture_is_explained(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("no picture")
    page.choose(path)
    page.until("document.querySelector('.failed-why')?.textContent")
    assert "not a picture" in page.one("#words").text
    assert not page.all(".retry")


def test_without_a_network_the_photo_is_kept_to_try_again(page: Page, photo: Path) -> None:
    def network(offline: bool) -> None:
        page.browser.set_network_conditions(offline=offline, latency=0, throughput=10**9)

    network(offline=True)
    try:
        page.choose(photo)
        page.until("document.querySelector('.retry')")
        assert "could not be reached" in page.one(".failed-why").text
    finally:
        network(offline=False)
    page.complaints()  # that it was off is no complaint
    page.one(".retry").click()
    assert page.answered()


def test_a_silent_recogniser_is_told_of_and_answers_later(
    page: Page, photo: Path, frozen_workers: list[psutil.Process]
) -> None:
    page.choose(photo)
    page.until("document.getElementById('status')?.textContent.startsWith('The recogniser is not answering.')")
    for worker in frozen_workers:
        worker.resume()
    assert page.answered()


def test_it_fits_a_phone_in_both_colours(page: Page, photo: Path) -> None:
    page.size(*PHONE)
    for theme in ("light", "dark"):
        colours = [{"name": "prefers-color-scheme", "value": theme}]
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": colours})
        for path in ("/", "/places/", "/places/eiffel-tower/", "/nothing-here/"):
            page.open(path)
            assert page.wide() <= 0, path
            assert page.one("html").get_attribute("data-bs-theme") == theme
        page.open("/")
        page.choose(photo)
        page.answered()
        assert page.wide() <= 0
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_colours_can_be_chosen_and_are_remembered(page: Page) -> None:
    mode = page.one("#mode")
    seen = []
    for _ in range(3):
        mode.click()
        seen.append(page.one("html").get_attribute("data-mode"))
    assert seen == ["light", "dark", "system"]
    mode.click()
    mode.click()
    page.open("/places/")
    assert page.one("html").get_attribute("data-bs-theme") == "dark"
    page.one("#mode").click()


def test_the_keyboard_alone_reaches_the_photo_field_and_shows_where_it_is(page: Page) -> None:
    focused = "document.activeElement"
    for _ in range(8):
        ActionChains(page.browser).send_keys(Keys.TAB).perform()
        if page.browser.execute_script(f"return {focused}.type") == "file":
            break
    else:
        pytest.fail("eight presses of the tab key do not lead to the photo field")
    outline = f"return getComputedStyle({focused}.closest('label')).outlineStyle"
    assert page.browser.execute_script(outline) == "solid"


@pytest.fixture
def scriptless(site: Site) -> Iterator[Page]:
    started = start(**{"profile.managed_default_content_settings.javascript": 2})
    yield Page(started, site)
    started.quit()


def test_without_scripts_the_form_and_the_answer_work(scriptless: Page, photo: Path) -> None:
    scriptless.size(*PHONE)
    scriptless.open("/")
    assert scriptless.one("main form.ask").rect["width"] <= PHONE[0]
    assert "js" not in (scriptless.one("html").get_attribute("class") or "")
    scriptless.choose(photo)
    scriptless.one("main .ask-line button").click()
    wait = WebDriverWait(
        scriptless.browser, ANSWER_WITHIN_S, ignored_exceptions=[NoSuchElementException, StaleElementReferenceException]
    )
    # The page looks again by itself until there is nothing to wait for.
    ended = "html:not(:has(meta[http-equiv=refresh])) form[action$='delete/'] button"
    wait.until(lambda _: scriptless.all(ended))[0].click()
    wait.until(lambda _: scriptless.one("h1").text == "This photo was deleted")
