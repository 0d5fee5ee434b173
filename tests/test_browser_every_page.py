"""What holds for every page: nothing from elsewhere, little to load, no script in it, nothing that axe finds."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.axe import in_both_colours
from tests.site import Site
from tests.test_browser import PHONE, Page, browser, page, photo

__all__ = ["browser", "page", "photo"]
pytestmark = pytest.mark.browser
PAGES = (
    "/",
    "/?url=https://example.org/a.jpg",
    "/places/",
    "/places/eiffel-tower/",
    "/history/",
    "/privacy/",
    "/contact/",
)
LOADED = """
const navigation = performance.getEntriesByType("navigation")[0];
return [navigation, ...performance.getEntriesByType("resource")].map((entry) => [entry.name, entry.encodedBodySize]);
"""
MOST_BYTES = 150_000


@pytest.fixture
def answer(page: Page, photo: Path) -> str:
    """The path of an answered search."""
    page.choose(photo)
    page.answered()
    return urlsplit(page.browser.current_url).path


def test_a_page_loads_little_and_nothing_from_elsewhere(page: Page, answer: str) -> None:
    for path in (*PAGES, answer, f"{answer}sees/"):
        page.open(path)
        loaded = page.browser.execute_script(LOADED)
        assert {urlsplit(name).netloc for name, _ in loaded} == {urlsplit(page.site.url).netloc}, path
        own = [(name, size) for name, size in loaded if not urlsplit(name).path.startswith("/media/")]
        assert 5_000 < sum(size for _, size in own) < MOST_BYTES, (path, own)


def test_no_page_has_a_script_or_a_style_in_it(site: Site) -> None:
    for path in PAGES:
        answered = site.get(path)
        policy = answered.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'self'" in policy
        assert not re.search(r"<script(?![^>]*(src=|application/json))|<style|\sstyle=|\son[a-z]+=", answered.text), (
            path
        )


def test_waiting_and_failing_are_accessible_and_fit_a_phone(
    page: Page, photo: Path, tmp_path: Path, frozen_workers: list[psutil.Process]
) -> None:
    page.size(*PHONE)
    page.choose(photo)
    page.until("document.getElementById('status')?.textContent.startsWith('The recogniser')")
    assert in_both_colours(page.browser) == []
    assert page.wide() <= 0
    for worker in frozen_workers:
        worker.resume()
    page.answered()
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    page.choose(text)
    page.until("document.querySelector('.failed-why')?.textContent")
    assert in_both_colours(page.browser) == []
    assert page.wide() <= 0
