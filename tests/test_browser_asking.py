"""Asking, waiting and what comes after, in Chromium: mouse, finger, keyboard; cancelling, keeping, sharing."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys

from tests.axe import in_both_colours
from tests.drawn import jpeg
from tests.line import Line
from tests.pictures import encode, scene
from tests.site import Site, until
from tests.test_browser import DESKTOP, DROPPED, PHONE, Page, start

pytestmark = pytest.mark.browser
FRAME = "getComputedStyle(document.querySelector('.crop-frame'))"
UPLOADS = "performance.getEntriesByType('resource').filter((one) => one.initiatorType === 'xmlhttprequest').length"


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
    browser.execute_script("localStorage.clear()")
    yield opened
    assert opened.complaints() == []


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg(41, (800, 500)))
    return path


def search_of(page: Page) -> dict[str, Any]:
    """The search whose page is open, as the API has it."""
    pk = page.browser.current_url.split("/s/")[1].split("/")[0]
    found: dict[str, Any] = page.site.get(f"/api/v1/searches/{pk}/").json()
    return found


def crop_first(page: Page, photo: Path) -> None:
    """Choose a photo and have the frame over it."""
    page.one("main .crop-first").click()
    page.choose(photo)
    page.until("document.querySelector('.crop-frame') && document.querySelector('#frame.known')")


def numbers(page: Page) -> list[float]:
    """The four numbers beside the frame, as fractions."""
    names = ("left", "top", "width", "height")
    return [float(page.one(f"main form [name={name}]").get_attribute("value") or "nan") / 100 for name in names]


def test_a_part_is_dragged_with_the_mouse_before_anything_is_sent(page: Page, photo: Path) -> None:
    crop_first(page, photo)
    assert page.browser.execute_script(f"return {UPLOADS}") == 0
    frame = page.one("#frame")
    width, height = frame.size["width"], frame.size["height"]
    corner = page.one(".crop-frame [data-corner=se]")
    ActionChains(page.browser).drag_and_drop_by_offset(corner, -int(width * 0.2), -int(height * 0.3)).perform()
    assert numbers(page) == pytest.approx([0.15, 0.15, 0.5, 0.4], abs=0.01)
    inside = page.one(".crop-frame")
    ActionChains(page.browser).drag_and_drop_by_offset(inside, int(width * 0.1), int(height * 0.2)).perform()
    assert numbers(page) == pytest.approx([0.25, 0.35, 0.5, 0.4], abs=0.01)
    chosen = numbers(page)
    page.one(".crop-form .btn-primary").click()
    page.answered()
    assert search_of(page)["crop"] == pytest.approx(chosen, abs=0.001)
    assert page.all("#frame .crop-seen")


def test_a_new_part_is_drawn_beside_the_old_one(page: Page, photo: Path) -> None:
    crop_first(page, photo)
    frame = page.one("#frame")
    width, height = frame.size["width"], frame.size["height"]
    start_x, start_y = -int(width * 0.48), -int(height * 0.48)
    drag = ActionChains(page.browser).move_to_element_with_offset(frame, start_x, start_y).click_and_hold()
    drag.move_by_offset(int(width * 0.3), int(height * 0.4)).release().perform()
    assert numbers(page) == pytest.approx([0.02, 0.02, 0.3, 0.4], abs=0.01)


def test_a_finger_moves_the_part(page: Page, photo: Path) -> None:
    crop_first(page, photo)
    area = page.browser.execute_script("return document.getElementById('frame').getBoundingClientRect().toJSON()")
    points = [(0.5, 0.5), (0.45, 0.45), (0.4, 0.4)]
    for kind, (x, y) in zip(("touchStart", "touchMove", "touchMove"), points, strict=True):
        at = {"x": area["x"] + x * area["width"], "y": area["y"] + y * area["height"]}
        page.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
    page.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert numbers(page) == pytest.approx([0.05, 0.05, 0.7, 0.7], abs=0.01)


def test_arrow_keys_move_the_part_and_with_shift_change_its_size(page: Page, photo: Path) -> None:
    crop_first(page, photo)
    focused = "return document.activeElement.matches('.crop-frame')"
    assert page.browser.execute_script(focused)
    ActionChains(page.browser).send_keys(Keys.TAB).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    assert page.browser.execute_script(focused)
    assert page.browser.execute_script(f"return {FRAME}.outlineWidth") == "3px"
    ActionChains(page.browser).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_UP).perform()
    assert numbers(page) == pytest.approx([0.19, 0.13, 0.7, 0.7], abs=0.001)
    ActionChains(page.browser).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT, Keys.ARROW_DOWN).key_up(
        Keys.SHIFT
    ).perform()
    assert numbers(page) == pytest.approx([0.19, 0.13, 0.68, 0.72], abs=0.001)
    ActionChains(page.browser).send_keys(*[Keys.ARROW_LEFT] * 20).perform()
    assert numbers(page)[0] == 0


def test_numbers_move_the_frame(page: Page, photo: Path) -> None:
    crop_first(page, photo)
    for name, value in (("left", "50"), ("width", "40")):
        field = page.one(f".crop-form [name={name}]")
        field.clear()
        field.send_keys(value)
    assert page.one(".crop-frame").get_attribute("style").startswith("--left: 50%")  # type: ignore[union-attr]
    page.one(".crop-form .btn-primary").click()
    page.answered()
    assert search_of(page)["crop"] == pytest.approx([0.5, 0.15, 0.4, 0.7], abs=0.001)


def test_a_photo_is_removed_before_it_is_sent(page: Page, photo: Path) -> None:
    crop_first(page, photo)
    page.one(".crop-form .remove").click()
    assert page.all("main .home")
    assert page.browser.execute_script(f"return {UPLOADS}") == 0
    page.one("main .crop-first").click()


def test_a_part_is_selected_from_the_answer_with_the_keyboard_and_nothing_is_sent_again(
    page: Page, photo: Path
) -> None:
    page.choose(photo)
    page.answered()
    first, sent = page.browser.current_url, page.browser.execute_script(f"return {UPLOADS}")
    page.browser.execute_script("window.kept = true; document.querySelector('details.part summary').focus()")
    ActionChains(page.browser).send_keys(Keys.ENTER).perform()
    page.until("document.querySelector('.crop-frame')")
    page.browser.execute_script("document.querySelector('.crop-frame').focus()")
    ActionChains(page.browser).key_down(Keys.SHIFT).send_keys(*[Keys.ARROW_LEFT] * 10).key_up(Keys.SHIFT).perform()
    chosen = numbers_of_part(page)
    page.one(".part-form .btn-primary").click()
    page.until(f"location.href !== '{first}'")
    page.answered()
    assert search_of(page)["crop"] == pytest.approx(chosen, abs=0.001)
    assert page.browser.execute_script(f"return window.kept && {UPLOADS}") == sent
    assert page.until("document.querySelector('#frame .crop-seen')")
    page.browser.back()
    page.until(f"location.href === '{first}' && document.querySelector('#frame img')?.naturalWidth")
    assert not page.all("#frame .crop-seen")


def numbers_of_part(page: Page) -> list[float]:
    """The four numbers of the answer's own form."""
    fields = "document.querySelector('.part-form').elements"
    found: list[float] = page.browser.execute_script(
        f"return ['left', 'top', 'width', 'height'].map((name) => {fields}[name].value / 100)"
    )
    return found


