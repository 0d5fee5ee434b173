"""Names and hexadecimal indices, from .xlsx or .csv and back.

The form is that of the place image collector of Jang (2020): a name and an index a row; each index
becomes a folder. Columns are found by their headings, ``name``, ``index`` and, if they are there,
``query`` (what to search for), ``latitude`` and ``longitude``.
"""

import csv
import math
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from crawler.sources.base import Position, plain_text
from errors import UserError

MAX_ROWS = 10_000
MAX_COLUMNS = 100
MAX_BYTES = 10 * 2**20
MAX_UNPACKED = 100 * 2**20  # bytes; an .xlsx is a zip archive, and may be a bomb
MAX_NAME = 120
COLUMNS = ("name", "index", "query", "latitude", "longitude")
_HEADINGS = {
    "name": "name", "place": "name", "이름": "name", "장소": "name",
    "index": "index", "hex": "index", "인덱스": "index", "번호": "index",
    "query": "query", "검색어": "query",
    "latitude": "latitude", "lat": "latitude", "위도": "latitude",
    "longitude": "longitude", "lon": "longitude", "경도": "longitude",
}  # fmt: skip
_INDEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,16})")
_SHOWN = 20  # errors in one sentence
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Listed:
    """One row: ``index`` is in upper case without 0x; ``query`` is ``name`` where the row has none."""

    name: str
    index: str
    query: str
    position: Position | None = None


class SpreadsheetError(UserError):
    """A list that cannot be used; ``problems`` are (row number, sentence), the row 0 being the file itself."""

    def __init__(self, path: Path, problems: list[tuple[int, str]]) -> None:
        self.problems = problems
        said = [f"row {row}: {what}" if row else what for row, what in problems[:_SHOWN]]
        more = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
        super().__init__("bad_spreadsheet", f"{path.name} cannot be used. " + " ".join(said) + more)


def read(path: Path) -> list[Listed]:
    """Return the rows of an .xlsx or .csv file. Raises SpreadsheetError with everything that is wrong."""
    rows = table(path)
    try:
        first, headings = next(rows)
    except StopIteration:
        raise SpreadsheetError(path, [(0, "It is empty.")]) from None
    columns = _columns(path, first, headings)
    listed: list[Listed] = []
    problems: list[tuple[int, str]] = []
    seen: dict[int, int] = {}
    for number, cells in rows:
        values = {name: cells[at] if at < len(cells) else None for name, at in columns.items()}
        if not any(as_text(value) for value in values.values()):
            continue
        try:
            row = _listed(values)
            value = int(row.index, 16)
            if value in seen:
                raise ValueError(f"The index {row.index} is that of row {seen[value]} too.")
            seen[value] = number
            listed.append(row)
        except ValueError as error:
            problems.append((number, str(error)))
    if not listed and not problems:
        problems.append((0, "It has headings and no rows."))
    if problems:
        raise SpreadsheetError(path, problems)
    return listed


def write(path: Path, rows: Iterable[Listed]) -> None:
    """Write rows as .xlsx or .csv, by the file's suffix. Text that a spreadsheet would run stays text."""
    write_table(path, [COLUMNS, *(_cells(row) for row in rows)])


def write_table(path: Path, rows: Iterable[Iterable[str | float]]) -> None:
    """Write rows of cells as ``write`` does; they are taken one by one, so there may be many."""
    if path.suffix.lower() == ".csv":
        with path.open("w", newline="", encoding="utf-8-sig") as file:  # Excel takes it for Latin-1 otherwise
            csv.writer(file).writerows([_inert(cell) for cell in row] for row in rows)
        return
    _check_kind(path)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("places")
    for row in rows:
        sheet.append([_inert(cell) for cell in row])
    book.save(path)


def _cells(row: Listed) -> tuple[str | float, ...]:
    where = (row.position.latitude, row.position.longitude) if row.position else ("", "")
    return (row.name, row.index, row.query, *where)


def _inert(cell: str | float) -> str | float:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _check_kind(path: Path) -> None:
    if path.suffix.lower() not in (".xlsx", ".csv"):
        raise SpreadsheetError(path, [(0, "Please give an .xlsx or a .csv file.")])


def table(
    path: Path, most_rows: int = MAX_ROWS, most_bytes: int = MAX_BYTES, most_unpacked: int = MAX_UNPACKED
) -> Iterator[tuple[int, list[Any]]]:
    """Yield row numbers and cells of what is not empty in an .xlsx or .csv file. Raises SpreadsheetError.

    ``most_rows`` are those below the headings, empty ones too: a small file can tell of billions of them.
    """
    _check_kind(path)
    if not path.is_file():
        raise SpreadsheetError(path, [(0, "There is no such file.")])
    if path.stat().st_size > most_bytes:
        raise SpreadsheetError(path, [(0, f"It is larger than {most_bytes // 2**20} MB.")])
    rows = _from_csv(path) if path.suffix.lower() == ".csv" else _from_xlsx(path, most_unpacked)
    for count, (number, cells) in enumerate(rows):
        if count > most_rows:
            told = f"A list may have {most_rows:,} rows, empty ones too; please split it, or delete those."
            raise SpreadsheetError(path, [(number, told)])
        if len(cells) > MAX_COLUMNS:
            told = f"A list may have {MAX_COLUMNS} columns; please delete the others."
            raise SpreadsheetError(path, [(number, told)])
        if any(as_text(cell) for cell in cells):
            yield number, cells


