"""The networks that are known: architecture, weights, preset and licence, kept together.

A new network is one more ``Network`` in ``NETWORKS``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ml.preset import Preset

WEIGHTS = Path(__file__).parent / "weights"


class NetworkError(Exception):
    """A network that is not known, or whose weights are missing or others than expected."""


class Maps(NamedTuple):
    """Feature maps (N, C, H, W) after the second to the last group of layers, early ones first."""

    early: tuple[Tensor, Tensor]
    middle: Tensor
    last: Tensor


class Vgg16(nn.Module):
    """The 13 convolutions of VGG16 (Simonyan and Zisserman 2014, configuration D).

    Layers are numbered as in torchvision's ``vgg16().features``. Maps are those after the last ReLU
    of blocks 2, 3, 4 and 5, before the pooling that follows; channels 128, 256, 512, 512.
    """

    blocks = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        self.ends = []  # index of the ReLU that ends each block
        for widths in self.blocks:
            for width in widths:
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            self.ends.append(len(layers) - 1)
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Maps:
        """Return the maps of pictures (N, 3, H, W); block n's map is H / 2**(n - 1) high."""
        ends = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.ends:
                ends.append(x)
        _, second, third, fourth, fifth = ends
        return Maps((second, third), fourth, fifth)


class Convolution(nn.Conv2d):
    """A convolution without bias, padded like TensorFlow's SAME: the odd pixel goes right and below.

    Made for maps of even height and width, which all of EfficientNet's are where the stride is 2.
    """

    def __init__(self, before: int, after: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)
        first = (kernel - stride) // 2
        second = kernel - stride - first
        self.sides = (first, second, first, second)

    def forward(self, x: Tensor) -> Tensor:
        """Return the map, 1/stride of the size of ``x``."""
        return super().forward(functional.pad(x, self.sides))


