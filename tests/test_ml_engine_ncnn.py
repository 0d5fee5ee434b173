"""ncnn computes what the graph says, whatever follows what; its files are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.engine import graph, ncnn_files
from ml.engine.base import Engine
from ml.engine.graph import UnknownOperation
from ml.engine.ncnn import Ncnn
from ml.engine.torch_gpu import TorchGpu
from ml.export import to_onnx
from ml.preset import Preset

PRESET = Preset(20, 17, "RGB", 1.0, (0.0,) * 3, (1.0,) * 3, "squash", 17, "bilinear")


class Branches(nn.Module):
    """Maps that several layers read, sums, groups, and every activation and pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.wide = nn.Conv2d(8, 16, (1, 3), stride=(1, 2), dilation=(1, 2))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        first = self.first(x)
        relu, clipped = functional.relu(first), functional.relu6(self.grouped(torch.tanh(first)))
        total = relu + clipped
        wide = torch.sigmoid(self.wide(total))
        pooled = functional.avg_pool2d(functional.max_pool2d(wide, 3, stride=2, padding=1), 2)
        return {"total": total, "wide": wide, "pooled": pooled.mean((2, 3)), "first": first.amax((2, 3))}


class Strange(nn.Module):
    """Something that ncnn is not asked to compute here."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"angles": torch.sin(x)}


@pytest.fixture(scope="module")
def branches(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    torch.manual_seed(0)
    module, path = Branches().eval(), tmp_path_factory.mktemp("ncnn") / "model.onnx"
    for parameter in module.parameters():
        parameter.data = parameter.data.half().float()
    to_onnx(module, ["total", "wide", "pooled", "first"], PRESET, path)
    return module, path


@pytest.mark.parametrize("made", [lambda path: Ncnn(path, "f32"), lambda path: TorchGpu(path, "f32", "cpu")])
def test_a_graph_with_branches_is_computed_as_torch_does(
    branches: tuple[nn.Module, Path], made: Callable[[Path], Engine]
) -> None:
    module, path = branches
    x = np.random.default_rng(0).normal(size=(1, 3, 17, 20)).astype(np.float32)
    with torch.inference_mode():
        expected = module(torch.from_numpy(x))
    seen = made(path).infer(x)
    assert seen.keys() == expected.keys()
    for name, values in seen.items():
        np.testing.assert_allclose(values, expected[name].numpy(), rtol=1e-4, atol=1e-5)


def test_answers_stay_when_the_next_picture_comes(branches: tuple[nn.Module, Path]) -> None:
    engine = Ncnn(branches[1], "f32")
    first = engine.infer(np.zeros((1, 3, 17, 20), np.float32))
    before = {name: values.copy() for name, values in first.items()}
    engine.infer(np.ones((1, 3, 17, 20), np.float32))
    for name, values in first.items():
        np.testing.assert_array_equal(values, before[name])


def test_the_files_are_written_once_for_a_model(branches: tuple[nn.Module, Path], tmp_path: Path) -> None:
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}

    Ncnn(branches[1], "f32", tmp_path)
    written = files()
    assert len(written) == 4
    Ncnn(branches[1], "f32", tmp_path)
    assert files() == written


def test_weights_stay_in_half_precision_where_they_are(branches: tuple[nn.Module, Path], tmp_path: Path) -> None:
    module, path = branches
    maps, _ = graph.split(graph.read(path))
    ncnn_files.write(maps, tmp_path)
    halves = sum(4 + each.weight.numel() * 2 for each in module.modules() if isinstance(each, nn.Conv2d))
    biases = sum(
        each.bias.numel() * 4 for each in module.modules() if isinstance(each, nn.Conv2d) and each.bias is not None
    )
    assert (tmp_path / ncnn_files.WEIGHTS).stat().st_size == halves + biases


def test_an_operation_that_nobody_translated_is_named(tmp_path: Path) -> None:
    to_onnx(Strange(), ["angles"], PRESET, tmp_path / "model.onnx")
    with pytest.raises(UnknownOperation, match="Sin"):
        Ncnn(tmp_path / "model.onnx", "f32")
