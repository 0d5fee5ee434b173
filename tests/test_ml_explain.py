"""Photos are explained by pictures: what torch's gradients point at, the first layer, how sure."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from ml import explain
from ml.explain import ExplainError, grad_cam, layer, through_bundle, through_torch, watching
from ml.golden import golden_picture
from ml.networks import NETWORKS, Backbone
from ml.networks.small import LeNet5
from ml.picture import decode
from ml.preset import to_input

ROOT = Path(__file__).parent.parent
OBJECTS = ROOT / "ml" / "starter" / "objects"
PICTURES = {
    "original.jpg", "heat.png", "overlay.jpg", "segmentation.jpg", "kernels.png", "maps.png", "probabilities.png",
}  # fmt: skip


class Averaging(nn.Module):
    """One convolution, its mean, one dense layer: its Grad-CAM can be written down."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.dense = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"logits": self.dense(self.conv(x).mean((2, 3)))}


def hooks(module: nn.Module) -> int:
    return sum(len(each._forward_hooks) + len(each._backward_hooks) for each in module.modules())


def test_after_a_mean_the_dense_weights_weigh_the_channels() -> None:
    torch.manual_seed(0)
    module, x = Averaging(), torch.randn(1, 3, 8, 8)
    heat = grad_cam(module, module.conv, x, [2, 4])
    for column, found in zip([2, 4], heat, strict=True):
        expected = torch.relu(torch.einsum("c,chw->hw", module.dense.weight[column], module.conv(x)[0]))
        np.testing.assert_allclose(found, (expected / expected.max()).detach(), atol=1e-5)


def test_gradients_are_found_where_none_are_wanted_otherwise() -> None:
    torch.manual_seed(0)
    module, x = Averaging().requires_grad_(False), torch.randn(1, 3, 8, 8)
    wanted = grad_cam(module, module.conv, x, [1])
    with torch.no_grad():
        np.testing.assert_array_equal(grad_cam(module, module.conv, x, [1]), wanted)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_layer_that_an_entry_names_answers_the_features(name: str) -> None:
    network = NETWORKS[name]
    module = network.build().eval()
    x = torch.from_numpy(to_input(golden_picture(), network.preset))
    if isinstance(module, Backbone):
        x = x[..., :64, :64]
    with torch.no_grad(), watching(layer(module, network.features)) as kept:
        features = module.tail(module.stem(x).out) if isinstance(module, Backbone) else module(x)["features"]
    assert torch.equal(kept[0], features)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one core: on small maps its threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_thousand_calls_leave_no_hook_and_no_memory() -> None:
    module, x = Averaging(), torch.rand(1, 3, 8, 8)

    def call(times: int) -> tuple[int, int]:
        for _ in range(times):
            grad_cam(module, module.conv, x, [3])
        gc.collect()
        tensors = sum(issubclass(type(each), Tensor) for each in gc.get_objects())
        return tensors, psutil.Process().memory_info().rss

    tensors, memory = call(100)
    after, memory_after = call(1000)
    assert hooks(module) == 0
    assert after == tensors
    assert memory_after - memory < 8e6


def test_a_call_that_fails_leaves_no_hook() -> None:
    module = LeNet5().eval()
    with pytest.raises(RuntimeError):
        grad_cam(module, module.last, torch.rand(1, 3, 28, 28), [3])
    with pytest.raises(IndexError):
        grad_cam(module, module.last, torch.rand(1, 1, 28, 28), [10])
    assert hooks(module) == 0


def test_a_network_is_explained_by_torch() -> None:
    torch.manual_seed(0)
    labels = [f"digit {number}" for number in range(10)]
    look = through_torch(LeNet5().eval(), NETWORKS["lenet5"], labels)
    best, other = (look(golden_picture(), label) for label in (None, "digit 4"))
    assert [p for _, p in best.best] == sorted((p for _, p in best.best), reverse=True)
    assert len(best.best) == 5
    assert best.explanation.heat.shape == (10, 10)
    assert not np.array_equal(best.explanation.heat, other.explanation.heat) or best.best[0][0] == "digit 4"


