"""``manage.py collect`` and the functions behind it: places, lists and names become folders of pictures."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from crawler import spreadsheet
from errors import UserError
from places import collecting, denying
from places.models import Place
from tests.drawn import jpeg
from tests.picture_site import NO_DELAYS, PictureSite, files_in, picture_site
from tests.standins import BingStandIn

ROOT = Path(__file__).parent.parent


@pytest.fixture
def bing(settings: Settings) -> Iterator[BingStandIn]:
    with BingStandIn() as standin:
        settings.BING_BASE_URL = standin.url
        settings.FETCH_ALLOW_PRIVATE = frozenset({standin.pair})
        yield standin


@pytest.fixture
def site(settings: Settings) -> Iterator[PictureSite]:
    with picture_site() as started:
        started.pictures = {f"{number}.jpg": jpeg(number) for number in range(20)}
        settings.FETCH_ALLOW_PRIVATE = frozenset({started.pair})
        yield started


def place(slug: str, name: str, query: str = "") -> Place:
    return Place.objects.create(slug=slug, name=name, country="FR", latitude=48.8, longitude=2.3, query=query)


def said(*arguments: object) -> str:
    out = io.StringIO()
    call_command("collect", *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_places_of_the_database_get_a_folder_each(bing: BingStandIn, tmp_path: Path) -> None:
    place("lantern-bridge", "Lantern Bridge", "lantern bridge at night")
    told = said(tmp_path, "--places", "lantern-bridge", "--per-class", 1, "--sources", "bing", "--drawings")
    assert "Lantern Bridge: asked for 1, got 1." in told
    assert files_in(tmp_path) == ["lantern-bridge/000001.jpg"]
    assert bing.asked[0].params["q"] == "lantern bridge at night"


@pytest.mark.django_db
def test_rows_of_a_list_get_a_folder_an_index(bing: BingStandIn, tmp_path: Path) -> None:
    rows = [spreadsheet.Listed("Old Mill", "0A", "old mill"), spreadsheet.Listed("Gate", "1F", "gate")]
    spreadsheet.write(tmp_path / "list.xlsx", rows)
    said(tmp_path / "out", "--list", tmp_path / "list.xlsx", "--per-class", 1, "--sources", "bing", "--drawings")
    assert files_in(tmp_path / "out") == ["0A/000001.jpg", "1F/000001.jpg"]


@pytest.mark.django_db
def test_a_list_of_places_can_be_written_and_read(tmp_path: Path) -> None:
    tower = place("tower", "=Tower", "the tower")
    said("--write-list", tmp_path / "list.csv", "--places", "tower")
    (wanted,) = collecting.of_list(tmp_path / "list.csv")
    assert (wanted.folder, wanted.name, wanted.query.text) == (f"{tower.pk:04X}", "=Tower", "the tower")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--places", "nowhere"], "no place nowhere"),
        (["--collection", "nothing"], "no such places"),
        (["--classes", "cat, cat"], "different names"),
        (["--list", "none.xlsx"], "no such file"),
        (["--classes", "cat", "--sources", "altavista"], "There are: commons"),
        (["--classes", "cat", "--sources", "flickr"], "FLICKR_API_KEY"),
        (["--classes", "cat", "--per-class", "0"], "1 to 1,000,000"),
        (["--classes", "cat", "--places", "tower"], "not allowed with"),
        ([], "one of the arguments"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path: Path, arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        said(tmp_path / "out", *arguments)


@pytest.mark.django_db
def test_a_source_that_is_blocked_is_named(bing: BingStandIn, tmp_path: Path) -> None:
    bing.shape = "captcha"
    out = io.StringIO()
    with pytest.raises(CommandError, match="Nothing was collected"):
        call_command("collect", str(tmp_path), "--classes", "cat", "--sources", "bing", stdout=out)
    assert "Bing is not answering us right now" in out.getvalue()


@pytest.mark.django_db
def test_classes_become_folders_of_equal_numbers(site: PictureSite, tmp_path: Path) -> None:
    source = site.source("a", [f"{number}.jpg" for number in range(9)])
    outcome = collecting.collect_classes(["Old Mill", "a/b"], 5, tmp_path, {"a": source}, manners=NO_DELAYS)
    # One source names the same pictures for both, and a picture's address is asked once.
    assert outcome.equal == 4
    assert files_in(tmp_path) == [f"{name}/{n:06d}.jpg" for name in ("Old Mill", "a-b") for n in (1, 2, 3, 4)]


def test_names_that_make_no_folder_are_refused() -> None:
    for names in (["cat", "Cat"], [""], ["cat", "..."], ["a/b", "a\\b"]):
        with pytest.raises(UserError):
            collecting.of_names(names)


@pytest.mark.django_db
def test_the_deny_list_is_a_file_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "denied.txt"
    path.write_text(f"bad.example\nhttps://ok.example/a.jpg\n{'ab' * 32}\n{'0f' * 8}\n")
    denied = denying.denied(path)
    assert denied.denies_url("http://www.bad.example/x.jpg")
    assert denied.denies_url("https://ok.example/a.jpg")
    assert not denied.denies_url("https://ok.example/b.jpg")
    assert denied.denies_picture("ab" * 32)
    assert denied.denies_picture("cd" * 32, 0x0F0F0F0F0F0F0F0F)
    assert not denying.denied(tmp_path / "none").denies_picture("ab" * 32)


def test_ctrl_c_stops_and_says_how_to_go_on(tmp_path: Path) -> None:
    with BingStandIn() as standin:
        environment = os.environ | {
            "BING_BASE_URL": standin.url,
            "FETCH_ALLOW_PRIVATE": standin.pair,
        }
        arguments = ["collect", str(tmp_path), "--classes", "cat", "--sources", "bing", "--drawings"]
        command = [sys.executable, "manage.py", *arguments]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
            until = time.monotonic() + 60
            while not list(tmp_path.rglob("*.jpg")):
                assert process.poll() is None
                assert time.monotonic() < until
                standin.stopping.wait(0.05)
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            told = process.stderr.read()
        assert process.returncode == 130
    assert "The same command goes on from here" in told
    assert (tmp_path / "report.html").is_file()


def test_help_has_examples() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "collect", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "manage.py collect photos --list places.xlsx" in done.stdout
    assert all(len(line) <= 120 for line in done.stdout.splitlines())
