"""EfficientNet-Lite0."""

from torch import Tensor, nn
from torch.nn import functional


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
        self.last = nn.ReLU6()
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return logits (N, 1000), features (N, 1280, 7, 7) and pooled (N, 1280) of pictures (N, 3, 224, 224)."""
        x = self.blocks(functional.relu6(self.bn1(self.conv_stem(x))))
        features = self.last(self.bn2(self.conv_head(x)))
        pooled = features.mean((2, 3))
        return {"logits": self.classifier(pooled), "features": features, "pooled": pooled}
