"""Pictures like it in Chromium: orders, near-copies, licence and size, more like this; with and without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageOps
from selenium import webdriver
from selenium.webdriver.support.ui import Select

from ml.golden import golden_picture
from tests.axe import in_both_colours
from tests.drawn import drawn
from tests.filled import fill
from tests.site import Site, start_site
from tests.test_browser import DESKTOP, PHONE, Page, start

pytestmark = pytest.mark.browser
# Without a mouse at the machine Chromium would take every screen for a phone's.
MOUSE = "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"
TILES = "#similar li > .tile:not(.folded) .title bdi"
TITLES = f"[...document.querySelectorAll('{TILES}')].map((one) => one.textContent)"
SCORED = "document.querySelectorAll('#similar li').length > 4 && !document.querySelector('#similar [data-look=\"\"]')"


def save(image: Image.Image, path: Path) -> Path:
    """Write a picture as a JPEG."""
    image.save(path, "JPEG", quality=88)
    return path


@pytest.fixture(scope="module")
def filled_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a gallery of one place: drawn pictures, near-copies of one, and copies of the photo itself."""
    folder = tmp_path_factory.mktemp("gallery")
    other = drawn(5, (900, 600))
    files = [
        save(ImageOps.mirror(golden_picture()).resize((448, 336)), folder / "mirrored.jpg"),
        save(other, folder / "CC0 - drawn.jpg"),
        save(other.resize((450, 300)), folder / "drawn again.jpg"),
        save(drawn(6, (2000, 1300)), folder / "CC BY 4.0 - large.jpg"),
        save(drawn(7, (400, 600)), folder / "tall.jpg"),
        save(drawn(8, (600, 400)).convert("L").convert("RGB"), folder / "grey.jpg"),
        save(golden_picture().crop((40, 40, 200, 160)).resize((800, 600)), folder / "detail.jpg"),
    ]
    with start_site() as started:
        fill(started, "golden-gate-bridge", files)
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    started = start(MOUSE)
    yield started
    started.quit()