def test_cancelling_while_it_waits_takes_the_photo_back(
    page: Page, photo: Path, frozen_workers: list[psutil.Process]
) -> None:
    page.choose(photo)
    page.until("location.pathname.startsWith('/s/')")
    pk = search_of(page)["id"]
    page.one(".cancel").click()
    page.until("document.getElementById('tell').textContent.startsWith('Cancelled.')")
    assert page.all("main .home") and page.browser.current_url == f"{page.site.url}/"
    until(lambda: page.site.get(f"/api/v1/searches/{pk}/").status_code == 410, 10, "its deletion")
    assert not list((page.site.var_dir / "media").rglob(f"*{pk}*"))


def test_cancelling_before_the_site_has_answered_leaves_nothing_there(
    page: Page, photo: Path, frozen_workers: list[psutil.Process]
) -> None:
    originals = page.site.var_dir / "media" / "searches"
    before = set(originals.iterdir())
    page.choose(photo)
    until(lambda: set(originals.iterdir()) - before, 10, "the photo's arrival")
    page.one(".cancel").click()
    page.until("document.getElementById('tell').textContent.startsWith('Cancelled.')")
    until(lambda: not set(originals.iterdir()) - before, 10, "its deletion")


def test_waiting_says_how_long_it_has_taken(page: Page, photo: Path, frozen_workers: list[psutil.Process]) -> None:
    page.choose(photo)
    assert "so far" in page.until("document.getElementById('elapsed')?.textContent")
    for worker in frozen_workers:
        worker.resume()
    assert page.answered()


