"""The short table of docs/benchmarks.md."""

from __future__ import annotations

from pathlib import Path

from bench import summary


def test_a_row_says_whether_its_goal_is_met() -> None:
    assert summary.row("speed", "9 ms", "10 ms", True) == "| speed | 9 ms | 10 ms | yes |"
    assert summary.row("speed", "11 ms", "10 ms", False) == "| speed | 11 ms | 10 ms | **no** |"
    assert summary.row("speed", "11 ms") == "| speed | 11 ms |  |  |"


def test_a_figure_cannot_break_the_table() -> None:
    assert summary.row("a | b", "1").count("|") == 5


def test_a_part_that_is_measured_again_replaces_its_own_section_only(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    summary.update(path, "first", [summary.row("one", "1 ms")])
    summary.update(path, "second", [summary.row("two", "2 ms")])
    summary.update(path, "first", [summary.row("one", "3 ms")])
    written = path.read_text()
    assert "| one | 3 ms |" in written
    assert "| two | 2 ms |" in written
    assert "| one | 1 ms |" not in written
    assert written.count("[first](benchmarks/first.md)") == 1
    assert written.startswith("# Benchmarks")


def test_a_file_stays_the_same_when_the_same_is_measured_twice(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    for part in ("first", "second", "first", "second"):
        summary.update(path, part, [summary.row(part, "1 ms")])
    lines = path.read_text().splitlines()
    assert [line for line in lines if line.startswith("## ")] == [
        "## [first](benchmarks/first.md)",
        "## [second](benchmarks/second.md)",
    ]
    assert "\n\n\n" not in path.read_text()


def test_a_page_and_a_section_say_where_and_when_it_was_measured(tmp_path: Path) -> None:
    summary.page(tmp_path / "part.md", "A part", ["Some words."])
    page = (tmp_path / "part.md").read_text()
    assert page.startswith("# A part\n\n20")
    assert "Python 3." in page
    assert "quick run" not in page
    summary.page(tmp_path / "part.md", "A part", ["Some words."], quick=True)
    assert "quick run" in (tmp_path / "part.md").read_text()