@pytest.fixture(scope="module")
def answer(browser: webdriver.Chrome, filled_site: Site, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an answer all of whose pictures were looked at."""
    page = Page(browser, filled_site)
    page.size(*DESKTOP)
    page.open("/")
    page.choose(save(golden_picture(), tmp_path_factory.mktemp("photo") / "photo.jpg"))
    assert page.answered() == "Golden Gate Bridge"
    page.until(SCORED)  # the page takes the scores up by itself
    return browser.current_url.removeprefix(filled_site.url)


@pytest.fixture
def page(browser: webdriver.Chrome, filled_site: Site, answer: str) -> Iterator[Page]:
    """The answer on a desktop; nothing may have been complained of at the end."""
    opened = Page(browser, filled_site)
    opened.size(*DESKTOP)
    opened.open(answer)
    opened.complaints()
    yield opened
    assert opened.complaints() == []


def titles(page: Page) -> list[str]:
    """The titles of the pictures that are shown, in their order."""
    shown: list[str] = page.browser.execute_script(f"return {TITLES}")
    return shown


def test_orders_change_at_once_and_are_those_of_the_server(page: Page) -> None:
    by_look = titles(page)
    seen = set()
    for order in ("colour", "style", "look"):
        page.one(f".orders [data-order={order}]").click()
        at_once = titles(page)
        assert f"order={order}" in page.browser.current_url
        assert page.one(".orders [aria-current]").get_attribute("data-order") == order
        page.browser.refresh()
        assert titles(page) == at_once
        seen.add(tuple(at_once))
    assert at_once == by_look
    assert len(seen) > 1


def test_near_copies_are_folded_and_open_by_a_press(page: Page) -> None:
    assert "CC0 - drawn" in titles(page) and "drawn again" not in titles(page)
    pack = "[...document.querySelectorAll('#similar li')].find((one) => one.textContent.includes('drawn again'))"
    folded = f"{pack}.querySelector('.folded').getBoundingClientRect().width"
    assert page.browser.execute_script(f"return {folded}") == 0
    assert page.browser.execute_script(f"return {pack}.querySelector('summary').textContent") == "and 1 near-copy"
    page.browser.execute_script(f"{pack}.querySelector('summary').click()")
    assert page.browser.execute_script(f"return {folded}") > 100


def test_the_same_picture_stands_above_the_others(page: Page) -> None:
    assert page.one(".same h2").text.startswith("The same picture")
    assert "mirrored" in [one.get_attribute("textContent") for one in page.all(".same .title bdi")]
    assert "mirrored" not in titles(page)
    assert page.one(".same").location["y"] < page.one("#similar").location["y"]


def test_licence_and_size_narrow_without_a_reload(page: Page) -> None:
    page.browser.execute_script("window.kept = true")
    Select(page.one("select[name=licence]")).select_by_value("cc")
    page.until("location.search.includes('licence=cc')")
    assert titles(page) == ["CC BY 4.0 - large"]
    assert page.browser.execute_script("return document.activeElement.name") == "licence"
    Select(page.one("select[name=licence]")).select_by_value("")
    page.until("!location.search.includes('licence')")
    assert len(titles(page)) > 3
    assert page.browser.execute_script("return window.kept")


def test_a_picture_leads_to_more_like_it_and_can_be_searched_by(page: Page) -> None:
    page.follow("#similar .see")
    assert "/pictures/" in page.browser.current_url
    assert len(page.all(".tile")) > 2
    page.follow(".deeds form button")
    assert "/s/" in page.browser.current_url
    assert page.answered()


def test_a_picture_that_vanished_takes_its_tile_with_it(page: Page) -> None:
    before = titles(page)
    page.browser.execute_script("document.querySelector('#similar .tile img').src = '/media/pictures/none.jpg'")
    page.until(f"{TITLES}.length === {len(before) - 1}")
    assert titles(page) == before[1:]
    page.complaints()  # that it was not found is meant


def test_a_caption_comes_with_the_keyboards_focus(page: Page) -> None:
    caption = "document.querySelector('#similar .caption')"
    page.browser.execute_script("document.activeElement.blur()")
    assert page.browser.execute_script(f"return getComputedStyle({caption}).opacity") == "0"
    page.browser.execute_script(f"{caption}.querySelector('a').focus()")
    assert page.until(f"getComputedStyle({caption}).opacity === '1'")


def test_answer_and_picture_are_accessible_and_fit_a_phone(page: Page, answer: str) -> None:
    picture = page.one("#similar .see").get_attribute("href") or ""
    for address in (answer, picture.removeprefix(page.site.url)):
        for size in (DESKTOP, PHONE):
            page.size(*size)
            page.open(address)
            assert page.wide() <= 0, (address, size)
            assert in_both_colours(page.browser) == []


def test_on_a_phone_captions_are_there_without_hovering(page: Page, answer: str) -> None:
    page.size(*PHONE)

    page.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        page.open(answer)
        assert page.browser.execute_script("return matchMedia('(hover: none)').matches")
        links = page.all("#similar .tile:not(.folded) .links a")[:4]
        assert len(links) == 4
        assert all(link.is_displayed() and link.rect["height"] >= 44 for link in links)
    finally:
        page.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_without_scripts_orders_filters_and_copies_work(filled_site: Site, answer: str) -> None:
    started = start(**{"profile.managed_default_content_settings.javascript": 2})
    try:
        page = Page(started, filled_site)
        page.size(*DESKTOP)
        page.open(answer)
        page.follow(".orders [data-order=colour]")
        assert "order=colour" in started.current_url
        Select(page.one("select[name=licence]")).select_by_value("public")
        page.follow(".narrow button")
        assert "licence=public" in started.current_url
        assert "order=colour" in started.current_url
        assert [one.get_attribute("textContent") for one in page.all("#similar .title bdi")] == ["CC0 - drawn"]
        page.open(answer)
        page.one("#similar .copies summary").click()
        assert page.one("#similar .tile.folded").is_displayed()
    finally:
        started.quit()
