"""The engine computes what the network is: checked against torch, and before it serves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ml import engine, networks
from ml.bundle import Bundle
from ml.engine.openvino import OpenVino, precisions
from ml.golden import golden_picture
from ml.picture import decode
from ml.preset import to_input

ROOT = Path(__file__).parent.parent
STARTER = ROOT / "ml" / "starter"


@pytest.fixture(scope="module")
def places() -> Bundle:
    return Bundle.load(STARTER / "places")


@pytest.fixture(scope="module")
def single(places: Bundle) -> OpenVino:
    """The places bundle, computed in single precision."""
    return OpenVino(places.model, "f32")


def some(folder: Path, every: int) -> list[Image.Image]:
    return [decode(path.read_bytes()) for path in sorted(folder.rglob("*.jpg"))[::every]]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_golden_picture_is_the_same_everywhere() -> None:
    picture = golden_picture()
    assert picture.size == (320, 240)
    assert np.asarray(picture).astype(int).sum() == 33102985


def test_an_engine_names_what_it_answers(places: Bundle, single: OpenVino) -> None:
    seen = single.infer(to_input(golden_picture(), places.preset))
    assert {name: values.shape for name, values in seen.items() if name != "pooled"} == {
        "logits": (1, len(places.labels)),
        "embedding": (1, 512),
        "features": (1, 512, 14, 14),
        "style": (1, 1056),
    }
    assert seen["pooled"].ndim == 2
    assert np.linalg.norm(seen["embedding"]) == pytest.approx(1, abs=1e-4)
    assert all(np.isfinite(values).all() for values in seen.values())


def test_single_precision_answers_the_golden_picture_within_a_thousandth(places: Bundle, single: OpenVino) -> None:
    assert engine.answers_golden(single, places, 1e-3)


@pytest.mark.shared
def test_the_engine_names_objects_as_torch_does(val: Path) -> None:
    bundle = Bundle.load(STARTER / "objects")
    data = val.parent.parent
    network = networks.find("efficientnet-lite0").load(data / "weights" / "efficientnet-lite0-imagenet.safetensors")
    served = OpenVino(bundle.model, "f32")
    for picture in some(data / "landmarks" / "notplace", every=40):
        x = to_input(picture, bundle.preset)
        with torch.inference_mode():
            expected = network(torch.from_numpy(x))["logits"].numpy()
        np.testing.assert_allclose(served.infer(x)["logits"], expected, atol=0.05)


@pytest.mark.shared
def test_the_precision_chosen_here_answers_like_single_precision(places: Bundle, single: OpenVino, val: Path) -> None:
    chosen = OpenVino(places.model, precisions(places.precisions)[0])
    for picture in some(val, every=150):
        x = to_input(picture, places.preset)
        a, b = single.infer(x), chosen.infer(x)
        assert cosine(a["embedding"][0], b["embedding"][0]) > 0.98
        assert cosine(a["style"][0], b["style"][0]) > 0.999
        assert np.abs(a["logits"] - b["logits"]).max() < 0.2


def test_a_compiled_model_is_kept_for_the_next_start(tmp_path: Path) -> None:
    bundle = Bundle.load(STARTER / "objects")
    x = to_input(golden_picture(), bundle.preset)
    first = engine.load(bundle, tmp_path / "engines", 1, "openvino-f32").infer(x)
    assert list((tmp_path / "engines").glob("*.blob"))
    again = engine.load(bundle, tmp_path / "engines", 1, "openvino-f32").infer(x)
    np.testing.assert_array_equal(first["logits"], again["logits"])


def test_serving_loads_neither_torch_nor_telemetry() -> None:
    asked = "import ml.recognise, ml.engine.openvino, ml.engine.ncnn, ml.engine.measure, sys; print(sorted(set(sys.modules) & {'torch', 'sklearn', 'matplotlib', 'onnx'}), sys.modules['openvino_telemetry'])"  # noqa: E501
    said = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[] None"
