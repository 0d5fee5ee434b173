"""From a torch module to a bundle: an ONNX file with half-precision weights, and what belongs to it."""

import hashlib
import json
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from ml import tail
from ml.bundle import MODEL, Bundle, sha256, write
from ml.calibrate import softmax
from ml.engine.openvino import OpenVino
from ml.golden import golden_picture
from ml.heatmap import TAIL
from ml.networks import Network
from ml.preset import Preset, to_input

OPSET = 17
SMALLEST = 64  # numbers; shorter tensors stay in single precision
LARGEST = float(np.finfo(np.float16).max)


class _Ordered(nn.Module):
    """The same module with its named outputs in a fixed order."""

    def __init__(self, module: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.module, self.names = module, names

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        outputs = self.module(x)
        return tuple(outputs[name] for name in self.names)


def to_onnx(module: nn.Module, names: Sequence[str], preset: Preset, path: Path) -> None:
    """Write ``module``, which answers a dict with ``names``, for one picture ``x`` (1, C, H, W).

    Weights are stored as float16 and cast up in the graph, so an engine computes in the precision it chooses.
    """
    x = torch.zeros(1, len(preset.mean), preset.height, preset.width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter without extra packages is deprecated, and says so
        torch.onnx.export(
            _Ordered(module, names).eval(), (x,), path, dynamo=False, opset_version=OPSET,
            input_names=["x"], output_names=list(names),
        )  # fmt: skip
    model = onnx.load(path)
    halve(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def halve(graph: onnx.GraphProto) -> None:
    """Replace every large single-precision initializer by a half-precision one and a Cast."""
    casts = []
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype != np.float32 or array.size < SMALLEST or np.abs(array).max() > LARGEST:
            continue
        full, half = tensor.name, f"{tensor.name}.half"
        tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [full], to=TensorProto.FLOAT))
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)


def make_bundle(
    folder: Path,
    module: nn.Module,
    outputs: Sequence[str],
    *,
    name: str,
    network: Network,
    labels: list[Any],
    calibration: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
) -> Bundle:
    """Export ``module`` (which answers a dict with ``outputs``) and write it to ``folder`` as a bundle."""
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / MODEL
        to_onnx(module, outputs, network.preset, model)
        bundle = Bundle(
            name=name,
            version=_version(model, labels, calibration),
            network=network.name,
            labels=labels,
            preset=network.preset,
            precisions=list(network.precisions),
            calibration=calibration or {},
            metrics=metrics or {},
            licences=[network.licence],
            golden={"probabilities": _golden_probabilities(model, network.preset)},
            path=folder,
        )
        return write(folder, bundle, lambda new: _place(model, new))


def _place(model: Path, folder: Path) -> None:
    shutil.copyfile(model, folder / MODEL)
    try:
        tail.read(model).save(folder / TAIL)
    except tail.TailError as error:
        warnings.warn(f"The bundle will have no heat maps. {error}", stacklevel=2)


def _version(model: Path, labels: list[Any], calibration: dict[str, Any] | None) -> str:
    """Return a version that differs whenever an answer can: the day, then a hash of what makes answers."""
    content = sha256(model) + json.dumps([labels, calibration], sort_keys=True)
    return f"{datetime.now(UTC):%Y.%m.%d}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def _golden_probabilities(model: Path, preset: Preset) -> list[float]:
    logits = OpenVino(model, "f32").infer(to_input(golden_picture(), preset))["logits"][0]
    return [round(float(p), 7) for p in softmax(logits)]
