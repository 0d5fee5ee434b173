"""A place is moved on a map in the admin: by mouse, finger and arrow keys; the number fields say where it is."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from tests.axe import in_both_colours
from tests.test_browser import PHONE, Page, browser, page
from tests.test_browser_desk import desk

__all__ = ["browser", "desk", "page"]
pytestmark = pytest.mark.browser


def at(page: Page) -> tuple[float, float]:
    found: list[float] = page.browser.execute_script(
        "return ['latitude', 'longitude'].map((name) => Number(document.getElementById(`id_${name}`).value))"
    )
    return found[0], found[1]


@pytest.fixture
def editing(desk: Page) -> Page:
    """An operator at the form of a place."""
    desk.open("/admin/places/place/?q=eiffel-tower")
    desk.follow("#result_list .field-name a")
    desk.until("!document.getElementById('place-map').hidden")
    return desk


def test_the_point_follows_the_numbers_and_they_follow_the_point(editing: Page) -> None:
    page = editing
    assert at(page) == (48.85837, 2.29448)
    point = page.one(".place-map-point")
    for _ in range(6):
        page.one("[data-zoom='2']").click()
    ActionChains(page.browser).drag_and_drop_by_offset(point, 60, -40).perform()
    page.until("Number(document.getElementById('id_longitude').value) > 2.4")
    latitude, longitude = at(page)
    assert 48.86 < latitude < 49.5 and 2.4 < longitude < 3.2
    point.send_keys(Keys.ARROW_LEFT)
    page.until(f"Number(document.getElementById('id_longitude').value) < {longitude}")
    nearer = at(page)
    point.send_keys(Keys.SHIFT, Keys.ARROW_DOWN)
    page.until(f"Number(document.getElementById('id_latitude').value) < {nearer[0]} - 0.01")
    field = page.one("#id_latitude")
    field.clear()
    field.send_keys("-33.5")
    page.until("document.querySelector('.place-map-at').textContent.startsWith('-33.50000')")
    page.follow("[name=_continue]")
    assert at(page)[0] == -33.5
    page.one("#id_latitude").clear()
    page.one("#id_latitude").send_keys("48.85837")
    page.one("#id_longitude").clear()
    page.one("#id_longitude").send_keys("2.29448")
    page.follow("[name=_save]")


def test_a_finger_moves_it_and_nothing_is_wrong_with_the_form_on_a_phone(editing: Page) -> None:
    page = editing
    page.size(*PHONE)
    page.open(urlsplit(page.browser.current_url).path)  # a phone lays its pages out anew
    page.until("!document.getElementById('place-map').hidden")
    before = at(page)
    page.browser.execute_script("document.querySelector('.place-map-land').scrollIntoView({block: 'center'})")
    where = page.browser.execute_script(
        "const at = document.querySelector('.place-map-point').getBoundingClientRect();"
        "return [at.x + at.width / 2, at.y + at.height / 2]"
    )
    for kind, far in (("touchStart", 0), ("touchMove", 20), ("touchMove", 40), ("touchEnd", 40)):
        points = [] if kind == "touchEnd" else [{"x": where[0] + far, "y": where[1]}]
        page.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.until(f"Number(document.getElementById('id_longitude').value) > {before[1]} + 20")
    assert page.wide() <= 0
    assert page.complaints() == []
    # Django's own form breaks some rules; the map none.
    assert [line for line in in_both_colours(page.browser) if "place-map" in line] == []
    page.complaints()  # axe reads style sheets that others import in a way that the policy forbids


def test_tiles_come_after_a_press_only_and_their_pin_moves_the_numbers(editing: Page) -> None:
    page = editing
    assert not page.browser.execute_script("return typeof L !== 'undefined'")
    page.one("[data-tiles]").click()
    pin = page.one(".place-map-pin")
    before = at(page)
    pin.send_keys(Keys.ARROW_RIGHT)
    page.until(f"Number(document.getElementById('id_longitude').value) > {before[1]}")
    assert abs(at(page)[1] - before[1]) < 0.001
    assert page.browser.find_element(By.CSS_SELECTOR, ".place-map-tiles img.leaflet-tile")
    assert page.complaints() == []