def _from_csv(path: Path) -> Iterator[tuple[int, list[Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = ";" if first.count(";") > first.count(",") else ","
        lines = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
        for cells in lines:
            yield lines.line_num, cells
    except UnicodeDecodeError:
        raise SpreadsheetError(path, [(0, "It is not in UTF-8. Please save it as CSV UTF-8.")]) from None
    except csv.Error:
        raise SpreadsheetError(path, [(lines.line_num, "This line is not proper CSV.")]) from None


def _from_xlsx(path: Path, most_unpacked: int) -> Iterator[tuple[int, list[Any]]]:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
        if unpacked > most_unpacked:
            raise SpreadsheetError(path, [(0, f"Unpacked it is larger than {most_unpacked // 2**20} MB.")])
        book = openpyxl.load_workbook(path, read_only=True, keep_links=False)
        if not book.worksheets:
            return
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its size may be anything, and each row would be as wide
        yield from enumerate(([*cells] for cells in sheet.iter_rows(values_only=True)), 1)
    # openpyxl lets through whatever its parsers raise; the file is at fault.
    except (OSError, ValueError, TypeError, LookupError, AttributeError, SyntaxError, zipfile.BadZipFile,
            InvalidFileException, NotImplementedError, EOFError):  # fmt: skip
        raise SpreadsheetError(path, [(0, "It is damaged, or not an .xlsx file.")]) from None


def _columns(path: Path, number: int, headings: list[Any]) -> dict[str, int]:
    """Return where each column is, by the first row."""
    columns: dict[str, int] = {}
    for at, heading in enumerate(headings):
        name = _HEADINGS.get(as_text(heading).lower())
        if name in columns:
            raise SpreadsheetError(path, [(number, f"There are two columns for the {name}.")])
        if name:
            columns[name] = at
    missing = [name for name in ("name", "index") if name not in columns]
    if missing:
        found = ", ".join(filter(None, map(as_text, headings)))[:200]
        wanted = " and ".join(f'"{name}"' for name in missing)
        raise SpreadsheetError(path, [(number, f"The headings lack {wanted}; found were: {found}.")])
    return columns


def _listed(values: dict[str, Any]) -> Listed:
    """Return one row, or raise ValueError with a sentence."""
    for name, value in values.items():
        check_cell(name, value)
    name = plain_text(as_text(values["name"]))
    if not name:
        raise ValueError("The name is missing.")
    if len(name) > MAX_NAME:
        raise ValueError(f"The name is longer than {MAX_NAME} characters.")
    query = plain_text(as_text(values.get("query"))) or name
    return Listed(name, hexadecimal(values["index"]), query, _position(values))


def check_cell(name: str, value: Any) -> None:
    """Raise ValueError with a sentence for what is neither text nor a number: formulas are never computed."""
    if isinstance(value, str) and value.startswith("="):
        raise ValueError(f"The {name} is a formula; please put its value there.")
    if not isinstance(value, str | int | float | None):
        raise ValueError(f"The {name} is neither text nor a number.")


def hexadecimal(value: Any) -> str:
    """Return an index as it is written, in upper case without 0x. Raises ValueError with a sentence."""
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(f"The index {value} is not hexadecimal; please format the column as text.")
    text = as_text(int(value) if isinstance(value, float) else value)
    if not text:
        raise ValueError("The index is missing.")
    match = _INDEX.fullmatch(text)
    if match is None:
        raise ValueError(f"The index {text[:20]!r} is not hexadecimal (up to 16 digits, 0-9 and A-F).")
    return match[1].upper()


def _position(values: dict[str, Any]) -> Position | None:
    texts = [as_text(values.get(name)) for name in ("latitude", "longitude")]
    if not any(texts):
        return None
    try:
        latitude, longitude = (float(text.replace(",", ".")) for text in texts)
    except ValueError:
        raise ValueError("Latitude and longitude must both be numbers of degrees.") from None
    if not (math.isfinite(latitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
        raise ValueError("Latitude goes from -90 to 90, longitude from -180 to 180.")
    return Position(latitude, longitude)


def as_text(value: Any) -> str:
    """Return a cell's text, without the apostrophe that keeps a spreadsheet from running it."""
    text = "" if value is None else str(value).strip()
    return text[1:] if text[:1] == "'" and text[1:2] in _FORMULA else text
