"""A collector that is killed goes on where it was: nothing that was kept is asked for again."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crawler.collect import Plan, Wanted, collect
from crawler.manifest import NAME, Manifest, Row, read
from crawler.sources.base import Query
from errors import UserError
from tests.drawn import jpeg
from tests.picture_site import PictureSite, files_in, picture_site

SCRIPT = """
import sys
from pathlib import Path
from crawler.collect import Plan, Wanted, collect
from crawler.sources.base import Query
from tests.picture_site import Named, PictureSite
url, folder = sys.argv[1:]
site = PictureSite()
site.pair, site.url = url.removeprefix("http://"), url
sources = {"a": Named("a", [f"{url}/{number}.jpg" for number in range(60)])}
collect(Path(folder), [Wanted("0A", "x", Query("x"))], sources, site.tools(), Plan(60, 4))
"""


def finished(site: PictureSite, folder: Path) -> int:
    source = site.source("a", [f"{number}.jpg" for number in range(60)])
    outcome = collect(folder, [Wanted("0A", "x", Query("x"))], {"a": source}, site.tools(), Plan(60, 4))
    return outcome.results[0].kept


def kept(folder: Path) -> list[str]:
    path = folder / NAME
    lines = path.read_text().splitlines() if path.exists() else []
    return [row["url"] for row in map(json.loads, lines) if row["event"] == "kept"]


@pytest.mark.parametrize("after", [3, 17, 40])
def test_a_killed_run_goes_on_without_a_second_request(tmp_path: Path, after: int) -> None:
    with picture_site() as site:
        site.pictures = {f"{number}.jpg": jpeg(number) for number in range(60)}
        site.pause_s = 0.02
        with subprocess.Popen([sys.executable, "-c", SCRIPT, site.url, str(tmp_path)]) as process:
            until = time.monotonic() + 60
            while len(kept(tmp_path)) < after:
                assert process.poll() is None
                assert time.monotonic() < until
                site.closing.wait(0.01)
            process.send_signal(signal.SIGKILL)
        before = kept(tmp_path)
        assert after <= len(before) < 60
        asked = site.asked.copy()
        assert finished(site, tmp_path) == 60
        for url in before:
            name = url.rpartition("/")[2]
            assert site.asked[name] == asked[name] == 1
    assert len(files_in(tmp_path)) == 60
    assert sorted(row.file for row in read(tmp_path) if row.event == "kept") == files_in(tmp_path)


def test_what_was_being_written_gets_its_name_or_goes(tmp_path: Path) -> None:
    with picture_site() as site:
        site.pictures = {f"{number}.jpg": jpeg(number) for number in range(60)}
        finished(site, tmp_path)
        # Killed between the row and the name; killed before the row; a power cut after both.
        (tmp_path / "0A/000060.jpg").rename(tmp_path / "0A/000060.part")
        (tmp_path / "0A/000061.part").write_bytes(b"half a picture")
        (tmp_path / "0A/000007.jpg").write_bytes(b"")
        lost = next(row.url for row in read(tmp_path) if row.file == "0A/000007.jpg")
        site.asked.clear()
        assert finished(site, tmp_path) == 60
        assert {name for name in site.asked if name != "robots.txt"} == {lost.rpartition("/")[2]}
    assert not list(tmp_path.rglob("*.part"))


def test_a_torn_last_line_is_dropped(tmp_path: Path) -> None:
    with Manifest(tmp_path) as manifest:
        manifest.append(Row("kept", "0A", file="0A/000001.jpg"))
    with (tmp_path / NAME).open("a") as file:
        file.write('{"event": "kept", "fol')
    with Manifest(tmp_path) as manifest:
        manifest.append(Row("dropped", "0A", reason="too_small"))
    assert [row.event for row in read(tmp_path)] == ["kept", "dropped"]


def test_a_manifest_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"event": "kept", "folder": "0A"}\n[]\n')
    with pytest.raises(UserError, match="Line 2"):
        list(read(tmp_path))
