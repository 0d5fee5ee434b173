"""A bundle is loaded only when it is exactly what was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.bundle import Bundle, BundleError, write
from ml.calibrate import OTHER
from ml.preset import Preset

STARTER = Path(__file__).parent.parent / "ml" / "starter"
PRESET = Preset(8, 8, "RGB", 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "squash", 8, "bilinear")


def a_bundle(name: str = "places") -> Bundle:
    return Bundle(
        name=name, version="1", network="vgg16", labels=["here", "unknown", "not_a_place"], preset=PRESET,
        precisions=["f32"], calibration={"temperature": 1.5}, metrics={"top_1": 0.9}, licences=["none"],
        golden={"probabilities": [0.5, 0.3, 0.2]}, path=Path(),
    )  # fmt: skip


def fill(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"a model")
    (folder / "report").mkdir()
    (folder / "report" / "index.html").write_text("<p>good</p>")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "bundle", a_bundle(), fill).path


def change_manifest(folder: Path, **values: object) -> None:
    path = folder / "bundle.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_written_bundle_is_loaded_as_it_was(folder: Path) -> None:
    assert Bundle.load(folder) == a_bundle()


def test_a_changed_model_is_refused(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"another")
    with pytest.raises(BundleError, match=r"damaged: model\.onnx"):
        Bundle.load(folder)


def test_a_changed_report_is_refused(folder: Path) -> None:
    (folder / "report" / "index.html").write_text("<p>better</p>")
    with pytest.raises(BundleError, match=r"damaged: report/index\.html"):
        Bundle.load(folder)


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / "report" / "index.html").unlink()
    with pytest.raises(BundleError, match="is missing"):
        Bundle.load(folder)


def test_a_file_that_nobody_named_is_refused(folder: Path) -> None:
    (folder / "weights.pickle").write_bytes(b"\x80\x04N.")
    with pytest.raises(BundleError, match=r"does not name: weights\.pickle"):
        Bundle.load(folder)


def test_a_pickle_is_refused_even_where_it_is_named(tmp_path: Path) -> None:
    def with_pickle(folder: Path) -> None:
        fill(folder)
        (folder / "weights.pt").write_bytes(b"\x80\x04N.")

    with pytest.raises(BundleError, match=r"names weights\.pt: files of that kind do not belong"):
        write(tmp_path / "bundle", a_bundle(), with_pickle)
    assert not (tmp_path / "bundle").exists()


def test_changed_labels_are_refused(folder: Path) -> None:
    change_manifest(folder, labels=["there", "unknown", "not_a_place"])
    with pytest.raises(BundleError, match="was changed"):
        Bundle.load(folder)


def test_an_unknown_format_is_refused(folder: Path) -> None:
    change_manifest(folder, format=2)
    with pytest.raises(BundleError, match="format"):
        Bundle.load(folder)


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00"])
def test_a_manifest_that_is_none_is_refused(folder: Path, content: str) -> None:
    (folder / "bundle.json").write_text(content)
    with pytest.raises(BundleError):
        Bundle.load(folder)


def test_an_empty_folder_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no bundle"):
        Bundle.load(tmp_path)


def test_a_write_that_fails_leaves_the_bundle_before(folder: Path) -> None:
    def break_off(new: Path) -> None:
        (new / "model.onnx").write_bytes(b"half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        write(folder, a_bundle("other"), break_off)
    assert Bundle.load(folder).name == "places"
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


def test_writing_again_replaces_the_bundle(folder: Path) -> None:
    write(folder, a_bundle("other"), lambda new: (new / "model.onnx").touch())
    assert Bundle.load(folder).name == "other"
    assert not (folder / "report").exists()


def test_the_bundles_in_the_box_are_whole_and_small() -> None:
    places, objects = Bundle.load(STARTER / "places"), Bundle.load(STARTER / "objects")
    assert places.labels[-2:] == list(OTHER)
    assert len(places.labels) == 61
    assert len(objects.labels) == 1000
    assert objects.labels[281] == {"name": "tabby", "wordnet_id": "n02123045"}
    shipped = [STARTER, STARTER.parent / "weights"]
    assert sum(path.stat().st_size for folder in shipped for path in folder.rglob("*")) < 100_000_000
