"""8-bit convolutions are made from a bundle's model, and kept only where they answer alike."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto

from ml import engine, tail
from ml.bundle import Bundle, write
from ml.calibrate import softmax
from ml.engine import agreement, candidates
from ml.engine.agreement import drawn_pictures
from ml.engine.base import Array
from ml.engine.openvino import OpenVino
from ml.export import to_onnx
from ml.golden import golden_picture
from ml.networks import find
from ml.preset import to_input
from ml.quantize import add

NETWORK = find("cnn64")


@pytest.fixture(scope="module")
def inputs() -> list[Array]:
    return [to_input(picture, NETWORK.preset) for picture in islice(drawn_pictures(), 24)]


@pytest.fixture(scope="module")
def bundle(inputs: list[Array], tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small network whose answers to ``inputs`` are all of one label, by far."""
    torch.manual_seed(0)
    module = NETWORK.build().eval()
    last = [part for part in module.modules() if isinstance(part, torch.nn.Linear)][-1]
    torch.nn.init.constant_(last.bias[3:4], 5)
    folder = tmp_path_factory.mktemp("bundles")
    model = folder / "model.onnx"
    to_onnx(module, ("logits", "features", "pooled"), NETWORK.preset, model)
    golden = softmax(OpenVino(model, "f32").infer(to_input(golden_picture(), NETWORK.preset))["logits"][0])
    made = Bundle(
        name="small", version="1", network="cnn64", labels=list(range(12)), preset=NETWORK.preset, precisions=["f32"],
        calibration={}, metrics={"kept": 1}, licences=["none"], golden={"probabilities": golden.tolist()}, path=folder,
    )  # fmt: skip

    def fill(new: Path) -> None:
        shutil.copyfile(model, new / "model.onnx")

    return write(folder / "small", made, fill)


@pytest.fixture(scope="module")
def with_int8(bundle: Bundle, inputs: list[Array]) -> Bundle:
    return add(bundle, inputs[:16], inputs[16:], bundle.path.parent / "with-int8")


def test_the_bundle_says_how_the_8_bit_model_agrees(with_int8: Bundle) -> None:
    assert with_int8.metrics["kept"] == 1
    said = with_int8.metrics["int8"]
    assert said["photos"] == 8
    assert said["accepted"] is (with_int8.int8 is not None)
    assert said["cosine"] > 0.98


def test_its_convolutions_but_the_first_have_8_bit_weights_and_its_dense_layers_have_not(with_int8: Bundle) -> None:
    assert with_int8.int8 is not None
    graph = onnx.load(with_int8.int8).graph
    sizes: dict[int, int] = {}
    for tensor in graph.initializer:
        sizes[tensor.data_type] = sizes.get(tensor.data_type, 0) + int(np.prod(tensor.dims))
    convolutions = [part.weight.numel() for part in NETWORK.build().modules() if isinstance(part, torch.nn.Conv2d)]
    assert sum(convolutions) > sizes[TensorProto.INT8] >= sum(convolutions[1:])
    assert sizes[TensorProto.FLOAT16] > 0


def test_it_is_one_of_the_engines_and_answers_the_golden_picture(with_int8: Bundle) -> None:
    assert "openvino-int8" in candidates.available(with_int8)
    served = engine.load(with_int8, wanted="openvino-int8")
    assert served.description.endswith("int8")
    assert served.infer(to_input(golden_picture(), with_int8.preset)).keys() == {"logits", "features", "pooled"}


def test_where_the_head_lies_beside_it_it_is_not_kept_again(
    bundle: Bundle, inputs: list[Array], tmp_path: Path
) -> None:
    def fill(new: Path) -> None:
        shutil.copyfile(bundle.model, new / "model.onnx")
        tail.read(bundle.model).save(new / "head.npz")

    headed = add(write(tmp_path / "headed", bundle, fill), inputs[:16], inputs[16:], tmp_path / "with-int8")
    assert headed.int8 is not None
    assert "logits" not in OpenVino(headed.int8, "int8").names
    single, served = (engine.load(headed, wanted=f"openvino-{name}") for name in ("f32", "int8"))
    for x in inputs:
        ours, theirs = served.infer(x), single.infer(x)
        assert ours.keys() == theirs.keys()
        assert ours["logits"].shape == theirs["logits"].shape
        assert softmax(ours["logits"][0]) == pytest.approx(softmax(theirs["logits"][0]), abs=3e-2)


def test_one_that_is_not_accepted_is_left_out(
    bundle: Bundle, inputs: list[Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "LEAST_COSINE", 1.01)
    made = add(bundle, inputs[:4], inputs[16:], bundle.path.parent / "without")
    assert made.metrics["int8"]["accepted"] is False
    assert made.int8 is None
    assert "openvino-int8" not in candidates.available(made)


def test_the_same_folder_may_be_written(with_int8: Bundle, inputs: list[Array]) -> None:
    again = add(with_int8, inputs[:4], inputs[16:], with_int8.path)
    assert again.path == with_int8.path
    assert Bundle.load(again.path) == again
