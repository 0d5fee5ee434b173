"""The page in a browser: how much it loads of its own files, and how soon it can be used.

python -m bench page
"""

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from selenium import webdriver

from bench.summary import line, page, row, table
from tests.drawn import jpeg
from tests.site import start_site
from tests.test_browser import Page, start

PAGES = {"the first page": "/", "all places": "/places/", "one place": "/places/eiffel-tower/", "privacy": "/privacy/"}
ANSWER = "an answer"
LOADS = 9
MOST_KB, MOST_MS = 150, 1000
# Photos and pictures of results are no files of the page.
OWN = """
const navigation = performance.getEntriesByType("navigation")[0];
const own = ({name}) => !new URL(name).pathname.startsWith("/media/");
const files = performance.getEntriesByType("resource").filter(own);
const bytes = [navigation, ...files].reduce((sum, entry) => sum + entry.encodedBodySize, 0);
return [bytes / 1000, navigation.domContentLoadedEventEnd];
"""


def measure(out: Path, quick: bool = False) -> list[str]:
    """Write page.md to ``out``; return the rows of the summary."""
    found = dict(measured(2 if quick else LOADS))
    rows = [line(name, f"{kilobytes:.0f}", f"{ms:.0f}") for name, (kilobytes, ms) in found.items()]
    text = [
        "Chromium without a window on the same cores, its cache off. The page can be used once its document is read",
        "and its scripts have run (DOMContentLoaded). Files are HTML, style sheets, scripts, drawings, as compressed",
        "as they are sent.",
        "",
        *table(("page", "own files, kB", "until it can be used, ms"), rows),
    ]
    page(out / "page.md", "The page in a browser", text, quick)
    largest, slowest = (max(found, key=lambda name: found[name][column]) for column in (0, 1))
    kilobytes, ms = found[largest][0], found[slowest][1]
    return [
        row(
            f"a page's own files, compressed: the most ({largest})",
            f"{kilobytes:.0f} kB",
            f"under {MOST_KB} kB",
            kilobytes < MOST_KB,
        ),
        row(
            f"first view until it can be used: the longest ({slowest})", f"{ms:.0f} ms", "under a second", ms < MOST_MS
        ),
    ]


def measured(loads: int) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield kilobytes and median milliseconds of each page."""
    with start_site() as site, opened() as browser, tempfile.TemporaryDirectory() as folder:
        shown = Page(browser, site)
        photo = Path(folder) / "photo.jpg"
        photo.write_bytes(jpeg(31, (800, 500)))
        shown.open("/")
        shown.choose(photo)
        shown.answered()
        answer = urlsplit(browser.current_url).path
        browser.execute_cdp_cmd("Network.enable", {})
        browser.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
        for name, path in {**PAGES, ANSWER: answer}.items():
            times = []
            for _ in range(loads):
                shown.open(path)
                kilobytes, ms = browser.execute_script(OWN)
                times.append(ms)
            yield name, (kilobytes, statistics.median(times))


@contextmanager
def opened() -> Iterator[webdriver.Chrome]:
    """Open a browser, and close it at the end."""
    browser = start()
    try:
        yield browser
    finally:
        browser.quit()
