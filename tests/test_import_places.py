"""Places from spreadsheets and into them: told first, all or nothing, errors by row, nothing computed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crawler.spreadsheet import SpreadsheetError
from errors import UserError
from places import spreadsheets, starter
from places.models import Alias, Collection, Place
from tests.answers import place

pytestmark = pytest.mark.django_db
HEADINGS = ["index", "name", "country", "latitude", "longitude"]
NEW = ["0050", "Old Gate", "DE", 52.5, 13.4]
Make = Callable[..., Path]


@pytest.fixture(params=["xlsx", "csv"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Write rows as a file of either kind."""

    def write(*rows: Sequence[object], headings: Sequence[str] = HEADINGS) -> Path:
        path = tmp_path / f"places.{request.param}"
        if request.param == "csv":
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([headings, *rows])
        else:
            book = openpyxl.Workbook()
            assert book.active is not None
            for row in (headings, *rows):
                book.active.append(list(row))
            book.save(path)
        return path

    return write


def errors(path: Path) -> list[tuple[int, str]]:
    """What is wrong with a file; nothing of it was written."""
    before = list(Place.objects.order_by("pk").values())
    report = spreadsheets.run(path, write=True)
    assert list(Place.objects.order_by("pk").values()) == before
    return report.errors


def test_a_new_row_becomes_a_place_whose_id_is_the_index(make: Make) -> None:
    report = spreadsheets.run(make(NEW), write=True)
    assert (report.new, report.changed, report.unchanged, report.errors) == (1, 0, 0, [])
    made = Place.objects.get()
    assert (made.pk, made.index, made.slug, made.name, made.query) == (80, "0050", "old-gate", "Old Gate", "Old Gate")
    assert place("next").pk > 80


def test_a_dry_run_tells_each_field_that_would_change_and_writes_nothing(make: Make) -> None:
    tower = place("tower", name_ko="탑")
    path = make(
        [tower.index, "Tower", "FR", 48.5, 13.4, "", "Dresden"], [*NEW, "문", "Berlin"],
        headings=[*HEADINGS, "name_ko", "city"],
    )  # fmt: skip
    report = spreadsheets.run(path, write=False)
    assert [(change.number, change.new) for change in report.changes] == [(2, False), (3, True)]
    assert sorted(report.changes[0].fields) == [
        ("city", "Berlin", "Dresden"), ("country", "DE", "FR"), ("latitude", "52.5", "48.5"), ("name_ko", "탑", ""),
    ]  # fmt: skip
    tower.refresh_from_db()
    assert (tower.name_ko, Place.objects.count()) == ("탑", 1)


def test_columns_that_are_not_there_stay_and_a_place_keeps_its_slug(make: Make) -> None:
    tower = place("tower", name_ko="탑", description="High.")
    spreadsheets.run(make([tower.index, "tower", "Big Tower"], headings=["index", "slug", "name"]), write=True)
    tower.refresh_from_db()
    assert (tower.slug, tower.name, tower.name_ko, tower.description) == ("tower", "Big Tower", "탑", "High.")


def test_what_is_exported_is_imported_unchanged(tmp_path: Path) -> None:
    starter.load_places()
    for kind in ("xlsx", "csv"):
        path = tmp_path / f"all.{kind}"
        spreadsheets.export(path, Place.objects.current())
        report = spreadsheets.run(path, write=True)
        assert (report.unchanged, report.new, report.changed, report.errors) == (Place.objects.count(), 0, 0, [])


