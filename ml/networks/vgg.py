"""VGG16."""

from torch import Tensor, nn

from ml.networks.base import Backbone, Stem


class Vgg16(Backbone):
    """The 13 convolutions of VGG16 (Simonyan and Zisserman 2014, configuration D).

    Layers are numbered as in torchvision's ``vgg16().features``. Maps are those after the last ReLU of a block,
    before the pooling that follows: early ones of blocks 2 and 3, the middle one of block 4, the last of block 5.
    """

    blocks = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
    early_channels = (128, 256)

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

    def stem(self, x: Tensor) -> Stem:
        """Return maps of pictures (N, 3, H, W); block n's map is H / 2**(n - 1) high."""
        maps = []
        for start, end in zip([0, *self.ends], self.ends[:4], strict=False):
            x = self.features[start + (start > 0) : end + 1](x)
            maps.append(x)
        _, second, third, fourth = maps
        return Stem((second, third), fourth, self.features[self.ends[3] + 1](fourth))

    def tail(self, x: Tensor) -> Tensor:
        """Return block 5's map (N, 512, H, W)."""
        out: Tensor = self.tail_layers()(x)
        return out

    def tail_layers(self) -> nn.Module:
        """Return block 5."""
        return nn.Sequential(*list(self.features)[self.ends[3] + 2 :])
