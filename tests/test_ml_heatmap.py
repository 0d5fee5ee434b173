"""Heat maps from one forward pass are what torch's gradients say, for every network that is known."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml import engine, export, heatmap, tail
from ml.bundle import MODEL, Bundle, write
from ml.classifier import POOLINGS, Classifier, Head, Pooling, Whitening
from ml.explain import layer, watching
from ml.golden import golden_picture
from ml.heatmap import Array, Tail
from ml.networks import NETWORKS, Backbone, Network
from ml.networks.base import statistics
from ml.networks.small import LeNet5
from ml.preset import to_input

ROOT = Path(__file__).parent.parent
OUTPUTS = ("logits", "features", "pooled")
SMALL_INPUTS = {64, 28}  # those of networks whose dense layers fix them


def under_a_head(network: Backbone, pooling: Pooling, x: Tensor) -> Classifier:
    """Return a place classifier upon ``network``, its head standardised by what it makes of ``x``."""
    with torch.no_grad():
        stem = network.stem(x)
        pooled = pooling(stem.statistics(), statistics(network.tail(stem.out)))
    head = Head(pooled.shape[1], 7)
    head.standardise(torch.cat([pooled, pooled * 1.1, pooled * 0.8]))
    return Classifier(network, pooling, head, Whitening(pooled.shape[1]))


def draw_normalisations(module: nn.Module) -> None:
    """Give batch normalisations what training would have given them."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for values, low, high in ((norm.running_mean, -0.3, 0.3), (norm.running_var, 0.2, 1), (norm.bias, 0, 0.3)):
                assert values is not None
                nn.init.uniform_(values, low, high)


@dataclass(frozen=True)
class Known:
    """A network with drawn weights, one picture, what torch answers for it, and the tail read from its ONNX file."""

    network: Network
    module: nn.Module
    x: Tensor
    seen: dict[str, Tensor]
    tail: Tail


# Two entries build the same network, so each pooling is tried.
CASES = [(name, "mean" if name == "vgg16-torchvision" else "root") for name in NETWORKS]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Known:
    name, pooling = request.param
    network, model = NETWORKS[name], tmp_path_factory.mktemp("known") / MODEL
    preset = network.preset
    if preset.width not in SMALL_INPUTS:
        preset = replace(preset, width=64, height=64, short_side=64)
    torch.manual_seed(5)
    x = torch.from_numpy(to_input(golden_picture(), preset)).requires_grad_()
    module = network.build().eval()
    draw_normalisations(module)
    if isinstance(module, Backbone):
        module = under_a_head(module, POOLINGS[pooling], x)
    module.half().float().eval().requires_grad_(False)  # in half precision, as bundles keep them
    export.to_onnx(module, OUTPUTS, preset, model)
    return Known(network, module, x, module(x), tail.read(model))


def by_torch(known: Known, column: int) -> Array:
    """Return Grad-CAM by the book: the gradient of the logit at the last map, averaged, weighs the channels."""
    maps = known.seen["features"]
    (slopes,) = torch.autograd.grad(known.seen["logits"][0, column], maps, retain_graph=True)
    heat = functional.relu((slopes.mean((2, 3), keepdim=True) * maps).sum(1))[0].detach()
    return (heat / heat.max().clamp(min=1e-30)).numpy()


def as_served(known: Known) -> tuple[Array, Array]:
    """Return the last map (C, H, W) and pooled (D,)."""
    return known.seen["features"][0].detach().numpy(), known.seen["pooled"][0].detach().numpy()


def test_heat_maps_are_those_of_torchs_gradients(known: Known) -> None:
    columns = range(7)
    heat = known.tail.heat_maps(*as_served(known), columns)
    assert heat.dtype == np.float32
    assert heat.max() == 1
    for column in columns:
        np.testing.assert_allclose(heat[column], by_torch(known, column), atol=1e-4)


def test_several_classes_at_once_are_each_as_alone(known: Known) -> None:
    together = known.tail.heat_maps(*as_served(known), [3, 0])
    for heat, column in zip(together, [3, 0], strict=True):
        np.testing.assert_allclose(heat, known.tail.heat_maps(*as_served(known), [column])[0], atol=1e-5)