def test_a_backbone_alone_explains_nothing() -> None:
    with pytest.raises(ExplainError, match="knows no classes"):
        through_torch(NETWORKS["vgg16"].build(), NETWORKS["vgg16"], [])


@pytest.mark.shared
def test_torch_and_the_bundle_point_at_the_same(val: Path) -> None:
    network, data = NETWORKS["efficientnet-lite0"], val.parent.parent
    module = network.load(data / "weights" / "efficientnet-lite0-imagenet.safetensors")
    photo = decode((data / "landmarks" / "notplace" / "animals" / "large-011.jpg").read_bytes())
    served = through_bundle(OBJECTS)(photo, None).explanation.heat
    x = torch.from_numpy(to_input(photo, network.preset))
    column = int(module(x)["logits"].argmax())
    np.testing.assert_allclose(grad_cam(module, layer(module, network.features), x, [column])[0], served, atol=0.02)


@pytest.mark.shared
def test_the_heat_is_on_the_mausoleum_and_not_in_the_sky(val: Path) -> None:
    photo = decode((val.parent.parent / "originals" / "taj-mahal.jpg").read_bytes())
    heat = through_bundle(explain.STARTER)(photo, "taj-mahal").explanation.heat
    assert heat.shape == (14, 14)
    assert heat[3:8, 4:10].mean() > 3 * heat[:3].mean()


def run(monkeypatch: pytest.MonkeyPatch, arguments: Sequence[object]) -> int:
    monkeypatch.setattr(sys, "argv", ["explain", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        explain.main()
    return int(left.value.code or 0)


def test_the_command_draws_every_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        golden_picture().save(tmp_path / folder / "bridge.png")
    photos = [tmp_path / folder / "bridge.png" for folder in ("first", "second")]
    assert run(monkeypatch, [*photos, "--out", tmp_path / "out", "--bundle", OBJECTS]) == 0
    assert {folder.name for folder in (tmp_path / "out").iterdir()} == {"bridge", "bridge-2"}
    drawn = {path.name: Image.open(path).size for path in (tmp_path / "out" / "bridge").iterdir()}
    assert set(drawn) == PICTURES
    assert all(drawn[name] == (320, 240) for name in ("original.jpg", "heat.png", "overlay.jpg", "segmentation.jpg"))


def test_a_file_that_is_no_photo_is_named_and_the_others_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    golden_picture().save(tmp_path / "bridge.png")
    (tmp_path / "notes.txt").write_text("no photo")
    photos = [tmp_path / name for name in ("notes.txt", "missing.jpg", "bridge.png")]
    assert run(monkeypatch, [*photos, "--out", tmp_path / "out", "--bundle", OBJECTS]) == 1
    said = capsys.readouterr()
    first, second = said.err.splitlines()
    assert first.startswith(f"{photos[0]}: This file is not a picture.")
    assert second == f"{photos[1]}: No such file or directory"
    assert {path.name for path in (tmp_path / "out" / "bridge").iterdir()} == PICTURES
    assert said.out.startswith("1 of 3 photos")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bundle", "nowhere"], "There is no bundle in nowhere: bundle.json is missing."),
        (["--network", "vgg99"], "There is no network 'vgg99'"),
        (["--network", "cnn64"], "cnn64 is trained from nothing; name a bundle that it became."),
        (["--bundle", OBJECTS, "--label", "unicorn"], "There is no label 'unicorn'; the first of 1000 are tench"),
        (["--network", "efficientnet-lite0", "--weights", "nowhere"], "The weights of efficientnet-lite0 are not"),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[object],
    sentence: str,
) -> None:
    golden_picture().save(tmp_path / "bridge.png")
    assert run(monkeypatch, [tmp_path / "bridge.png", "--out", tmp_path / "out", *arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith(sentence)
    assert len(said.splitlines()) == 1