def normalisation(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation with TensorFlow's epsilon, under which the weights were trained."""
    return nn.BatchNorm2d(channels, eps=1e-3)


class SeparableBlock(nn.Module):
    """Depthwise, then pointwise convolution: EfficientNet's first block."""

    def __init__(self, before: int, after: int, kernel: int) -> None:
        super().__init__()
        self.conv_dw, self.bn1 = Convolution(before, before, kernel, groups=before), normalisation(before)
        self.conv_pw, self.bn2 = Convolution(before, after), normalisation(after)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same size."""
        out: Tensor = self.bn2(self.conv_pw(functional.relu6(self.bn1(self.conv_dw(x)))))
        return out


class InvertedResidual(nn.Module):
    """Widen six times, convolve depthwise, narrow; a shortcut where the shape stays (MobileNetV2)."""

    def __init__(self, before: int, after: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = before * 6
        self.conv_pw, self.bn1 = Convolution(before, wide), normalisation(wide)
        self.conv_dw, self.bn2 = Convolution(wide, wide, kernel, stride, groups=wide), normalisation(wide)
        self.conv_pwl, self.bn3 = Convolution(wide, after), normalisation(after)
        self.shortcut = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        """Return a map, 1/stride of the size of ``x``."""
        wide = functional.relu6(self.bn1(self.conv_pw(x)))
        wide = functional.relu6(self.bn2(self.conv_dw(wide)))
        out: Tensor = self.bn3(self.conv_pwl(wide))
        return x + out if self.shortcut else out


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 (Tan and Le 2019; Lite: Google 2020), 1,000 classes; state names as in timm."""

    stages = (  # repeats, kernel, stride, channels
        (2, 3, 2, 24),
        (2, 5, 2, 40),
        (3, 3, 2, 80),
        (3, 5, 1, 112),
        (4, 5, 2, 192),
        (1, 3, 1, 320),
    )

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = Convolution(3, 32, 3, 2), normalisation(32)
        blocks: list[nn.Module] = [nn.Sequential(SeparableBlock(32, 16, 3))]
        before = 16
        for repeats, kernel, stride, channels in self.stages:
            stage = [InvertedResidual(before, channels, kernel, stride)]
            stage += [InvertedResidual(channels, channels, kernel, 1) for _ in range(repeats - 1)]
            blocks.append(nn.Sequential(*stage))
            before = channels
        self.blocks = nn.Sequential(*blocks)
        self.conv_head, self.bn2 = Convolution(before, 1280), normalisation(1280)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return logits (N, 1000), features (N, 1280, 7, 7) and pooled (N, 1280) of pictures (N, 3, 224, 224)."""
        x = self.blocks(functional.relu6(self.bn1(self.conv_stem(x))))
        features = functional.relu6(self.bn2(self.conv_head(x)))
        pooled = features.mean((2, 3))
        return {"logits": self.classifier(pooled), "features": features, "pooled": pooled}


@dataclass(frozen=True)
class Network:
    """One entry: what is built, from which weights, fed how, under which licence."""

    name: str
    build: Callable[[], nn.Module]
    weights: str  # file name
    sha256: str  # of the weights
    preset: Preset
    licence: str
    features: str  # layer whose output is the bundle's ``features``; Grad-CAM reads it
    # Fastest first; those in which the first answer was that of single precision on 99.5% of photos.
    precisions: tuple[str, ...]

    def load(self, weights: Path | None = None) -> nn.Module:
        """Return the network in single precision, ready to infer; ``weights`` if they lie elsewhere."""
        path = weights or WEIGHTS / self.weights
        if not path.is_file():
            raise NetworkError(f"The weights of {self.name} are not at {path}; name a file with --weights.")
        with open(path, "rb") as file:
            if file_digest(file, "sha256").hexdigest() != self.sha256:
                raise NetworkError(f"{path} holds other weights than {self.name} was entered with.")
        network = self.build()
        state = {name: tensor.float() for name, tensor in load_file(path).items()}
        network.load_state_dict(state, strict=False)
        missing = set(dict(network.named_parameters())) - set(state)
        if missing:
            raise NetworkError(f"{path} lacks {sorted(missing)[0]} of {self.name}.")
        return network.eval().requires_grad_(False)


NETWORKS = {
    network.name: network
    for network in (
        Network(
            name="vgg16",
            build=Vgg16,
            weights="vgg16-imagenet-conv.safetensors",
            sha256="696eeabe21c50af392c8882d3bd7d83debe9b80e67bf0dda97517f46cb171590",
            # The Oxford training: blue first, 0 to 255, only the mean taken off.
            preset=Preset(
                width=224, height=224, order="BGR", scale=1.0,
                mean=(103.939, 116.779, 123.68), std=(1.0, 1.0, 1.0),
                resize="squash", short_side=224, interpolation="bilinear",
            ),
            licence="VGG16: K. Simonyan and A. Zisserman, Visual Geometry Group, Oxford, 2014; CC BY 4.0",
            features="features.29",
            precisions=("bf16", "f32"),
        ),
        Network(
            name="efficientnet-lite0",
            build=EfficientNetLite0,
            weights="efficientnet-lite0-imagenet.safetensors",
            sha256="0db69522796a98f2859811367a4bc6d2dc9dbd586f50bfea980e80ce2fe34c50",
            preset=Preset(
                width=224, height=224, order="RGB", scale=1.0,
                mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0),
                resize="centre", short_side=256, interpolation="bicubic",
            ),
            licence="EfficientNet-Lite0: Google, 2020, as converted for PyTorch; Apache-2.0",
            features="bn2",
            precisions=("f32",),  # bf16: 98.4%
        ),
    )
}  # fmt: skip


def find(name: str) -> Network:
    """Return the entry called ``name``; raises NetworkError naming those that exist."""
    if name not in NETWORKS:
        raise NetworkError(f"There is no network {name!r}; known are {', '.join(NETWORKS)}.")
    return NETWORKS[name]


POOLING = "square root of mean and maximum of blocks 4 and 5"


def pool(maps: Maps) -> Tensor:
    """Return mean and maximum over the middle and the last map, under a square root: (N, 2048) for VGG16.

    The root evens out channels whose activations span three orders of magnitude. The small constant
    keeps its slope finite where a channel is silent.
    """
    parts = [part for x in (maps.middle, maps.last) for part in (x.mean((2, 3)), x.amax((2, 3)))]
    return torch.sqrt(torch.cat(parts, dim=1) + 1e-2)
