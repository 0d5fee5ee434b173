"""An evaluation counts what was answered, goes on past what cannot be read, and says what it left out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml import evaluate, report
from ml.bundle import BundleError
from ml.report.page import page
from ml.subject import Parts, Subject
from tests.colours import colour_bundle, colour_photos, save


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return colour_bundle(tmp_path / "bundle")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return colour_photos(tmp_path / "photos")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["evaluate", *map(str, arguments)])
    evaluate.main()


def test_every_figure_is_what_was_drawn(bundle: Path, photos: Path) -> None:
    found = evaluate.evaluate(bundle, photos)
    assert found["val"] == {"photos": 24, "top_1": pytest.approx(23 / 24), "top_5": 1}
    assert found["headline"]["photos"] == 12 and found["headline"]["others"] == 4
    assert found["headline"]["top_1"] == pytest.approx(11 / 12)
    assert [row["photos"] for row in found["accuracy"]] == [12, 12, 24, 9, 3]
    assert found["report"]["auroc_shrunk"]["against_not_a_place"] == 1
    assert found["report"]["answers"]["unknown_answered_so"] == 1
    assert found["overall"]["which_place"]["accuracy"] == pytest.approx(11 / 12)
    assert found["overall"]["whole_answer"]["accuracy"] == pytest.approx(15 / 16)
    assert found["overall"]["which_place"]["recall"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert found["overall"]["which_place"]["precision"] == pytest.approx((1 + 4 / 5 + 1) / 3)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_wrong_photo_is_named_with_what_it_was_taken_for(bundle: Path, photos: Path) -> None:
    found = evaluate.evaluate(bundle, photos)
    wrong = found["wrong"]
    assert [(Path(item["photo"]).parts[-2:], item["truth"], item["said"]) for item in wrong] == [
        (("red", "5.png"), "red", "green")
    ]
    assert (found["confused"][0]["truth"], found["confused"][0]["said"]) == ("red", "green")
    assert found["confused"][0]["photos"][0]["sha256"] == wrong[0]["sha256"]
    names = found["confusion"]["names"]
    assert names[-2:] == ["unknown", "not_a_place"]
    counts = np.array(found["confusion"]["counts"])
    assert counts[names.index("red"), names.index("green")] == 1 and counts.sum() == 16


def test_the_mislabelled_photo_is_suspected(bundle: Path, photos: Path) -> None:
    found = evaluate.evaluate(bundle, photos)["mislabelled"]
    assert found["of"] == 32
    assert [(item["truth"], item["said"]) for item in found["photos"]] == [("red", "green")]


def test_classes_come_least_recognised_first_and_others_with_them(bundle: Path, photos: Path) -> None:
    rows = evaluate.evaluate(bundle, photos)["classes"]
    assert {row["name"] for row in rows} == {"red", "green", "blue", "unknown", "not_a_place"}
    assert (rows[0]["name"], rows[0]["right"], rows[0]["photos"]) == ("red", 3, 4)
    assert rows[0]["recall_low"] < 0.75 < rows[0]["recall_high"]


def test_photos_of_others_count_as_wrong_above_a_threshold(bundle: Path, photos: Path) -> None:
    subject, parts = Subject.load(bundle), Parts.read(photos)
    rows = evaluate.examine(subject, parts, [0.0]).values["thresholds"]
    assert rows[0]["known"] == {
        "photos": 12, "above": 12, "coverage": 1, "accuracy": 11 / 12, "accuracy_above": 11 / 12,
    }  # fmt: skip
    assert rows[0]["all"]["accuracy_above"] == 11 / 16
    assert [row["aim"] for row in rows[1:]] == [0.95, 0.99]


def test_an_unreadable_photo_is_left_out_and_named(bundle: Path, photos: Path) -> None:
    broken = photos / "val" / "blue" / "4.png"
    broken.write_bytes(broken.read_bytes()[:60])
    found = evaluate.evaluate(bundle, photos)
    assert found["headline"]["photos"] == 11
    assert [item["photo"] for item in found["left_out"]] == [str(broken)]
    assert str(broken) in found["left_out"][0]["why"]


def test_a_class_without_photos_is_said_and_counts_for_nothing(bundle: Path, photos: Path) -> None:
    for number in range(8):
        (photos / "val" / "blue" / f"{number}.png").unlink()
    found = evaluate.evaluate(bundle, photos)
    assert found["warnings"] == ["No photo to report on shows blue: the figures leave this out."]
    assert "blue" not in found["confusion"]["names"]
    assert found["overall"]["which_place"]["recall"] == pytest.approx((1 + 3 / 4) / 2)


def test_a_plain_classifier_has_its_own_labels_and_no_others(tmp_path: Path) -> None:
    bundle = colour_bundle(tmp_path / "plain", ["green", "red"])
    for label in ("green", "red"):
        for number in range(3):
            save(tmp_path / "photos" / label / f"{number}.png", label, number, 40)
    values = evaluate.examine(Subject.load(bundle), Parts.read(tmp_path / "photos", everything=True)).values
    assert values["headline"]["top_1"] == 1 and values["headline"]["photos"] == 6
    assert "auroc_large" not in values["report"] and values["goals"] == []
    assert values["confusion"]["names"] == ["green", "red"]
    assert "not know" not in page(report.Evaluation(values, {}))


def test_a_plain_classifier_is_measured_against_others_by_its_confidence(tmp_path: Path, photos: Path) -> None:
    found = evaluate.evaluate(colour_bundle(tmp_path / "plain", ["blue", "green", "red"]), photos)
    assert 0 <= found["report"]["auroc_shrunk"]["against_unknown"] <= 1
    assert found["report"]["answers"]["unknown_answered_so"] == 0
    assert found["overall"]["whole_answer"]["accuracy"] == pytest.approx(11 / 16)


def test_other_labels_than_the_bundles_are_one_sentence(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = colour_bundle(tmp_path / "plain", ["green", "red"])
    with pytest.raises(SystemExit):
        run(monkeypatch, bundle, "--photos", photos, "--out", tmp_path / "out")
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "does not know: blue. Give the photos" in said
    assert not (tmp_path / "out").exists()


def test_photos_that_cannot_be_read_at_all_are_one_sentence(bundle: Path, photos: Path) -> None:
    for path in photos.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="could be read"):
        evaluate.examine(Subject.load(bundle), Parts.read(photos, everything=False))


def test_an_empty_folder_is_one_sentence(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for photos in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(SystemExit):
            run(monkeypatch, bundle, "--photos", photos, "--all")
        assert str(photos) in capsys.readouterr().err


def test_a_model_that_answers_no_numbers_is_refused(bundle: Path) -> None:
    class Broken:
        description = "broken"

        def infer(self, x: np.ndarray) -> dict[str, Any]:
            return {"logits": np.full((1, 5), np.nan, np.float32)}

    subject = Subject(Subject.load(bundle).bundle, Broken())
    with pytest.raises(BundleError, match="NaN"):
        subject.logits(Image.new("RGB", (40, 40)))


def test_json_is_printed_as_figures_and_the_report_is_named(
    bundle: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    run(monkeypatch, bundle, "--photos", photos, "--out", out, "--json", "--thresholds", "0.3,0.7")
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert set(found) == {"bundle", "engine", "val", "report"}
    assert str(out / "report.html") in said.err
    written = json.loads((out / "report.json").read_text())
    assert written["val"] == found["val"]
    assert [row["threshold"] for row in written["thresholds"] if row["aim"] is None] == [0.3, 0.7]


@pytest.mark.parametrize("options", [["--thresholds", "0.5,2"], ["--thresholds", "high"], ["--every", "0"]])
def test_options_out_of_range_are_refused(options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as refused:
        run(monkeypatch, *options)
    assert refused.value.code == 2
