"""Behind the answer, in Chromium: where it looked, how it sees, guesses side by side, the map, places."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver import Keys

from tests.axe import in_both_colours
from tests.drawn import jpeg
from tests.site import ROOT, Site
from tests.test_browser import DESKTOP, PHONE, Page, start

pytestmark = pytest.mark.browser
ORIGINS = "[...new Set(performance.getEntriesByType('resource').map(({name}) => new URL(name).host))].filter(Boolean)"
LEAFLET = "performance.getEntriesByType('resource').filter(({name}) => name.includes('leaflet')).length"
LOADED = "[...document.querySelectorAll('main img')].every((image) => image.complete && image.naturalWidth)"
HEAT = """(() => {
  const [photo, heat] = document.querySelectorAll('#frame img');
  if (!heat?.naturalWidth) return null;
  const [a, b] = [photo, heat].map((image) => image.getBoundingClientRect());
  return [a.x - b.x, a.y - b.y, a.width - b.width, a.height - b.height].map(Math.abs);
})()"""
FILL = """
from places import gallery
from places.models import Place
from tests.drawn import jpeg
for slug in ("eiffel-tower", "big-ben"):
    for n in range(3):
        taken = gallery.take_in(jpeg(n), Place.objects.get(slug=slug), status="approved", title=f"By day {n}")
        gallery.embed(taken.pk)
"""
CLEAR = """
from places import gallery
from places.models import Picture
for picture in Picture.objects.filter(title__startswith="By day"):
    gallery.remove(picture)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    started = start()
    yield started
    started.quit()


@pytest.fixture
def page(browser: webdriver.Chrome, site: Site) -> Iterator[Page]:
    """A desktop's browser; nothing may have been complained of at the end."""
    browser.delete_all_cookies()
    opened = Page(browser, site)
    opened.size(*DESKTOP)
    opened.open("/")
    yield opened
    assert opened.complaints() == []


@pytest.fixture(scope="module")
def gallery(site: Site) -> Iterator[None]:
    """Pictures of two places, as a worker would have embedded them; the site's other tests find it as it was."""
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c"]
    env = {**os.environ, "VAR_DIR": str(site.var_dir)}
    subprocess.run([*command, FILL], cwd=ROOT, env=env, check=True)
    yield
    subprocess.run([*command, CLEAR], cwd=ROOT, env=env, check=True)


@pytest.fixture
def taj(val: Path) -> Path:
    return val.parent.parent / "originals" / "taj-mahal.jpg"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg(71, (800, 500)))
    return path


def press(page: Page, css: str) -> None:
    """Press by keyboard, as whoever has no mouse does."""
    page.one(css).send_keys(Keys.ENTER)


@pytest.mark.shared
def test_the_heat_map_is_laid_over_the_photo_and_taken_away_again(page: Page, taj: Path) -> None:
    page.choose(taj)
    assert page.answered() == "Taj Mahal"
    assert not page.all(".heat")
    press(page, "[data-heat]")
    assert max(page.until(HEAT)) <= 1
    assert page.one("[data-heat]").get_attribute("aria-pressed") == "true"
    told = page.one(".looked-words").text
    assert told.startswith("It looked mostly") and page.one(".heat").get_attribute("alt") == told
    assert in_both_colours(page.browser) == []
    press(page, "[data-heat]")
    assert not page.all(".heat") and page.one("[data-heat]").get_attribute("aria-pressed") == "false"


def test_where_there_is_no_place_no_heat_map_is_offered(page: Page, photo: Path) -> None:
    page.choose(photo)
    page.answered()
    assert not page.all("[data-heat]")
    assert page.all("#tools a[href$='/sees/']")


@pytest.mark.shared
def test_how_it_sees_is_a_page_of_its_own(page: Page, taj: Path) -> None:
    page.choose(taj)
    page.answered()
    press(page, "#tools a[href$='/sees/']")
    page.until("document.querySelector('.sees')")
    for size in (DESKTOP, PHONE):
        page.size(*size)
        for image in page.all("main img"):
            page.browser.execute_script("arguments[0].scrollIntoView()", image)
        page.until(LOADED)
        assert len(page.all("main img")) == 5
        assert page.wide() <= 0
        assert in_both_colours(page.browser) == []


def test_a_guess_is_compared_where_it_stands(page: Page, photo: Path, gallery: None) -> None:
    page.choose(photo)
    page.answered()
    address = page.browser.current_url
    for details in page.all(".guesses > details:not([open]) > summary"):
        details.click()
    press(page, ".guesses li:nth-child(2) [data-compare]")
    name = page.until("document.querySelector('.guesses .compared h2')?.textContent")
    assert name == page.one(".guesses li:nth-child(2) .bar-name").text
    assert page.browser.execute_script("return document.activeElement.localName") == "h2"
    assert page.until("document.querySelector('.compared figure img').naturalWidth") == 800
    assert page.one(".compared-said").text.startswith("Guess 2 of 5:")
    assert page.browser.current_url == address
    assert in_both_colours(page.browser) == []
    press(page, ".guesses li:nth-child(1) [data-compare]")
    page.until(f"![{name!r}, undefined].includes(document.querySelector('.guesses .compared h2')?.textContent)")
    assert len(page.all(".guesses .compared")) == 1
    press(page, ".guesses li:nth-child(1) [data-compare]")
    page.until("!document.querySelector('.guesses .compared')")


