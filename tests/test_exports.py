"""Exports: every table in every form, whole, harmless in a spreadsheet, and for those who may have it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db.models import QuerySet
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from places import denying, exporting, reviewing
from places.models import Alias, Collection, Denied, Feedback, Picture, Place
from tests.answers import picture, place
from tests.curators import at_the_admin, somebody

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("plain_static")]


@pytest.fixture
def by() -> User:
    return somebody()


@pytest.fixture
def tower(by: User) -> Place:
    tower = place("tower", name="Tall Tower", name_ko="높은 탑")
    tower.collections.add(Collection.objects.create(slug="seoul", name="Seoul"))
    Alias.objects.create(place=tower, name="The Needle")
    shown = picture(tower, title="=cmd|' /C calc'!A0", author="Ada", licence="CC BY 4.0", page_url="https://a.example/")
    reviewing.decide([shown], "rejected", None, by)
    Feedback.objects.create(right=False, answered=tower, picture=shown)
    return tower


def lines(name: str) -> list[dict[str, Any]]:
    text = b"".join(exporting.text(exporting.TABLES[name], "jsonl")).decode()
    return [json.loads(line) for line in text.splitlines()]


def sheet(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def test_places_come_with_names_position_collections_and_the_hexadecimal_index(tower: Place) -> None:
    (row,) = sheet(b"".join(exporting.text(exporting.PLACES, "csv")))
    assert (row["index"], row["slug"], row["name_ko"]) == (f"{tower.pk:04X}", "tower", "높은 탑")
    assert (row["aliases"], row["collections"], row["latitude"]) == ("The Needle", "seoul", "52.5")


def test_the_manifest_says_where_each_picture_is_from_and_who_decided(tower: Place) -> None:
    (row,) = lines("manifest")
    assert (row["place"], row["status"], row["author"], row["licence"]) == ("tower", "rejected", "Ada", "CC BY 4.0")
    assert (row["page_url"], row["decided_by"]) == ("https://a.example/", "bo")
    assert row["sha256"] == Picture.objects.get().content_hash


def test_decisions_and_feedback_come_with_who_and_when_and_no_search(tower: Place) -> None:
    (decision,) = lines("decisions")
    assert (decision["by"], decision["from_status"], decision["to_status"]) == ("bo", "approved", "rejected")
    (said,) = lines("feedback")
    assert (said["right"], said["answered"], said["picture"]) == (False, "tower", str(Picture.objects.get().pk))
    assert not any("search" in name for name in said)


@pytest.mark.parametrize("begins", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula_in_a_spreadsheet(tower: Place, begins: str) -> None:
    Picture.objects.update(title=begins)
    (row,) = sheet(b"".join(exporting.text(exporting.MANIFEST, "csv")))
    assert row["title"] == f"'{begins}"
    assert lines("manifest")[0]["title"] == begins


def test_numbers_below_nought_stay_numbers(tower: Place) -> None:
    Place.objects.update(latitude=-33.9)
    assert sheet(b"".join(exporting.text(exporting.PLACES, "csv")))[0]["latitude"] == "-33.9"


@pytest.mark.parametrize("kind", ["sha256", "host", "page"])
def test_what_was_taken_down_is_in_no_manifest(tower: Place, kind: str) -> None:
    found = {"sha256": Picture.objects.get().content_hash, "host": "a.example", "page": "https://a.example/"}
    Denied.objects.create(kind=kind, value=found[kind])
    denying.enforce()
    assert lines("manifest") == []


def test_of_a_denied_host_with_many_pictures_all_are_out_at_once_and_nothing_else(
    tower: Place, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    Picture.objects.bulk_create(
        Picture(place=tower, content_hash=f"{n:064}", page_url=f"https://{'b' if n % 2 else 'c'}.example/{n}")
        for n in range(1200)
    )
    Denied.objects.create(kind="host", value="b.example")
    with django_assert_max_num_queries(12):
        assert denying.enforce() == 600
    assert len(lines("manifest")) == 601
    assert denying.enforce() == 0


def test_every_row_comes_once_over_many_batches(tower: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "BATCH", 7)
    Picture.objects.bulk_create(Picture(place=tower, content_hash=str(n)) for n in range(27))
    told: list[int] = []
    rows = list(exporting.MANIFEST.rows(told.append))
    assert len({row[0] for row in rows}) == len(rows) == 28 == sum(told)
    assert told == [7, 7, 7, 7, 0]


def test_memory_does_not_grow_with_the_rows(tower: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "BATCH", 150)
    Picture.objects.bulk_create(Picture(place=tower, content_hash=f"{n:05}", title="x" * 99) for n in range(2000))
    assert peak(exporting.MANIFEST) < 2 * peak(exporting.Table("", few, exporting.MANIFEST.columns))


def few() -> QuerySet[Picture]:
    return exporting.MANIFEST.found().filter(content_hash__lt="00200")


def peak(table: exporting.Table) -> int:
    """Return the most bytes that Python held while a table was written."""
    tracemalloc.start()
    for _ in exporting.text(table, "csv"):
        pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


# At the admin


def test_a_curator_gets_each_file_and_everything_in_one(tower: Place, by: User) -> None:
    client = at_the_admin(by)
    page = client.get("/admin/export/").content.decode()
    for name in exporting.TABLES:
        for kind in exporting.FORMATS:
            path = f"/admin/export/{name}.{kind}"
            assert path in page
            answer = client.get(path)
            assert f"{name}.{kind}" in answer["Content-Disposition"]
            assert answer.streaming and b"tower" in b"".join(parts(answer))
    packed = zipfile.ZipFile(io.BytesIO(b"".join(parts(client.get("/admin/export/all.zip")))))
    assert packed.testzip() is None
    assert set(packed.namelist()) == {f"{name}.{kind}" for name in exporting.TABLES for kind in exporting.FORMATS}
    assert sheet(packed.read("places.csv"))[0]["slug"] == "tower"


def parts(answer: Any) -> Iterator[bytes]:
    return iter(answer.streaming_content)


def test_who_may_see_pictures_only_gets_only_those(tower: Place) -> None:
    cy = User.objects.create_user("cy", is_staff=True)
    cy.user_permissions.add(Permission.objects.get(codename="view_picture"))
    client = at_the_admin(cy)
    assert client.get("/admin/export/manifest.csv").status_code == 200
    assert client.get("/admin/export/feedback.csv").status_code == 403
    assert "feedback" not in client.get("/admin/export/").content.decode().partition('id="content"')[2]
    names = zipfile.ZipFile(io.BytesIO(b"".join(parts(client.get("/admin/export/all.zip"))))).namelist()
    assert names == ["manifest.csv", "manifest.jsonl"]


def test_nobody_else_gets_anything(tower: Place) -> None:
    stranger = at_the_admin(User.objects.create_user("di", is_staff=True))
    for path in ("", "all.zip", "places.csv"):
        assert stranger.get(f"/admin/export/{path}").status_code == 403
        assert Client().get(f"/admin/export/{path}").status_code == 302
    assert at_the_admin(somebody("ed")).get("/admin/export/secrets.csv").status_code == 404
    assert at_the_admin(somebody("fy")).get("/admin/export/places.exe").status_code == 404


# The command


def test_the_command_writes_a_file_whole_with_a_bar(
    tower: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("export", "manifest", "--format", "jsonl", "--out", str(tmp_path / "m.jsonl"))
    assert json.loads((tmp_path / "m.jsonl").read_text())["place"] == "tower"
    assert "1/1" in capsys.readouterr().err
    call_command("export", "all", "--out", str(tmp_path / "all.zip"))
    assert len(zipfile.ZipFile(tmp_path / "all.zip").namelist()) == 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.zip", "m.jsonl"]


def test_a_folder_that_is_not_there_is_said_in_a_line(tower: Place, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export", "places", "--out", str(tmp_path / "nowhere" / "p.csv"))


def test_its_help_reads_well() -> None:
    command = [sys.executable, "manage.py", "export", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "manage.py export all --out export.zip" in told
