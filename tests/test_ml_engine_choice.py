"""The fastest engine that agrees is found once on a machine, and remembered."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml import engine
from ml.bundle import Bundle, BundleError, write
from ml.engine import EngineError, candidates, choice
from ml.engine.agreement import Agreement, compare
from ml.engine.choice import Timed

ROOT = Path(__file__).parent.parent
STARTER = ROOT / "ml" / "starter"


@pytest.fixture(scope="module")
def objects() -> Bundle:
    return Bundle.load(STARTER / "objects")


@pytest.fixture(scope="module")
def cache(objects: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder in which the engines for the small bundle were timed, asked for twice at once."""
    folder = tmp_path_factory.mktemp("engine")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: choice.timings(objects, folder, 1), range(2))
    assert first == second
    yield folder
    shutil.rmtree(folder)


def remembered(cache: Path) -> Path:
    (path,) = cache.glob("choice-*.json")
    return path


def remember(cache: Path, engines: list[Timed]) -> None:
    said = json.loads(remembered(cache).read_text())
    remembered(cache).write_text(json.dumps({**said, "engines": [each.to_dict() for each in engines]}))


@pytest.fixture
def own_cache(cache: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(cache, tmp_path / "engine"))


def test_every_engine_that_the_bundle_allows_is_timed_and_compared(objects: Bundle, cache: Path) -> None:
    timed = choice.timings(objects, cache, 1)
    assert {each.name for each in timed} == {"openvino-f32", "ncnn-f32"}
    assert all(each.accepted and each.milliseconds and each.same == 1 and each.cosine == 1 for each in timed)
    assert timed == sorted(timed, key=lambda each: each.milliseconds or 0)


def test_what_was_timed_is_remembered_with_what_it_depends_on(objects: Bundle, cache: Path) -> None:
    said = json.loads(remembered(cache).read_text())
    assert said["bundle"] == f"objects {objects.version}"
    assert said["threads"] == 1
    assert set(said["versions"]) == {"openvino", "ncnn", "numpy"}
    assert said["cpu"]
    assert said["cores"] >= 1


@pytest.mark.parametrize("fastest", ["openvino-f32", "ncnn-f32"])
def test_the_fastest_serves(objects: Bundle, own_cache: Path, fastest: str) -> None:
    other = {"openvino-f32": "ncnn-f32", "ncnn-f32": "openvino-f32"}[fastest]
    remember(own_cache, [Timed(fastest, 1.0, 1.0, 1.0), Timed(other, 2.0, 1.0, 1.0)])
    description = engine.load(objects, own_cache, 1).description
    assert fastest == "-".join([description.split()[0].lower(), description.split()[-1]])


def test_one_that_does_not_agree_does_not_serve(objects: Bundle, own_cache: Path) -> None:
    remember(own_cache, [Timed("ncnn-f32", 1.0, 0.9, 0.9, "It differs."), Timed("openvino-f32", 2.0, 1.0, 1.0)])
    assert choice.ranked(objects, own_cache, 1, "auto") == ["openvino-f32"]


def test_a_damaged_memory_is_made_anew(objects: Bundle, own_cache: Path) -> None:
    remembered(own_cache).write_text("{")
    assert len(choice.timings(objects, own_cache, 1)) == 2
    assert len(json.loads(remembered(own_cache).read_text())["engines"]) == 2


def test_other_threads_are_another_choice(objects: Bundle) -> None:
    assert choice.situation(objects, 1) != choice.situation(objects, 2)
    assert choice.situation(objects, 1) == choice.situation(objects, 1)


def test_the_setting_beats_the_timing(objects: Bundle, own_cache: Path) -> None:
    remember(own_cache, [Timed("openvino-f32", 1.0, 1.0, 1.0), Timed("ncnn-f32", 2.0, 1.0, 1.0)])
    assert choice.ranked(objects, own_cache, 1, "ncnn") == ["ncnn-f32"]
    assert choice.ranked(objects, own_cache, 1, "ncnn-f32") == ["ncnn-f32"]
    assert choice.ranked(objects, own_cache, 1, "auto") == ["openvino-f32", "ncnn-f32"]


def test_a_precision_that_a_bundle_lacks_is_replaced_within_the_library(objects: Bundle) -> None:
    assert choice.ranked(objects, None, 1, "ncnn-bf16") == ["ncnn-f32"]
    assert choice.ranked(objects, None, 1, "openvino-int8") == ["openvino-f32"]