@pytest.fixture
def scriptless(site: Site) -> Iterator[Page]:
    started = start(**{"profile.managed_default_content_settings.javascript": 2})
    yield Page(started, site)
    started.quit()


@pytest.mark.shared
def test_without_scripts_heat_map_and_comparison_are_pages(
    scriptless: Page, taj: Path, site: Site, gallery: None
) -> None:
    with taj.open("rb") as file:
        search = site.ended(site.post(file.read()).json())
    scriptless.size(*PHONE)
    scriptless.open(search["page_url"])
    assert not scriptless.one("[data-heat]").is_displayed() and not scriptless.one("[data-map]").is_displayed()
    scriptless.follow("#tools .scriptless")
    assert "It looked mostly" in scriptless.one("#looked").text
    scriptless.open(search["page_url"])
    scriptless.follow(".guesses li:nth-child(2) [data-compare]")
    assert scriptless.one(".compare-page h1").text
    assert scriptless.one(".compare-page figure img").get_attribute("alt") == "Your photo"


def test_the_map_is_fetched_on_a_press_and_from_nobody_else(page: Page, site: Site) -> None:
    page.open("/places/eiffel-tower/")
    site.tiles.asked.clear()
    own = site.url.removeprefix("http://")
    assert page.until(ORIGINS) == [own]
    assert page.until("document.readyState === 'complete'") and page.browser.execute_script(f"return {LEAFLET}") == 0
    assert f"fetched from {site.tiles.host}" in page.one(".map-offer").text
    press(page, "[data-map]")
    page.until(
        "[...document.querySelectorAll('.map .leaflet-tile')].some((tile) => tile.complete && tile.naturalWidth)"
    )
    assert set(page.until(ORIGINS)) == {own, site.tiles.host}
    assert site.tiles.asked
    # Who serves tiles learns which site asks, and not which page.
    assert {referrer for _, referrer in site.tiles.asked} == {f"{site.url}/"}
    assert page.one(".leaflet-control-attribution").text == "Tiles for tests"
    assert page.one(".map").get_attribute("aria-label") == "Eiffel Tower"
    assert not page.all(".locator") and page.all(".map-point")
    assert in_both_colours(page.browser) == []


@pytest.mark.shared
def test_a_photo_that_says_it_was_taken_elsewhere_is_said_so(page: Page, taj: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)})
    path = tmp_path / "elsewhere.jpg"
    with Image.open(taj) as image:
        image.convert("RGB").save(path, exif=exif, quality=92)
    page.choose(path)
    assert page.answered() == "Taj Mahal"
    told = page.one(".own").text
    assert "That does not agree" in told and "Eiffel Tower" in told and "Only you see this." in told
    assert in_both_colours(page.browser) == []


def test_a_photo_from_a_places_page_is_compared_with_it(page: Page, photo: Path, gallery: None) -> None:
    page.open("/places/big-ben/")
    page.choose(photo)
    page.answered()
    assert page.browser.current_url.endswith("?place=big-ben")
    assert page.one("#more section h2").text == "You came from: Big Ben"
    page.browser.refresh()
    page.answered()
    assert page.one("#more section h2").text == "You came from: Big Ben"


def test_a_places_page_fits_phone_and_desktop(page: Page, gallery: None) -> None:
    for size in (DESKTOP, PHONE):
        page.size(*size)
        page.open("/places/eiffel-tower/")
        page.browser.execute_script("document.getElementById('gallery').scrollIntoView()")
        page.until("document.querySelectorAll('#gallery img').length >= 3")
        assert page.until("[...document.querySelectorAll('#gallery img')].every((image) => image.naturalWidth)")
        assert page.wide() <= 0
        assert in_both_colours(page.browser) == []


def test_the_index_shows_the_world_and_narrows_it(page: Page) -> None:
    for size in (PHONE, DESKTOP):
        page.size(*size)
        page.open("/places/")
        assert page.wide() <= 0
        assert len(page.all(".world circle")) == len(page.all(".cards li")) >= 70
        assert page.browser.execute_script("return document.querySelector('.world use').getBBox().width") > 1000
        assert in_both_colours(page.browser) == []
    page.browser.execute_script("document.querySelector('select[name=in]').value = 'JO'")
    press(page, ".find button")
    page.until("location.search.includes('in=JO')")
    assert [name.text for name in page.all(".card-name")] == ["Petra"]
    press(page, ".cards a")
    page.until("location.pathname === '/places/petra/'")
