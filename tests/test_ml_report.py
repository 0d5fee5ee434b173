"""The report is one page that needs nothing else, and is written whole or not at all."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import lxml.html
import numpy as np
import pytest
from PIL import Image

from ml import evaluate, report
from ml.report.charts import Plot, cells
from ml.report.order import by_similarity
from ml.report.page import page as html
from ml.report.words import titled
from ml.subject import Parts, Subject
from tests.colours import colour_bundle, colour_photos


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> report.Evaluation:
    root = tmp_path_factory.mktemp("evaluation")
    photos = colour_photos(root / "photos")
    # A name that would be markup, of a file that cannot be read.
    (photos / "val" / "blue" / "5.png").write_bytes(b"<script>")
    return evaluate.examine(Subject.load(colour_bundle(root / "bundle")), Parts.read(photos))


@pytest.fixture(scope="module")
def page(evaluation: report.Evaluation) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(html(evaluation))


def words(page: lxml.html.HtmlElement, path: str) -> list[str]:
    return [" ".join(found.text_content().split()) for found in page.xpath(path)]


def test_the_page_asks_for_nothing_and_runs_nothing(page: lxml.html.HtmlElement) -> None:
    assert not page.xpath("//script | //link | //iframe | //object | //@style | //@*[starts-with(name(), 'on')]")
    addresses = [str(value) for value in page.xpath("//@src | //@href")]
    assert addresses and all(value.startswith(("data:image/jpeg;base64,", "#")) for value in addresses)
    assert "url(" not in page.xpath("string(//style)").replace("url(#plane)", "")


def test_the_pages_own_policy_allows_its_style_and_nothing_else(page: lxml.html.HtmlElement) -> None:
    policy = page.xpath("string(//meta[@http-equiv='Content-Security-Policy']/@content)")
    digest = base64.b64encode(hashlib.sha256(page.xpath("string(//style)").encode()).digest()).decode()
    assert policy == f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"


def test_every_place_that_is_linked_to_is_there(page: lxml.html.HtmlElement) -> None:
    linked = [str(value)[1:] for value in page.xpath("//nav//@href")]
    assert len(linked) == 10
    assert set(linked) <= set(page.xpath("//h2/@id"))


def test_the_page_shows_the_figures(page: lxml.html.HtmlElement, evaluation: report.Evaluation) -> None:
    headline = words(page, "//dl[@class='headline']/div")
    assert headline[0].startswith("First answer right90.9%")
    assert len(page.xpath("//table[@class='places']/tbody/tr")) == 5
    assert len(page.xpath("//svg[@class='matrix']//rect[contains(@class, 'hit')]")) == 5
    assert words(page, "//svg[@class='matrix']//rect[@class='miss']/title") == ["Red, answered Green: 1 of 4"]
    assert len(words(page, "//h3[text()='Thresholds']/following-sibling::div[1]//tbody/tr")) == 7
    assert len(evaluation.values["goals"]) == 11


def test_the_wrong_photo_is_shown(page: lxml.html.HtmlElement) -> None:
    item = page.xpath("//h2[@id='wrong']/following-sibling::ul[1]/li")[0]
    said = " ".join(item.text_content().split())
    assert said.startswith("Green") and "shows Red" in said and "red/5.png" in said
    data = base64.b64decode(item.xpath("string(img/@src)").split(",")[1])
    red, green, _ = np.asarray(Image.open(io.BytesIO(data))).mean(axis=(0, 1))
    assert green > red + 100


def test_what_was_left_out_stands_near_the_top_and_is_text(page: lxml.html.HtmlElement) -> None:
    note = words(page, "//div[@role='note']")[0]
    assert note.startswith("1 photo was left out. Mend or remove it")
    assert "blue/5.png" in note


def test_without_photos_the_names_remain(evaluation: report.Evaluation) -> None:
    page = html(report.Evaluation(evaluation.values, {}))
    assert "data:image" not in page
    assert "red/5.png" in page


def test_names_are_text_whatever_they_are(evaluation: report.Evaluation) -> None:
    values = json.loads(json.dumps(evaluation.values).replace('"red"', '"<script>alert(1)</script>"'))
    page = html(report.Evaluation(values, {}))
    assert "<script" not in page.lower()
    assert "&lt;script&gt;" in page


def test_writing_puts_four_files_and_leaves_others_alone(evaluation: report.Evaluation, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "report.json").write_text("old")
    assert report.write(tmp_path, evaluation) == tmp_path / "report.html"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "answers.csv", "confusion.png", "mine.txt", "report.html", "report.json",
    ]  # fmt: skip
    assert json.loads((tmp_path / "report.json").read_text()) == evaluation.values
    with open(tmp_path / "answers.csv", newline="") as file:
        answers = list(csv.DictReader(file))
    assert len(answers) == evaluation.values["headline"]["photos"] + evaluation.values["headline"]["others"]
    assert sum(row["truth"] != row["said"] for row in answers) == evaluation.values["wrong_count"]
    with Image.open(tmp_path / "confusion.png") as picture:
        assert min(picture.size) >= 800


def test_a_full_disk_is_one_sentence_and_leaves_the_report_before(
    evaluation: report.Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.write(tmp_path, evaluation)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_bytes = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == "answers.csv":  # the last
            raise OSError(28, "No space left on device")
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(report.ReportError, match=rf"{re.escape(str(tmp_path))}: No space left on device\."):
        report.write(tmp_path, report.Evaluation({**evaluation.values, "bundle": "2"}, {}))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_several_are_compared_in_one_table_with_the_best_marked(evaluation: report.Evaluation, tmp_path: Path) -> None:
    values = json.loads(json.dumps(evaluation.values))
    values["bundle"], values["network"] = "2", "worse"
    values["headline"]["top_1"] = 0.5
    del values["report"]["auroc_large"]
    page = report.write_comparison(tmp_path, [evaluation, report.Evaluation(values, {})])
    table: Any = lxml.html.document_fromstring(page.read_text())
    rows = {words(row, "th")[0]: row for row in table.xpath("//tbody/tr")}
    assert words(rows["First answer right"], "td") == ["90.9%", "50.0%"]
    assert words(rows["First answer right"], "td[contains(@class, 'said')]") == ["90.9%"]
    assert words(rows["AUROC, no place, large"], "td")[1] == "–"
    for link in table.xpath("//thead//@href"):
        assert (tmp_path / link).is_file()
    assert len(json.loads((tmp_path / "comparison.json").read_text())) == 2


def test_classes_that_are_confused_stand_beside_each_other() -> None:
    draw = np.random.default_rng(0)
    truth = np.repeat(np.arange(8), 30)
    twin = np.array([5, 4, 7, 6, 1, 0, 3, 2])  # each class is taken for this one
    probabilities = 0.01 * draw.random((240, 8))
    probabilities[np.arange(240), truth] += 0.6
    probabilities[np.arange(240), twin[truth]] += 0.35
    order = list(by_similarity(probabilities, truth))
    assert sorted(order) == list(range(8))
    assert all(abs(order.index(a) - order.index(b)) == 1 for a, b in enumerate(twin))


def test_a_plot_puts_values_where_they_belong() -> None:
    plot = Plot(top=0.2, width=100, height=50)
    assert plot.path([[0, 0], [0.5, 0.1], [1, 0.2]]) == "M0.0 50.0L50.0 25.0L100.0 0.0"
    assert plot.ticks(0, 0.2) == [0, 0.05, 0.1, 0.15, 0.2]
    assert plot.ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]


def test_only_squares_with_photos_are_drawn() -> None:
    rows = cells({"counts": [[3, 1], [0, 0]]})
    assert [(cell.column, cell.count, cell.of) for cell in rows[0]] == [(0, 3, 4), (1, 1, 4)]
    assert rows[1] == []


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("arc-de-triomphe", "Arc de Triomphe"),
        ("n-seoul-tower", "N Seoul Tower"),
        ("not_a_place", "Not a place"),
        ("7", "7"),
        ("the-shard", "The Shard"),
    ],
)
def test_a_label_is_shown_as_a_name(label: str, name: str) -> None:
    assert titled(label) == name
