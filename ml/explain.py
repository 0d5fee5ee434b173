"""What a network looks at: Grad-CAM, its first layer, and how sure it is, as pictures.

    python -m ml.explain PHOTO... --out FOLDER [--bundle BUNDLE | --network NAME --weights FILE]

A bundle is explained without torch, by ``ml.heatmap``; a network of the registry by torch's own gradients.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from ml import drawing, networks, tail
from ml.bundle import Bundle, BundleError
from ml.calibrate import softmax
from ml.classifier import Classifier
from ml.engine.openvino import OpenVino
from ml.heatmap import Array, Explanation, Tail, explain, illustrate
from ml.networks import Backbone, Network, NetworkError
from ml.objects import imagenet_labels
from ml.picture import PictureError, decode
from ml.preset import to_input

TOP = 5
STARTER = Path(__file__).parent / "starter" / "places"


class ExplainError(Exception):
    """What was asked cannot be explained; a sentence."""


@contextmanager
def watching(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Keep what ``layer`` answers meanwhile, each time as a leaf that has a gradient of its own."""
    kept: list[Tensor] = []

    def keep(_layer: nn.Module, _given: object, answer: Tensor) -> Tensor:
        kept.append(answer.detach().requires_grad_())
        return kept[-1]

    hook = layer.register_forward_hook(keep)
    try:
        yield kept
    finally:
        hook.remove()


def layer(module: nn.Module, name: str) -> nn.Module:
    """Return the layer that a registry entry calls ``name``, whether its network stands alone or under a head."""
    network = module.backbone if isinstance(module, Classifier) else module
    return network.get_submodule(name)


def grad_cam(module: nn.Module, target: nn.Module, x: Tensor, classes: Sequence[int]) -> Array:
    """Return Grad-CAM (len(classes), H, W), each 0 to 1, of picture ``x`` (1, C, H, W) at the layer ``target``.

    Selvaraju and others 2017. ``module`` answers a dict with logits. The result is (H, W) of the layer's map.
    """
    heats = []
    with watching(target) as kept, torch.enable_grad():
        logits = module(x)["logits"][0]
        (maps,) = kept
        for column in classes:
            (slopes,) = torch.autograd.grad(logits[column], maps, retain_graph=True)
            heat = (slopes.mean((2, 3), keepdim=True) * maps).sum(1).relu()[0].detach()
            heats.append(heat / heat.max() if heat.max() > 0 else heat)
    return torch.stack(heats).numpy()


def first_maps(module: nn.Module, first: nn.Module, x: Tensor) -> Array:
    """Return what the layer ``first`` makes of a picture, rectified: (K, H, W)."""
    with watching(first) as kept, torch.no_grad():
        module(x)
    return kept[0][0].detach().relu().numpy()


@dataclass(frozen=True)
class Look:
    """One photo through one network: the explanation, kernels and maps of the first layer, best labels first."""

    explanation: Explanation
    kernels: Image.Image
    maps: Image.Image
    best: list[tuple[str, float]]

    def save(self, photo: Image.Image, folder: Path) -> None:
        """Write all pictures to ``folder``."""
        self.explanation.save(photo, folder)
        self.explanation.coloured.save(folder / "heat.png")
        self.kernels.save(folder / "kernels.png")
        self.maps.save(folder / "maps.png")
        drawing.bars(self.best).save(folder / "probabilities.png")


Looking = Callable[[Image.Image, str | None], Look]  # an RGB photo, and the label to explain (None: the best)


def through_bundle(folder: Path) -> Looking:
    """Return how the bundle in ``folder`` looks at photos, computed in single precision."""
    bundle = Bundle.load(folder)
    served, last, preset = OpenVino(bundle.model, "f32"), Tail.of(bundle) or tail.read(bundle.model), bundle.preset

    def look(photo: Image.Image, label: str | None) -> Look:
        x = to_input(photo, preset)
        seen = served.infer(x)
        probabilities = softmax(seen["logits"][0], bundle.calibration.get("temperature", 1.0))
        return Look(
            explain(photo, seen, last, preset, _column(bundle.labels, label)),
            drawing.kernels(last.first.kernels, preset.order),
            drawing.maps(last.first.maps(x)),
            _best(probabilities, bundle.labels),
        )

    return look


