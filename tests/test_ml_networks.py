"""Every network of the registry is whole, and weights that do not ship are fetched through the one door."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command

from ml import networks, weights
from ml.networks import NETWORKS, Backbone, Network, NetworkError
from ml.networks.base import statistics
from ml.preset import to_input
from tests.drawn import drawn


@pytest.mark.parametrize("network", NETWORKS.values(), ids=lambda network: network.name)
def test_an_entry_fits_together(network: Network) -> None:
    module = network.build().eval()
    x = torch.from_numpy(to_input(drawn(1), network.preset))
    last, first = module.get_submodule(network.features), module.get_submodule(network.first)
    seen: list[torch.Size] = []
    hooks = [layer.register_forward_hook(lambda _l, _i, out: seen.append(out.shape)) for layer in (first, last)]
    with torch.inference_mode():
        out = module.tail(module.stem(x).out) if isinstance(module, Backbone) else module(x)["features"]
    for hook in hooks:
        hook.remove()
    assert seen[-1] == out.shape and len(seen) == 2
    assert network.licence and isinstance(first, torch.nn.Conv2d)


def test_the_64_pixel_network_is_a_file_of_25_megabytes() -> None:
    numbers = sum(p.numel() for p in NETWORKS["cnn64"].build().parameters())
    assert round(numbers * 4 / 1e6, 1) == 25.3


def test_a_backbone_is_its_stem_and_its_tail() -> None:
    backbone = NETWORKS["vgg16"].load()
    assert isinstance(backbone, Backbone)
    x = torch.from_numpy(to_input(drawn(2), NETWORKS["vgg16"].preset))
    with torch.inference_mode():
        stem = backbone.stem(x)
        whole = backbone.get_submodule("features")(x)
        assert torch.equal(backbone.tail(stem.out), whole)
    assert stem.middle.shape == (1, 512, 28, 28) and stem.out.shape == (1, 512, 14, 14)
    assert statistics(whole).shape == (1, 1024)


def test_unknown_networks_and_missing_weights_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"no network 'alexnet'; known are vgg16, .*lenet5"):
        networks.find("alexnet")
    with pytest.raises(NetworkError, match=r"weights of resnet50 are not at .*gone\.pth: `python manage\.py weights"):
        networks.find("resnet50").load(tmp_path / "gone.pth")
    other = tmp_path / "other.pth"
    other.write_bytes(b"other")
    with pytest.raises(NetworkError, match="holds other weights than were entered"):
        networks.find("resnet50").load(other)


def last_map(network: torch.nn.Module, x: torch.Tensor) -> np.ndarray:
    assert isinstance(network, Backbone)
    return np.asarray(network.tail(network.stem(x).out))


def made(path: Path, state: dict[str, torch.Tensor], name: str) -> Network:
    """Write ``state`` to ``path`` and return the entry ``name`` as if that were its weights."""
    torch.save(state, path)
    entry = networks.find(name)
    assert entry.weights is not None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return replace(entry, weights=replace(entry.weights, file=path.name, sha256=digest))


def test_a_file_that_lacks_layers_or_is_no_state_is_one_sentence(tmp_path: Path) -> None:
    state = NETWORKS["vgg16-torchvision"].build().state_dict()
    state.pop("features.0.bias")
    with pytest.raises(NetworkError, match=r"lacks features\.0\.bias of vgg16-torchvision"):
        made(tmp_path / "a.pth", state, "vgg16-torchvision").load(tmp_path / "a.pth")
    with pytest.raises(NetworkError, match="cannot be read as weights"):
        made(tmp_path / "b.pth", {"x": Path}, "vgg16-torchvision").load(tmp_path / "b.pth")  # type: ignore[dict-item]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address on which its files are served."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None: ...

    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_resnet_50_starts_from_weights_that_the_command_fetched(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    folder, host = served
    torch.manual_seed(3)
    source = NETWORKS["resnet50"].build().eval()
    # As the official file is: with the classifier, which is not built here.
    state = {**source.state_dict(), "fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}
    entry = made(folder / "resnet50.pth", state, "resnet50")
    assert entry.weights is not None
    wanted = replace(entry.weights, url=f"http://{host}/resnet50.pth")
    monkeypatch.setitem(weights.DOWNLOADS, "resnet50", wanted)
    monkeypatch.setitem(NETWORKS, "resnet50", replace(entry, weights=wanted))
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    settings.VAR_DIR = tmp_path  # type: ignore[attr-defined]
    settings.FETCH_ALLOW_PRIVATE = frozenset({host})  # type: ignore[attr-defined]
    with pytest.raises(NetworkError, match=r"python manage\.py weights resnet50"):
        networks.find("resnet50").load()
    call_command("weights", "resnet50", verbosity=0)
    loaded = networks.find("resnet50").load()
    x = torch.from_numpy(to_input(drawn(4), entry.preset))
    with torch.inference_mode():
        expected, seen = (last_map(network, x) for network in (source, loaded))
    np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-5)


def test_weights_with_another_hash_are_refused_and_not_kept(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    folder, host = served
    (folder / "resnet50.pth").write_bytes(b"something else")
    wanted = replace(weights.DOWNLOADS["resnet50"], url=f"http://{host}/resnet50.pth")
    monkeypatch.setitem(weights.DOWNLOADS, "resnet50", wanted)
    settings.VAR_DIR = tmp_path  # type: ignore[attr-defined]
    settings.FETCH_ALLOW_PRIVATE = frozenset({host})  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="can also be copied to"):
        call_command("weights", "resnet50", verbosity=0)
    assert not (tmp_path / "weights" / wanted.file).exists()
