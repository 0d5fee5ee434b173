"""Lists of names and hexadecimal indices are read from .xlsx and .csv, and what is wrong is told by row."""

import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from crawler.sources.base import Position
from crawler.spreadsheet import MAX_COLUMNS, MAX_ROWS, Listed, SpreadsheetError, read, write

Make = Callable[[Sequence[Sequence[Any]]], Path]
GOOD: list[list[Any]] = [["Name", "Index"], ["Lantern Bridge", "0a"], ["Old Mill", "0x1F"], ["서울역", "3"]]


def _xlsx(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    book.save(path)
    return path


def _csv(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8-sig")
    return path


@pytest.fixture(params=["xlsx", "csv"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "xlsx":
        return lambda rows: _xlsx(tmp_path / "list.xlsx", rows)
    return lambda rows: _csv(tmp_path / "list.csv", rows)


def problems(path: Path) -> list[tuple[int, str]]:
    with pytest.raises(SpreadsheetError) as refused:
        read(path)
    return refused.value.problems


def test_names_and_indices_are_read(make: Make) -> None:
    listed = read(make(GOOD))
    assert [(row.name, row.index) for row in listed] == [("Lantern Bridge", "0A"), ("Old Mill", "1F"), ("서울역", "3")]
    assert listed[0].query == "Lantern Bridge"


def test_columns_may_lie_anywhere_and_be_korean(make: Make) -> None:
    rows: list[list[Any]] = [
        ["비고", "인덱스", "위도", "경도", "이름", "검색어"],
        ["x", "1B", 37.55, 126.97, "서울역", "Seoul Station"],
    ]
    assert read(make(rows)) == [Listed("서울역", "1B", "Seoul Station", Position(37.55, 126.97))]


def test_empty_rows_and_cells_are_passed_over(make: Make) -> None:
    assert len(read(make([GOOD[0], [None, None], GOOD[1], ["", " "], GOOD[2]]))) == 2


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (["Mill", "0A"], "is that of row 2"),
        (["Mill", "A"], "is that of row 2"),
        (["Mill", None], "index is missing"),
        ([None, "0B"], "name is missing"),
        (["Mill", "0G"], "not hexadecimal"),
        (["Mill", "-1"], "not hexadecimal"),
        (["Mill", "1" * 17], "not hexadecimal"),
        (["Mill", "=1+1"], "formula"),
        (["=A2", "0B"], "formula"),
        (["x" * 121, "0B"], "longer than 120"),
    ],
)
def test_a_bad_row_is_named(make: Make, row: list[Any], says: str) -> None:
    ((number, sentence),) = problems(make([["name", "index"], ["Bridge", "0A"], row, ["Last", "FF"]]))
    assert number == 3
    assert says in sentence


def test_all_bad_rows_are_told_at_once(make: Make) -> None:
    found = problems(make([["name", "index"], *([f"place {n}", "zz"] for n in range(30))]))
    assert [number for number, _ in found] == list(range(2, 32))
    with pytest.raises(SpreadsheetError, match="and 10 more"):
        read(make([["name", "index"], *([f"place {n}", "zz"] for n in range(30))]))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "empty"),
        ([["name", "index"]], "no rows"),
        ([["title", "number"], ["a", "1"]], '"name" and "index"'),
        ([["name", "city"], ["a", "1"]], '"index"'),
        ([["name", "index", "Index"], ["a", "1", "2"]], "two columns"),
    ],
)
def test_wrong_columns_are_told(make: Make, rows: list[list[Any]], says: str) -> None:
    ((_, sentence),) = problems(make(rows))
    assert says in sentence


@pytest.mark.parametrize("where", [["91", "0"], ["0", "181"], ["nan", "0"], ["48", ""], ["north", "2"]])
def test_positions_are_checked(make: Make, where: list[str]) -> None:
    ((number, _),) = problems(make([["name", "index", "latitude", "longitude"], ["a", "1", *where]]))
    assert number == 2


def test_a_hundred_thousand_rows_are_refused_by_row(make: Make) -> None:
    found = problems(make([["name", "index"], *([f"p{n}", f"{n:X}"] for n in range(100_000))]))
    ((number, sentence),) = found
    assert number == MAX_ROWS + 2 and f"may have {MAX_ROWS:,} rows" in sentence


def test_semicolons_are_read_as_commas_are(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("name;index\nBridge, the;0A\n")
    assert read(path)[0].name == "Bridge, the"


def test_a_number_cell_is_its_digits_and_a_fraction_is_refused(tmp_path: Path) -> None:
    assert read(_xlsx(tmp_path / "a.xlsx", [["name", "index"], ["a", 10]]))[0].index == "10"
    ((_, sentence),) = problems(_xlsx(tmp_path / "b.xlsx", [["name", "index"], ["a", 1.5]]))
    assert "as text" in sentence


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("list.xlsx", b"not a zip"),
        ("list.xlsx", b"PK\x03\x04" + bytes(200)),
        ("list.csv", b"\xff\xfe\x00n\x00a"),
        ("list.csv", b'name,index\n"a,1\n'),
        ("list.ods", b"x"),
    ],
)
def test_files_that_are_none_are_told(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert problems(tmp_path / name)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.csv") == [(0, "There is no such file.")]


def test_a_zip_bomb_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(150 * 2**20))
    ((_, sentence),) = problems(path)
    assert "Unpacked" in sentence


def test_a_wide_list_is_refused(make: Make) -> None:
    rows = [["name", "index", *([""] * MAX_COLUMNS)], ["a", "1", *([""] * (MAX_COLUMNS - 2)), "far out"]]
    ((number, sentence),) = problems(make(rows))
    assert f"{MAX_COLUMNS} columns" in sentence and number <= 2


def _claiming(path: Path, more: str) -> Path:
    """Write a sheet of one place that says of itself to be as large as can be, with ``more`` at its end."""
    cells = [["name", "index"], ["Bridge", "0A"]]
    rows = ["".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) for row in cells]
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<dimension ref="A1:XFD2000000000"/><sheetData>'
        f"{''.join(f'<row>{row}</row>' for row in rows)}{more}</sheetData></worksheet>"
    )
    plain = _xlsx(path.with_name("plain.xlsx"), cells)
    with zipfile.ZipFile(plain) as book, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in book.namelist():
            archive.writestr(part, sheet if part == "xl/worksheets/sheet1.xml" else book.read(part))
    return path


def test_what_a_file_says_of_its_size_does_not_count(tmp_path: Path) -> None:
    assert [row.name for row in read(_claiming(tmp_path / "list.xlsx", ""))] == ["Bridge"]


def test_billions_of_empty_rows_are_refused_at_once(tmp_path: Path) -> None:
    path = _claiming(tmp_path / "list.xlsx", '<row r="2000000000"><c><v>1</v></c></row>')
    assert path.stat().st_size < 10_000
    began = time.monotonic()
    ((number, sentence),) = problems(path)
    assert number == MAX_ROWS + 2 and "empty ones too" in sentence
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("name", ["list.xlsx", "list.csv"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    rows = [Listed("Bridge", "0A", "bridge", Position(1.5, -2.0)), Listed("=1+1", "0B", "@x", None)]
    write(tmp_path / name, rows)
    assert read(tmp_path / name) == rows


def test_a_spreadsheet_program_finds_no_formula_in_what_is_written(tmp_path: Path) -> None:
    write(tmp_path / "list.csv", [Listed("=1+1", "0B", "x")])
    assert "'=1+1" in (tmp_path / "list.csv").read_text(encoding="utf-8-sig")
