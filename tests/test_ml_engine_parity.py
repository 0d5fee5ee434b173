"""Every engine answers like torch in single precision, for every network that is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ml import networks
from ml.calibrate import softmax
from ml.classifier import OUTPUTS, POOLINGS, Classifier, Head, Whitening
from ml.engine import openvino
from ml.engine.agreement import drawn_pictures
from ml.engine.base import Array, Engine, cosine
from ml.engine.ncnn import Ncnn
from ml.engine.torch_gpu import TorchGpu
from ml.export import to_onnx
from ml.networks import NETWORKS, Backbone, Network, NetworkError
from ml.picture import decode
from ml.preset import to_input
from tests.conftest import SHARED

CLASSES = 12
WITHIN = {"f32": 1e-3, "bf16": 2e-2}


@dataclass
class Known:
    """A network, its file, and what torch says to some pictures."""

    network: Network
    model: Path
    inputs: list[Array]
    said: list[dict[str, Array]]


def pictures() -> list[Image.Image]:
    """Photos where they are at hand, else drawn ones."""
    photos = sorted((SHARED / "data" / "landmarks" / "val").glob("*/*.jpg"))[::550]
    return [decode(path.read_bytes()) for path in photos] or list(islice(drawn_pictures(), 3))


def built(network: Network) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the network with its weights, or with numbers drawn in their stead, and its outputs' names."""
    torch.manual_seed(0)
    try:
        backbone = network.load()
    except NetworkError:
        backbone = network.build()
        draw_weights(backbone)
    if not isinstance(backbone, Backbone):
        return halved(backbone), ("logits", "features", "pooled")
    return halved(with_head(backbone, network)), OUTPUTS


def draw_weights(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight)
        if isinstance(part, nn.BatchNorm2d):
            # Folded into the convolution before it without a rounding: the file keeps half precision.
            part.running_var.fill_(4 - part.eps)  # type: ignore[union-attr]
            part.running_mean.normal_(0, 0.1).copy_(part.running_mean.half())  # type: ignore[union-attr]


@torch.no_grad()
def with_head(backbone: Backbone, network: Network) -> Classifier:
    """Return the backbone with a head and a whitening that nobody trained, fed with numbers of a usual size."""
    pooling = POOLINGS["root"]
    x = torch.from_numpy(np.concatenate([to_input(picture, network.preset) for picture in islice(drawn_pictures(), 4)]))
    small = Classifier(backbone, pooling, nn.Identity(), nn.Identity()).eval()(x)["pooled"]  # type: ignore[arg-type]
    head, whitening = Head(small.shape[1], CLASSES), Whitening(small.shape[1])
    head.standardise(small)
    nn.init.normal_(head.out.weight, std=0.03)
    nn.init.normal_(whitening.weight, std=0.1)
    return Classifier(backbone, pooling, head, whitening)


@torch.no_grad()
def halved(module: nn.Module) -> nn.Module:
    """Round weights as the file stores them, so that only the computing is compared."""
    for numbers in (*module.parameters(), *(buffer for buffer in module.buffers() if buffer.is_floating_point())):
        numbers.copy_(numbers.half())
    return module.eval()


@pytest.fixture(scope="module", params=NETWORKS)
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    network = networks.find(request.param)
    model = tmp_path_factory.mktemp("networks") / "model.onnx"
    module, names = built(network)
    to_onnx(module, names, network.preset, model)
    inputs = [to_input(picture, network.preset) for picture in pictures()]
    with torch.inference_mode():
        said = [{name: values.numpy() for name, values in module(torch.from_numpy(x)).items()} for x in inputs]
    yield Known(network, model, inputs, said)
    model.unlink()


def check(engine: Engine, known: Known, precision: str) -> None:
    for x, expected in zip(known.inputs, known.said, strict=True):
        seen = engine.infer(x)
        assert {name: values.shape for name, values in seen.items()} == {
            name: values.shape for name, values in expected.items()
        }
        a, b = softmax(expected["logits"][0]), softmax(seen["logits"][0])
        np.testing.assert_allclose(b, a, atol=WITHIN[precision])
        # Of two labels that lie closer than that, either may be the better one.
        assert a[np.argsort(-b)[:5]].min() >= np.sort(a)[-5] - WITHIN[precision]
        for name, values in seen.items():
            assert cosine(values, expected[name]) > (0.9999 if precision == "f32" else 0.98), name


def test_openvino_in_single_precision(known: Known) -> None:
    check(openvino.OpenVino(known.model, "f32"), known, "f32")


def test_ncnn_in_single_precision(known: Known) -> None:
    check(Ncnn(known.model, "f32"), known, "f32")


def test_the_gpu_engine_run_on_the_cpu(known: Known) -> None:
    check(TorchGpu(known.model, "f32", "cpu"), known, "f32")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_engine_on_a_gpu(known: Known) -> None:
    precision = known.network.precisions[0]
    check(TorchGpu(known.model, precision), known, precision)


@pytest.mark.skipif(not openvino.precisions(["bf16"]), reason="needs a CPU that computes in bf16")
def test_openvino_in_bf16(known: Known) -> None:
    if "bf16" in known.network.precisions:
        check(openvino.OpenVino(known.model, "bf16"), known, "bf16")


def test_ncnn_in_bf16(known: Known) -> None:
    if "bf16" in known.network.precisions:
        check(Ncnn(known.model, "bf16"), known, "bf16")
