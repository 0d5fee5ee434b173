"""The networks that are known: architecture, weights, preset and licence, kept together.

A new network is one more ``Network`` in ``NETWORKS``.
"""

from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ml import weights
from ml.networks.base import Backbone
from ml.networks.efficientnet import EfficientNetLite0
from ml.networks.resnet import ResNet50
from ml.networks.small import Cnn64, LeNet5
from ml.networks.vgg import Vgg16
from ml.preset import Preset
from ml.weights import Weights


class NetworkError(Exception):
    """A network that is not known, or whose weights are missing or others than expected."""


def read_weights(weights: Weights, path: Path) -> dict[str, Tensor]:
    """Return the named tensors in ``path`` in single precision; raises NetworkError for any other file."""
    with open(path, "rb") as file:
        if file_digest(file, "sha256").hexdigest() != weights.sha256:
            raise NetworkError(f"{path} holds other weights than were entered: its SHA-256 is not {weights.sha256}.")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)
    except (UnpicklingError, RuntimeError, ValueError) as error:
        raise NetworkError(f"{path} cannot be read as weights: {error}.") from error
    return {name: tensor.float() for name, tensor in state.items()}


@dataclass(frozen=True)
class Network:
    """One entry: what is built, from which weights, fed how, under which licence.

    ``build``: a ``Backbone``, which is transfer-learned, or a whole network, made for a number of classes, which
    answers logits, features and pooled. ``weights`` None: trained from nothing. ``features``: the layer whose output
    is the bundle's ``features``; Grad-CAM reads it. ``first``: the layer whose kernels see the picture.
    """

    name: str
    build: type[nn.Module]
    weights: Weights | None
    preset: Preset
    licence: str
    features: str
    first: str
    # Fastest first; those in which the first answer was that of single precision on 99.5% of photos.
    precisions: tuple[str, ...] = ("f32",)
    mirrored: bool = True  # whether a mirrored picture shows the same

    def find_weights(self, path: Path | None = None) -> Path:
        """Return where the weights are, ``path`` if it is given; raises NetworkError that says how to get them."""
        assert self.weights is not None
        places = [path] if path else self.weights.places()
        for place in places:
            if place.is_file():
                return place
        advice = "name a file with --weights."
        if self.weights.url:
            advice = f"`python manage.py weights {self.name}` fetches them ({self.weights.megabytes} MB), or {advice}"
        raise NetworkError(f"The weights of {self.name} are not at {' or '.join(map(str, places))}: {advice}")

    def load(self, path: Path | None = None) -> nn.Module:
        """Return the network in single precision, ready to infer; ``path`` names its weights if they lie elsewhere."""
        network = self.build()
        if self.weights is not None:
            source = self.find_weights(path)
            state = read_weights(self.weights, source)
            network.load_state_dict(state, strict=False)  # a classifier that is not built is left out
            if missing := set(dict(network.named_parameters())) - set(state):
                raise NetworkError(f"{source} lacks {min(missing)} of {self.name}.")
        return network.eval().requires_grad_(False)


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of red, green, blue from 0 to 1
TORCHVISION = Preset(
    width=224, height=224, order="RGB", scale=1 / 255, mean=IMAGENET_MEAN, std=IMAGENET_STD,
    resize="squash", short_side=224, interpolation="bilinear",
)  # fmt: skip

NETWORKS = {
    network.name: network
    for network in (
        Network(
            name="vgg16",
            build=Vgg16,
            weights=weights.VGG16,
            # The Oxford training: blue first, 0 to 255, only the mean taken off.
            preset=Preset(
                width=224, height=224, order="BGR", scale=1.0,
                mean=(103.939, 116.779, 123.68), std=(1.0, 1.0, 1.0),
                resize="squash", short_side=224, interpolation="bilinear",
            ),
            licence="VGG16: K. Simonyan and A. Zisserman, Visual Geometry Group, Oxford, 2014; CC BY 4.0",
            features="features.29",
            first="features.0",
            precisions=("bf16", "f32"),
        ),
        Network(
            name="vgg16-torchvision",
            build=Vgg16,
            weights=weights.DOWNLOADS["vgg16-torchvision"],
            preset=TORCHVISION,
            licence="VGG16: torchvision's training on ImageNet; BSD-3-Clause",
            features="features.29",
            first="features.0",
            precisions=("bf16", "f32"),
        ),
        Network(
            name="resnet50",
            build=ResNet50,
            weights=weights.DOWNLOADS["resnet50"],
            preset=TORCHVISION,
            licence="ResNet-50: torchvision's training on ImageNet; BSD-3-Clause",
            features="layer4",
            first="conv1",
        ),
        Network(
            name="efficientnet-lite0",
            build=EfficientNetLite0,
            weights=weights.EFFICIENTNET_LITE0,
            preset=Preset(
                width=224, height=224, order="RGB", scale=1.0,
                mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0),
                resize="centre", short_side=256, interpolation="bicubic",
            ),
            licence="EfficientNet-Lite0: Google, 2020, as converted for PyTorch; Apache-2.0",
            features="last",
            first="conv_stem",
            precisions=("f32",),  # bf16: 98.4%
        ),
        Network(
            name="cnn64",
            build=Cnn64,
            weights=None,
            preset=Preset(
                width=64, height=64, order="RGB", scale=1 / 255, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25),
                resize="squash", short_side=64, interpolation="bilinear",
            ),
            licence="the project's own",
            features="last",
            first="conv1",
        ),
        Network(
            name="lenet5",
            build=LeNet5,
            weights=None,
            preset=Preset(
                width=28, height=28, order="L", scale=1 / 255, mean=(0.1307,), std=(0.3081,),
                resize="squash", short_side=28, interpolation="bilinear",
            ),
            licence="the project's own",
            features="last",
            first="conv1",
            mirrored=False,  # digits
        ),
    )
}  # fmt: skip


def find(name: str) -> Network:
    """Return the entry called ``name``; raises NetworkError naming those that exist."""
    if name not in NETWORKS:
        raise NetworkError(f"There is no network {name!r}; known are {', '.join(NETWORKS)}.")
    return NETWORKS[name]


__all__ = ["NETWORKS", "Backbone", "Network", "NetworkError", "find"]