def test_other_names_have_languages_and_collections_are_named_by_slug(make: Make) -> None:
    tower = place("tower")
    Alias.objects.create(place=tower, name="Old name")
    Collection.objects.create(slug="seoul", name="Seoul")
    columns = ["index", "name", "aliases", "collections"]
    path = make([tower.index, "Tower", "ko: 남산타워 | zh-Hans: 塔 | Needle", "seoul"], headings=columns)
    spreadsheets.run(path, write=True)
    assert dict(tower.aliases.values_list("name", "language")) == {"남산타워": "ko", "塔": "zh-Hans", "Needle": ""}
    assert [each.slug for each in tower.collections.all()] == ["seoul"]
    assert list(Place.objects.named("남산")) == [tower]
    assert spreadsheets.run(path, write=True).unchanged == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["", "Old Gate", "DE", 52.5, 13.4], "index is missing"),
        (["XY", "Old Gate", "DE", 52.5, 13.4], "not hexadecimal"),
        (["0", "Old Gate", "DE", 52.5, 13.4], "between 0001"),
        (["FFFFFFFFF", "Old Gate", "DE", 52.5, 13.4], "between 0001"),
        (["50", "", "DE", 52.5, 13.4], "name is missing"),
        (["50", "x" * 121, "DE", 52.5, 13.4], "longer than 120"),
        (["50", "문", "DE", 52.5, 13.4], "give it a slug"),
        (["50", "Old Gate", "Atlantis", 52.5, 13.4], "no country 'Atlantis'"),
        (["50", "Old Gate", "XX", 52.5, 13.4], "no country 'XX'"),
        (["50", "Old Gate", "", 52.5, 13.4], "no country ''"),
        (["50", "Old Gate", "DE", 92.5, 13.4], "from -90 to 90"),
        (["50", "Old Gate", "DE", "north", 13.4], "numbers of degrees"),
        (["50", "Old Gate", "DE", "", ""], "numbers of degrees"),
        (["50", "Old Gate", "DE", "nan", 13.4], "from -90 to 90"),
        (["50", "Old Gate", "DE", 13.4, 52.5], "other way round"),
        (["50", "=1+1", "DE", 52.5, 13.4], "is a formula"),
        (["50", '=HYPERLINK("http://x","y")', "DE", 52.5, 13.4], "is a formula"),
        (["50", "Tower", "DE", 52.5, 13.4], "slug tower is that of another place"),
        (["50", "Unknown", "DE", 52.5, 13.4], "another slug than: unknown"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_with_its_number(make: Make, row: list[Any], words: str) -> None:
    place("tower")
    ((number, sentence),) = errors(make(["0051", "Good Gate", "DE", 52.5, 13.4], row))
    assert number == 3 and words in sentence


def test_an_index_that_comes_twice_is_refused_with_both_rows(make: Make) -> None:
    ((row, sentence),) = errors(make(NEW, ["50", "Other", "DE", 52.5, 13.4]))
    assert (row, sentence) == (3, "The index 0050 is that of row 2 too.")


def test_an_index_of_another_place_is_refused_unless_the_slug_says_that_it_is_meant(make: Make) -> None:
    tower = place("tower")
    ((_, sentence),) = errors(make([tower.index, "Old Gate", "DE", 52.5, 13.4]))
    assert sentence.startswith(f"The index {tower.index} is that of Tower.")
    columns = ["index", "slug", "name"]
    ((_, sentence),) = errors(make([tower.index, "gate", "Old Gate"], headings=columns))
    assert "the slug of a place never changes" in sentence


def test_retired_places_and_unknown_collections_are_refused(make: Make) -> None:
    tower = place("tower")
    ((_, sentence),) = errors(make([tower.index, "Tower", "nowhere"], headings=["index", "name", "collections"]))
    assert "no collection nowhere" in sentence
    Place.objects.filter(pk=tower.pk).update(retired_at="2026-01-01T00:00Z")
    ((_, sentence),) = errors(make([tower.index, "Tower", "FR", 52.5, 13.4]))
    assert "bring it back first" in sentence


@pytest.mark.parametrize(
    ("headings", "words"),
    [
        (["name", "country"], "column 'index' is missing"),
        (["index", "name", "colour"], "no column called 'colour'"),
        (["index", "name", "이름"], "two columns for the name"),
    ],
)
def test_wrong_headings_are_told(make: Make, headings: list[str], words: str) -> None:
    with pytest.raises(SpreadsheetError, match=words):
        spreadsheets.run(make(["50", "x", "y"], headings=headings), write=True)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("cp949.csv", "index,name\n50,남대문\n".encode("cp949"), "not in UTF-8"),
        ("utf16.csv", "index,name\n50,x\n".encode("utf-16"), "not in UTF-8"),
        ("no.xlsx", b"index,name", "damaged, or not an .xlsx"),
        ("empty.csv", b"", "'index' is missing"),
        ("places.ods", b"PK", "an .xlsx or a .csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(SpreadsheetError, match=words):
        spreadsheets.run(path, write=True)


def test_exported_text_never_runs(tmp_path: Path) -> None:
    place("tower", name="=cmd()", name_ko="+1", local_name="@sum", query="-2")
    for kind in ("csv", "xlsx"):
        path = tmp_path / f"out.{kind}"
        spreadsheets.export(path, Place.objects.all())
        if kind == "csv":
            cells = path.read_text(encoding="utf-8-sig").splitlines()[1].split(",")
        else:
            sheet = openpyxl.load_workbook(path).worksheets[0]
            assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
            cells = [str(cell.value) for cell in list(sheet.iter_rows())[1]]
        assert {"'=cmd()", "'+1", "'@sum", "'-2"} <= set(cells)
        assert spreadsheets.run(path, write=False).unchanged == 1


def test_a_report_that_somebody_agreed_to_has_to_hold_still(make: Make) -> None:
    tower = place("tower")
    path = make([tower.index, "Tower", "FR", 52.5, 13.4])
    agreed = spreadsheets.run(path, write=False).digest
    Place.objects.filter(pk=tower.pk).update(latitude=10.0)
    with pytest.raises(UserError) as caught:
        spreadsheets.run(path, write=True, expected=agreed)
    tower.refresh_from_db()
    assert (caught.value.code, tower.country) == ("changed_meanwhile", "DE")
    spreadsheets.run(path, write=True, expected=spreadsheets.run(path, write=False).digest)
    tower.refresh_from_db()
    assert tower.country == "FR"


def test_one_wrong_row_among_thousands_leaves_nothing_and_queries_do_not_grow_with_rows(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    lines = [f"{n:X},Place {n},DE,52.5,13.4" for n in range(1, 3001)]
    path.write_text("\n".join([",".join(HEADINGS), *lines, "BB9,Broken,DE,x,13.4"]), encoding="utf-8")
    assert [row for row, _ in errors(path)] == [3002]
    path.write_text("\n".join([",".join(HEADINGS), *lines]), encoding="utf-8")
    with CaptureQueriesContext(connection) as captured:
        assert spreadsheets.run(path, write=True).new == 3000
    assert len(captured) <= 3 * 12
    assert spreadsheets.run(path, write=True).unchanged == 3000


@pytest.mark.parametrize("first", ["1,A,DE,52.5,13.4", ""], ids=["a place", "an empty row"])
def test_a_list_over_the_limit_is_refused(tmp_path: Path, first: str) -> None:
    path = tmp_path / "many.csv"
    path.write_text(f"index,name,country,latitude,longitude\n{first}\n2,B,DE,52.5,13.4\n", encoding="utf-8")
    with pytest.raises(SpreadsheetError, match="may have 1 rows, empty ones too"):
        spreadsheets.run(path, write=True, limits=spreadsheets.Limits(rows=1))
    assert not Place.objects.exists()


# The commands


def test_the_command_says_what_it_did_and_a_dry_run_that_it_did_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.csv"
    path.write_text("index,name,country,latitude,longitude\n50,Old Gate,DE,52.5,13.4\n", encoding="utf-8")
    call_command("import_places", str(path), "--dry-run")
    assert capsys.readouterr().out.splitlines() == [
        "new: 0050 Old Gate", "1 new, 0 changed, 0 unchanged", "Nothing was written.",
    ]  # fmt: skip
    assert not Place.objects.exists()
    call_command("import_places", str(path))
    assert Place.objects.get().index == "0050"
    call_command("export_places", str(tmp_path / "out.xlsx"))
    call_command("import_places", str(tmp_path / "out.xlsx"))
    assert capsys.readouterr().out.splitlines()[-1] == "0 new, 0 changed, 1 unchanged"


def test_the_command_tells_errors_by_row_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.csv"
    path.write_text("index,name,country,latitude,longitude\n50,Old Gate,ZZ,52.5,13.4\n", encoding="utf-8")
    with pytest.raises(CommandError, match="1 rows cannot be taken, so nothing was written"):
        call_command("import_places", str(path))
    assert "row 2: There is no country 'ZZ'" in capsys.readouterr().err
    with pytest.raises(CommandError, match="no such file"):
        call_command("import_places", str(tmp_path / "none.csv"))