def test_of_several_photos_one_is_picked_and_the_others_stay_at_hand(page: Page) -> None:
    page.browser.execute_script("window.kept = true")
    page.browser.execute_async_script(DROPPED, 3)
    assert page.one(".tray h2").text == "Which photo?"
    assert len(page.all(".tray li")) == 3
    assert page.browser.execute_script(f"return {UPLOADS}") == 0
    seen: set[str] = set()
    for turn in (1, 2):
        page.all(".tray li button")[turn].click()
        page.until(f"location.pathname.startsWith('/s/') && !{json.dumps(sorted(seen))}.includes(location.href)")
        page.answered()
        seen.add(page.browser.current_url)
        assert len(page.all(".tray li")) == 3
    assert page.browser.execute_script("return window.kept")
    assert page.one(".tray li:nth-child(3) button").get_attribute("aria-current") == "true"
    page.one(".tray .clear").click()
    assert not page.all(".tray")


def test_one_photo_among_other_files_needs_no_question(page: Page) -> None:
    dropped = DROPPED.replace("n < count; n++) data", "n < count; n++) data.items.add(new File(['x'], 'x.txt')), data")
    page.browser.execute_async_script(dropped, 1)
    assert page.answered()


def test_an_address_from_elsewhere_is_searched_at_one_press(page: Page) -> None:
    page.open(f"/?url={page.site.bing.url}pictures/elsewhere.jpg")
    assert page.browser.execute_script("return document.activeElement.textContent.trim()") == "Search"
    assert not [asked for asked in page.site.bing.asked if "elsewhere" in asked.path]
    ActionChains(page.browser).send_keys(Keys.ENTER).perform()
    assert page.answered()