def test_the_first_layer_is_torchs(known: Known) -> None:
    first = layer(known.module, known.network.first)
    norm = getattr(getattr(known.module, "backbone", known.module), "bn1", nn.Identity())
    kept = known.tail.first.maps(known.x.detach().numpy())
    with watching(first) as answers, torch.no_grad():
        known.module(known.x)
        expected = functional.relu(norm(answers[0]))[0].numpy()
    np.testing.assert_allclose(kept, expected, rtol=2e-3, atol=2e-3 * expected.max())


def test_a_tail_is_read_back_as_it_was_written(known: Known, tmp_path: Path) -> None:
    known.tail.save(tmp_path / "head.npz")
    again = Tail.load(tmp_path / "head.npz")
    assert again.first.sides == known.tail.first.sides
    before, after = (each.heat_maps(*as_served(known), range(7)) for each in (known.tail, again))
    np.testing.assert_allclose(after, before, atol=1e-6)


class Tanh(LeNet5):
    """A head with another nonlinearity."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        seen = super().forward(x)
        return {**seen, "logits": self.out(torch.tanh(self.dense2(self.dense1(seen["pooled"]))))}


class Straight(LeNet5):
    """A head without any."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        seen = super().forward(x)
        return {**seen, "logits": self.out(self.dense2(self.dense1(seen["pooled"])))}


class Squared(LeNet5):
    """A pooling that is no mean and no maximum."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        seen = super().forward(x)
        pooled = seen["pooled"] * seen["pooled"]
        return {**seen, "logits": self.out(torch.relu(self.dense2(torch.relu(self.dense1(pooled))))), "pooled": pooled}


def bundle_of(module: nn.Module, folder: Path) -> Bundle:
    return export.make_bundle(
        folder, module, OUTPUTS,
        name="digits", network=NETWORKS["lenet5"], labels=[str(digit) for digit in range(10)],
    )  # fmt: skip


def test_a_bundle_is_explained_as_it_is_served(tmp_path: Path) -> None:
    torch.manual_seed(1)
    bundle = bundle_of(LeNet5().eval(), tmp_path / "digits")
    last = Tail.of(bundle)
    assert last is not None
    photo = golden_picture()
    seen = engine.load(bundle, threads=1).infer(to_input(photo, bundle.preset))
    best = int(seen["logits"][0].argmax())
    shown = heatmap.explain(photo, seen, last, bundle.preset)
    np.testing.assert_array_equal(shown.heat, heatmap.explain(photo, seen, last, bundle.preset, best).heat)
    assert shown.heat.shape == (10, 10)
    assert shown.overlay.size == shown.segmentation.size == shown.coloured.size == photo.size
    other = heatmap.explain(photo, seen, last, bundle.preset, (best + 1) % 10)
    assert np.abs(shown.heat - other.heat).max() > 0.1


@pytest.mark.parametrize(("kind", "said"), [(Tanh, "Tanh"), (Straight, "Gemm Gemm"), (Squared, "Mul")])
def test_a_head_of_an_unknown_kind_leaves_a_bundle_without_heat_maps(
    kind: type[LeNet5], said: str, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match=f"no heat maps.*{said}"):
        bundle = bundle_of(kind().eval(), tmp_path / "digits")
    assert Tail.of(bundle) is None
    assert engine.load(bundle, threads=1).infer(to_input(golden_picture(), bundle.preset))["logits"].shape == (1, 10)


def test_a_bundle_from_before_heat_maps_is_still_a_bundle(tmp_path: Path) -> None:
    bundle = bundle_of(LeNet5().eval(), tmp_path / "digits")

    def fill(new: Path) -> None:
        (new / MODEL).write_bytes(bundle.model.read_bytes())

    assert Tail.of(write(tmp_path / "before", bundle, fill)) is None


def test_a_class_for_which_nothing_speaks_stays_cold() -> None:
    torch.manual_seed(1)
    first = heatmap.FirstLayer(np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32), 1, (0, 0, 0, 0))
    weight, bias = np.array([[-1, -1], [1, 1]], np.float32), np.zeros(2, np.float32)
    two = np.arange(2, dtype=np.int16)
    last = Tail(((weight, bias),), np.zeros(2, np.float32), np.ones(2, np.float32), two, root=False, first=first)
    heat = last.heat_maps(np.ones((2, 3, 3), np.float32), np.ones(2, np.float32), [0, 1])
    assert heat[0].max() == 0
    assert heat[1].min() == 1


def test_heat_maps_load_no_torch() -> None:
    asked = "import ml.heatmap, sys; print(sorted(set(sys.modules) & {'torch', 'onnx', 'openvino', 'matplotlib'}))"
    said = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