def through_torch(module: nn.Module, network: Network, labels: Sequence[Any]) -> Looking:
    """Return how ``module``, the network itself or a classifier upon it, looks at photos."""
    if isinstance(module, Backbone):
        raise ExplainError(f"{network.name} alone knows no classes; name a bundle that was trained on it.")
    last, first = layer(module, network.features), layer(module, network.first)

    def look(photo: Image.Image, label: str | None) -> Look:
        x = torch.from_numpy(to_input(photo, network.preset))
        with torch.inference_mode():
            logits = module(x)["logits"][0].numpy()
        column = _column(labels, label)
        heat = grad_cam(module, last, x, [int(logits.argmax()) if column is None else column])[0]
        kernels = first.get_parameter("weight").detach().numpy()
        return Look(
            illustrate(photo, heat, network.preset),
            drawing.kernels(kernels, network.preset.order),
            drawing.maps(first_maps(module, first, x)),
            _best(softmax(logits), labels),
        )

    return look


def _named(label: Any) -> str:
    return str(label["name"] if isinstance(label, dict) else label)


def _column(labels: Sequence[Any], label: str | None) -> int | None:
    names = [_named(each) for each in labels]
    if label is not None and label not in names:
        raise ExplainError(f"There is no label {label!r}; the first of {len(names)} are {', '.join(names[:TOP])}.")
    return None if label is None else names.index(label)


def _best(probabilities: npt.NDArray[np.floating], labels: Sequence[Any]) -> list[tuple[str, float]]:
    return [(_named(labels[i]), float(probabilities[i])) for i in np.argsort(-probabilities)[:TOP]]


def _looking(options: argparse.Namespace) -> Looking:
    if options.network is None:
        return through_bundle(options.bundle)
    network = networks.find(options.network)
    if network.weights is None:
        raise ExplainError(f"{network.name} is trained from nothing; name a bundle that it became.")
    return through_torch(network.load(options.weights), network, imagenet_labels())


def explain_files(photos: Sequence[Path], looking: Looking, out: Path, label: str | None) -> list[str]:
    """Write a folder of pictures for each photo, named like it; return a sentence for each that cannot be read."""
    complaints, taken = [], set[Path]()
    for path in photos:
        try:
            photo = decode(path.read_bytes())
        except (PictureError, OSError) as error:
            complaints.append(f"{path}: {error.message if isinstance(error, PictureError) else error.strerror}")
            continue
        names = (f"{path.stem}-{number}" if number > 1 else path.stem for number in range(1, len(photos) + 1))
        folder = next(out / name for name in names if out / name not in taken)
        taken.add(folder)
        looking(photo, label).save(photo, folder)
    return complaints


def main() -> None:
    """Explain photos, and say what could not be."""
    parser = argparse.ArgumentParser(description="Show what a network looks at.")
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTO")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets a folder for each photo")
    parser.add_argument("--bundle", type=Path, default=STARTER, help="default: the places that ship")
    parser.add_argument("--network", help="a network of the registry with classes of its own, instead of a bundle")
    parser.add_argument("--weights", type=Path, help="where that network's weights lie")
    parser.add_argument("--label", help="explain this label (default: the likeliest)")
    options = parser.parse_args()
    try:
        complaints = explain_files(options.photos, _looking(options), options.out, options.label)
    except (BundleError, ExplainError, NetworkError, tail.TailError, OSError) as error:
        parser.exit(1, f"{error}\n")
    print("\n".join(complaints), file=sys.stderr, end="\n" if complaints else "")
    print(f"{len(options.photos) - len(complaints)} of {len(options.photos)} photos are explained in {options.out}")
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
