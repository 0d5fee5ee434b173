"""The report shows what was dropped and why, and runs nothing that strangers wrote."""

from pathlib import Path

from lxml import html

from crawler.collect import Plan, Wanted, collect
from crawler.manifest import Manifest, Row
from crawler.report import write_report
from crawler.sources.base import Query
from tests.drawings import drawing
from tests.drawn import jpeg
from tests.picture_site import picture_site

NASTY = '"><script>alert(1)</script>'


def test_it_tells_every_reason_with_a_thumbnail(tmp_path: Path) -> None:
    with picture_site() as site:
        site.pictures = {"0.jpg": jpeg(0), "1.jpg": drawing("icon", 1), "2.jpg": jpeg(2, (90, 90))}
        source = site.source("a", ["0.jpg", "1.jpg", "2.jpg", "3.jpg"])
        collect(tmp_path, [Wanted("0A", NASTY, Query(NASTY))], {"a": source}, site.tools(), Plan(5, 2))
    page = html.fromstring((tmp_path / "report.html").read_text())
    headings = {"".join(map(str, heading.itertext())) for heading in page.iter("h2")}
    assert headings == {"Drawings, maps and pages of text: 1", "Too small: 1", "Http status: 1"}
    assert "asked for 5, got 1" in "".join(map(str, page.itertext()))
    assert [image.get("src", "")[:22] for image in page.iter("img")] == ["data:image/jpeg;base64"]
    assert not list(page.iter("script"))


def test_strangers_words_and_links_do_nothing(tmp_path: Path) -> None:
    with Manifest(tmp_path) as manifest:
        manifest.append(Row("dropped", "0A", reason=NASTY, title=NASTY, page="javascript:alert(1)", sentence=NASTY))
        manifest.append(Row("dropped", "0A", reason="x", title="t", page=f"https://a.example/{NASTY}"))
    page = html.fromstring(write_report(tmp_path, [("0A", NASTY, NASTY)]).read_text())
    assert not list(page.iter("script"))
    (link,) = page.iter("a")
    assert link.get("href") == f"https://a.example/{NASTY}"
    assert link.get("rel") == "noopener noreferrer nofollow"


def test_it_needs_nothing_from_outside_and_knows_the_dark(tmp_path: Path) -> None:
    text = write_report(tmp_path, []).read_text()
    assert "default-src 'none'" in text
    assert "prefers-color-scheme:dark" in text
    assert "http" not in text.replace("http-equiv", "")