def test_an_unknown_setting_is_refused_with_those_that_are_known(objects: Bundle) -> None:
    with pytest.raises(EngineError, match=r"'fastest'; it has to be one of auto, openvino, .*torch-gpu"):
        engine.load(objects, wanted="fastest")


def test_a_setting_that_cannot_serve_a_bundle_is_refused(objects: Bundle) -> None:
    with pytest.raises(EngineError, match="cannot serve"):
        choice.ranked(replace(objects, precisions=["f64"]), None, 1, "ncnn")


def test_a_bundle_that_answers_its_golden_picture_otherwise_is_not_served(objects: Bundle, tmp_path: Path) -> None:
    turned = list(reversed(objects.golden["probabilities"]))

    def fill(new: Path) -> None:
        shutil.copyfile(objects.model, new / "model.onnx")

    other = write(tmp_path / "objects", replace(objects, golden={"probabilities": turned}), fill)
    with pytest.raises(BundleError, match="golden picture"):
        engine.load(other)
    timed = choice.timings(other, tmp_path / "engine", 1)
    assert timed
    assert not any(each.accepted for each in timed)


def test_without_a_measurement_the_usual_order_is_taken_and_not_remembered(
    objects: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(choice, "PATIENCE_S", 0.01)
    assert choice.timings(objects, tmp_path, 1) == [Timed("openvino-f32"), Timed("ncnn-f32")]
    assert "could not be timed" in caplog.text
    assert not list(tmp_path.glob("choice-*.json"))


def test_a_chosen_ncnn_needs_no_openvino_in_memory(objects: Bundle, own_cache: Path) -> None:
    remember(own_cache, [Timed("ncnn-f32", 1.0, 1.0, 1.0)])
    asked = (
        "import sys; from pathlib import Path; from ml import engine; from ml.bundle import Bundle;"
        "print(engine.load(Bundle.load(Path(sys.argv[1])), Path(sys.argv[2]), 1).description,"
        "sorted(set(sys.modules) & {'openvino', 'torch', 'onnx'}))"
    )
    command = [sys.executable, "-c", asked, str(objects.path), str(own_cache)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.startswith("ncnn")
    assert said.strip().endswith("[]")


def test_agreement_counts_first_answers_and_the_least_cosine() -> None:
    single = [{"logits": np.array([[3.0, 1, 0]]), "embedding": np.array([[1.0, 0]])}] * 2
    turned = {"logits": np.array([[1.0, 3, 0]]), "embedding": np.array([[1.0, 1]])}
    found = compare(single, [single[0], turned])
    assert found.same == 0.5
    assert found.cosine == pytest.approx(0.5**0.5)
    assert not found.accepted


def test_two_labels_that_tie_may_change_places() -> None:
    single = [{"logits": np.array([[1.0, 0.99, 0]]), "pooled": np.array([[1.0]])}]
    other = [{"logits": np.array([[0.99, 1.0, 0]]), "pooled": np.array([[1.0]])}]
    assert compare(single, other, tie=0.03).accepted
    assert not compare(single, other).accepted


@pytest.mark.parametrize(
    ("same", "cosine", "accepted"), [(0.995, 0.98, True), (0.994, 1.0, False), (1.0, 0.979, False)]
)
def test_the_rule_of_acceptance(same: float, cosine: float, accepted: bool) -> None:
    assert Agreement(same, cosine).accepted is accepted


def test_only_single_precision_has_to_be_exact() -> None:
    assert candidates.tolerance("ncnn-f32") == 1e-3
    assert candidates.tolerance("openvino-bf16") == candidates.tolerance("openvino-int8") == 3e-2


@pytest.mark.parametrize(("milliseconds", "first"), [(90.0, "openvino-bf16"), (70.0, "ncnn-bf16")])
def test_ncnn_is_taken_only_where_it_is_clearly_faster(milliseconds: float, first: str) -> None:
    timed = [choice.Timed("ncnn-bf16", milliseconds), choice.Timed("openvino-bf16", 99.0), choice.Timed("openvino-f32")]
    names = [each.name for each in sorted(timed, key=choice.cost)]
    assert (names[0], names[-1]) == (first, "openvino-f32")  # the last was not timed
