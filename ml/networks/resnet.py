"""ResNet-50."""

from torch import Tensor, nn
from torch.nn import functional

from ml.networks.base import Backbone, Stem


class Bottleneck(nn.Module):
    """Narrow, convolve, widen four times, beside a shortcut (He and others 2015; the stride is in the 3x3)."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = width * 4
        self.conv1, self.bn1 = nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, after, 1, bias=False), nn.BatchNorm2d(after)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        """Return a map (N, 4 * width, H / stride, W / stride)."""
        out = functional.relu(self.bn1(self.conv1(x)))
        out = functional.relu(self.bn2(self.conv2(out)))
        return functional.relu(self.bn3(self.conv3(out)) + self.downsample(x))


class ResNet50(Backbone):
    """ResNet-50 without its classifier; state names as in torchvision."""

    stages = ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2))  # blocks, width, stride of the first
    early_channels = (256, 512)

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        before = 64
        for number, (blocks, width, stride) in enumerate(self.stages, 1):
            stage = [Bottleneck(before, width, stride)]
            before = width * 4
            stage += [Bottleneck(before, width, 1) for _ in range(blocks - 1)]
            self.add_module(f"layer{number}", nn.Sequential(*stage))

    def stem(self, x: Tensor) -> Stem:
        """Return the maps after the first three stages, 1/4, 1/8 and 1/16 of the height."""
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        first = self.get_submodule("layer1")(x)
        second = self.get_submodule("layer2")(first)
        third = self.get_submodule("layer3")(second)
        return Stem((first, second), third, third)

    def tail(self, x: Tensor) -> Tensor:
        """Return the last stage's map (N, 2048, H / 32, W / 32)."""
        out: Tensor = self.tail_layers()(x)
        return out

    def tail_layers(self) -> nn.Module:
        """Return the last stage."""
        return self.get_submodule("layer4")
