"""The review in Chromium, by keyboard alone: decide, choose, name, undo; on a phone; what axe finds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from tests.axe import in_both_colours
from tests.site import ROOT, Site
from tests.test_admin import manage
from tests.test_browser import PHONE, Page, browser, page

__all__ = ["browser", "page"]
pytestmark = pytest.mark.browser
PASSWORD = "a long enough passphrase for the review"
PLACE = "hagia-sophia"
PEOPLE = f"""
from django.contrib.auth.models import User
for name in ("cleo", "dora"):
    user, _ = User.objects.get_or_create(username=name, defaults={{"is_staff": True, "is_superuser": True}})
    user.set_password({PASSWORD!r})
    user.save()
"""
FILL = f"""
from places import gallery
from places.models import Place
from tests.drawn import jpeg
place = Place.objects.get(slug={PLACE!r})
for number in range(8):
    gallery.embed(gallery.take_in(jpeg(4000 + number), place, source="drawn", licence="CC0").pk)
"""
AS_AT_FIRST = f"""
from places.models import Decision, Picture, Place
Decision.objects.filter(picture__source="drawn").delete()
Picture.objects.filter(source="drawn").update(status="candidate", place=Place.objects.get(slug={PLACE!r}))
"""


def shell(site: Site, code: str) -> None:
    environment = {**os.environ, "VAR_DIR": str(site.var_dir)}
    subprocess.run([sys.executable, "manage.py", "shell", "-c", code], cwd=ROOT, env=environment, check=True)


@pytest.fixture(scope="module")
def people(site: Site) -> Iterator[None]:
    shell(site, PEOPLE + FILL)
    yield
    manage(site, "axes_reset")


@pytest.fixture
def review(page: Page, people: None) -> Page:
    """The review of one place with eight candidates, cleo being logged in."""
    shell(page.site, AS_AT_FIRST)
    log_in(page, "cleo")
    page.open(f"/admin/review/?place={PLACE}")
    page.until("document.activeElement.matches('.card input')")
    return page


def log_in(page: Page, name: str) -> None:
    page.open("/admin/login/?next=/admin/review/")
    page.one("#id_username").send_keys(name)
    page.one("#id_password").send_keys(PASSWORD)
    page.follow("[type=submit]")


def press(page: Page, *keys: str) -> None:
    ActionChains(page.browser).send_keys(*keys).perform()


def current(page: Page) -> int:
    """Which picture has the focus."""
    found: int = page.browser.execute_script(
        "return [...document.querySelectorAll('.card')].indexOf(document.activeElement.closest('.card'))"
    )
    return found


def outcome(number: int) -> str:
    return f"document.querySelectorAll('.card .outcome')[{number}].textContent"


def test_keys_decide_and_go_on_and_undo_takes_back(review: Page) -> None:
    press(review, "a")
    assert current(review) == 1, "one goes on at once"
    press(review, "x")
    press(review, "n")
    press(review, "s")
    for number, word in enumerate(["approved", "rejected", "not a place", "skipped"]):
        review.until(f"{outcome(number)}.startsWith('{word}')")
    press(review, "u")
    review.until(f"{outcome(3)} === ''")
    press(review, "u")
    review.until(f"{outcome(2)} === ''")
    assert review.until(f"{outcome(1)} === 'rejected'")


def test_arrows_only_move_and_a_range_is_decided_at_once(review: Page) -> None:
    press(review, Keys.ARROW_RIGHT)
    assert current(review) == 1
    ActionChains(review.browser).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).key_up(
        Keys.SHIFT
    ).perform()
    review.until("document.querySelectorAll('.card input:checked').length === 3")
    assert "3" in review.one("#said").text
    press(review, "x")
    review.until("document.querySelectorAll('.card[data-decided]').length === 3")
    assert review.all(".card")[0].get_attribute("data-decided") is None
    press(review, "u")
    review.until("!document.querySelector('.card[data-decided]')")
    press(review, " ")
    review.until("document.querySelectorAll('.card input:checked').length === 1")
    press(review, "e")
    review.until("document.querySelectorAll('.card input:checked').length === 8")


def test_another_place_by_number_or_by_name(review: Page) -> None:
    guess = review.one("#guesses button").text.split(" ", 1)[1].rsplit(" ", 2)[0].strip()
    press(review, "1")
    review.until(f"{outcome(0)} === {('approved: ' + guess)!r}")
    press(review, "m")
    review.until("document.activeElement.id === 'other'")
    press(review, "stoneh")
    review.until("document.querySelector('#places option')?.value === 'stonehenge'")
    press(review, "enge", Keys.ENTER)
    review.until(f"{outcome(1)} === 'approved: Stonehenge'")
    assert current(review) == 2


def test_the_large_view_has_keys_of_its_own(review: Page) -> None:
    press(review, Keys.ENTER)
    first = review.until("document.getElementById('large').open && document.querySelector('#large img').src")
    press(review, Keys.ARROW_RIGHT)
    assert review.until("document.querySelector('#large img').src") != first
    press(review, "a")
    review.until(f"{outcome(1)}.startsWith('approved')")
    press(review, Keys.ESCAPE)
    review.until("!document.getElementById('large').open && document.activeElement.matches('.card input')")
    assert current(review) == 2
    press(review, "?")
    review.until("document.getElementById('help').open")
    press(review, "x")
    press(review, Keys.ESCAPE)
    review.until("!document.getElementById('help').open")
    assert not review.all(".card")[2].find_element(By.CSS_SELECTOR, ".outcome").text


def test_keys_can_be_switched_off(review: Page) -> None:
    review.one("#keys-on").click()
    review.browser.execute_script("document.querySelector('.card input').focus()")
    press(review, "x")
    press(review, Keys.ARROW_RIGHT)
    assert current(review) == 1
    assert not review.all(".card")[0].find_element(By.CSS_SELECTOR, ".outcome").text
    review.one("#keys-on").click()


def test_what_another_curator_decided_is_said_and_the_next_page_comes_by_itself(review: Page) -> None:
    decided = "Picture.objects.filter(source='drawn').order_by('-usefulness', 'pk')[:1]"
    shell(
        review.site,
        "from django.contrib.auth.models import User; from places import reviewing; from places.models import Picture;"
        f"reviewing.decide(list({decided}), 'approved', None, User.objects.get(username='dora'))",
    )
    press(review, "x")
    review.until(f"{outcome(0)}.startsWith('Already decided by dora: approved')")
    press(review, "e")
    press(review, "x")
    review.until("document.querySelector('#grid .nothing')")
    left = "Picture.objects.filter(source='drawn', status='rejected').count()"
    shell(review.site, f"from places.models import Picture; assert {left} == 7, {left}")


def test_it_is_accessible_and_fits_a_phone(review: Page) -> None:
    assert in_both_colours(review.browser) == []
    press(review, "?")
    assert in_both_colours(review.browser) == []
    press(review, Keys.ESCAPE)
    review.size(*PHONE)
    review.open(f"/admin/review/?place={PLACE}")
    assert review.wide() <= 0
    small = review.browser.execute_script(
        "return [...document.querySelectorAll('#review button, #review a, #review input')].filter((each) =>"
        "each.offsetParent && Math.min(each.offsetWidth, each.offsetHeight) < 24).map((each) => each.outerHTML)"
    )
    assert small == []
    for path in ("/admin/collecting/", "/admin/review/?show=copies"):
        review.open(path)
        assert in_both_colours(review.browser) == [], path
        assert review.wide() <= 0, path
    review.complaints()  # axe reads style sheets that others import in a way that the policy forbids