def test_a_photo_over_the_limit_is_made_smaller_before_it_is_sent(page: Page, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1500, 3600, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG", compress_level=1)
    path = tmp_path / "large.png"
    path.write_bytes(out.getvalue())
    assert path.stat().st_size > 10 * 1024 * 1024
    page.choose(path)
    assert page.answered()
    assert search_of(page)["state"] == "done"


def test_a_file_over_the_limit_that_no_browser_can_read_is_not_even_sent(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(bytes(11 * 1024 * 1024))
    page.choose(path)
    page.until("document.getElementById('tell').textContent.endsWith('Please send one of at most 10 MB.')")
    assert page.all("main .home")
    assert page.browser.execute_script(f"return {UPLOADS}") == 0


def test_a_heic_from_a_disk_is_shown_once_the_site_has_read_it(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "photo.heic"
    path.write_bytes(encode(scene(640, 480), "HEIF", quality=80))
    page.one("main .crop-first").click()
    page.choose(path)
    assert page.one("#tell").text.startswith("! This browser cannot show") or page.until(
        "document.getElementById('tell').textContent.startsWith('This browser cannot show')"
    )
    page.answered()
    assert page.until("document.querySelector('#frame img')?.naturalWidth") == 640
    page.one("main .crop-first").click()


def test_a_network_lost_in_the_middle_of_sending_keeps_the_photo(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg(42) + bytes(8 * 1024 * 1024))
    with Line(page.site.url) as line:
        page.browser.get(line.url)
        line.breaks_after = 2 * 1024 * 1024
        page.choose(path)
        page.until("document.querySelector('.retry')")
        assert "could not be reached" in page.one(".failed-why").text
        line.breaks_after = None
        page.complaints()  # that it broke is no complaint
        page.one(".retry").click()
        assert page.answered()
        page.open("/")  # before the line is gone, which pictures still come by


def entries(page: Page) -> list[dict[str, str]]:
    """What this browser keeps of its searches."""
    found: list[dict[str, str]] = page.browser.execute_script("return JSON.parse(localStorage.searches ?? '[]')")
    return found


def remembered(page: Page, count: int) -> None:
    page.until(f"JSON.parse(localStorage.searches ?? '[]').length === {count}")


def test_searches_are_found_again_and_forgotten_on_this_device_only(page: Page, photo: Path) -> None:
    headings = []
    for count in (1, 2):
        page.choose(photo)
        headings.append(page.answered())
        remembered(page, count)
        first = page.browser.current_url
        page.open("/")
    kept = entries(page)
    assert all(entry["thumb"].startswith("data:image/jpeg") and len(entry["thumb"]) <= 6 * 1024 for entry in kept)
    page.follow("footer a[href='/history/']")
    page.until("document.querySelectorAll('.history-list li').length === 2")
    assert page.until("document.querySelector('.history-list img').naturalWidth > 10")
    page.follow(".history-list li a")
    assert page.browser.current_url == first
    page.open("/history/")
    page.one(".history-list .forget").click()
    page.until("document.querySelectorAll('.history-list li').length === 1")
    page.one(".forget-all").click()
    assert page.until("document.querySelector('.history-none')?.checkVisibility()")
    assert entries(page) == []
    cookies = {cookie["name"] for cookie in page.browser.get_cookies()}
    assert cookies <= {"csrftoken"}


def test_a_deleted_search_leaves_the_history(page: Page, photo: Path) -> None:
    page.choose(photo)
    page.answered()
    remembered(page, 1)
    page.one("form[action$='delete/'] button").click()
    page.until("document.querySelector('h1')?.textContent === 'This photo was deleted'")
    assert entries(page) == []


def test_an_entry_goes_when_its_photo_went(page: Page, photo: Path) -> None:
    page.choose(photo)
    page.answered()
    remembered(page, 1)
    (entry,) = entries(page)
    old = json.dumps([{**entry, "expires": "2020-01-01T00:00:00+00:00"}])
    page.browser.execute_script("localStorage.searches = arguments[0]", old)
    page.open("/history/")
    assert not page.all(".history-list li")


def test_a_strangers_search_is_not_remembered(page: Page) -> None:
    posted = page.site.post(jpeg(43)).json()
    page.site.ended(posted)
    page.open(posted["page_url"])
    page.until("document.querySelector('#frame img')?.naturalWidth && document.querySelector('.share:not([hidden])')")
    assert entries(page) == []


def test_an_answer_is_shared_by_the_system_or_its_address_copied_or_shown(page: Page, photo: Path) -> None:
    page.choose(photo)
    page.answered()
    own = page.browser.current_url
    page.browser.execute_script("navigator.share = (what) => { window.shared = what; return Promise.resolve(); }")
    page.one(".share").click()
    assert page.until("window.shared?.url") == own
    page.browser.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": page.site.url},
    )
    page.browser.execute_script("navigator.share = undefined")
    page.one(".share").click()
    assert page.until("document.querySelector('.shared').textContent") == "The address is copied."
    page.browser.execute_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.one(".share").click()
    assert page.until("document.querySelector('.shared input')?.value") == own


def test_back_and_forward_show_what_was_there(page: Page, photo: Path) -> None:
    page.choose(photo)
    first = page.answered()
    address = page.browser.current_url
    page.browser.back()
    page.until("document.querySelector('main .home')")
    page.browser.forward()
    page.until("document.querySelector('#frame img')?.naturalWidth === 800")
    assert page.answered() == first
    assert page.browser.current_url == address


def test_a_search_deleted_in_one_tab_is_gone_in_the_other(page: Page, photo: Path) -> None:
    page.choose(photo)
    page.answered()
    first, address = page.browser.current_window_handle, page.browser.current_url
    page.browser.switch_to.new_window("tab")
    page.browser.get(address)
    page.one("form[action$='delete/'] button").click()
    page.until("document.querySelector('h1')?.textContent === 'This photo was deleted'")
    page.browser.close()
    page.browser.switch_to.window(first)
    page.one(".feedback summary").click()
    page.one(".feedback button[value=no]").click()
    page.until("document.querySelector('h1')?.textContent === 'This photo was deleted'")


def test_a_place_is_chosen_by_some_letters(page: Page, photo: Path) -> None:
    page.choose(photo)
    page.answered()
    page.one(".feedback summary").click()
    page.one("#it-is").send_keys("Atlantis")
    page.one(".feedback button[value=no]").click()
    assert "choose a place of the list" in page.one("#it-is").get_property("validationMessage")  # type: ignore[operator]
    page.one("#it-is").clear()
    page.one("#it-is").send_keys("big ben")
    page.one(".feedback button[value=no]").click()
    assert page.until("document.getElementById('said')?.textContent").strip().endswith("Big Ben.")


def test_a_phone_has_a_button_of_its_own_for_the_camera(page: Page) -> None:
    page.size(*PHONE)
    page.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 1})
    try:
        page.open("/")
        assert page.one("main .camera").is_displayed()
        assert not page.one("main .hint").is_displayed()
    finally:
        page.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    page.size(*DESKTOP)
    page.open("/")
    assert not page.one("main .camera").is_displayed()


def test_every_step_is_accessible_and_fits_a_phone(page: Page, photo: Path, tmp_path: Path) -> None:
    def check(step: str) -> None:
        page.size(*PHONE)
        assert page.wide() <= 0, step
        assert in_both_colours(page.browser) == [], step

    page.open("/?url=https://example.org/a.jpg")
    check("an address from elsewhere")
    page.open("/")
    page.one(".elsewhere summary").click()
    check("the first page")
    page.browser.execute_async_script(DROPPED, 3)
    check("several photos")
    page.one(".tray .clear").click()
    crop_first(page, photo)
    check("a part, before sending")
    page.one(".crop-form .btn-primary").click()
    page.answered()
    page.one("details.part summary").click()
    page.until("document.querySelector('.crop-frame')")
    check("a part, from the answer")
    page.open("/history/")
    check("the history")
    page.open("/")
    page.browser.execute_script("localStorage.clear()")
