"""Trained numbers that networks start from: those that ship lie here, the others can be had from their makers."""

import os
from dataclasses import dataclass
from pathlib import Path

SHIPPED = Path(__file__).parent


@dataclass(frozen=True)
class Weights:
    """A file of trained numbers: its name, its SHA-256, and where it can be had unless it ships."""

    file: str
    sha256: str
    url: str = ""
    megabytes: int = 0  # of the download

    def places(self) -> list[Path]:
        """Return where the file may be: among those that ship, and where ``manage.py weights`` puts it."""
        return [SHIPPED / self.file, fetched() / self.file]


def fetched() -> Path:
    """Return the folder of weights that were fetched."""
    return Path(os.environ.get("VAR_DIR", "var")) / "weights"


VGG16 = Weights("vgg16-imagenet-conv.safetensors", "696eeabe21c50af392c8882d3bd7d83debe9b80e67bf0dda97517f46cb171590")
EFFICIENTNET_LITE0 = Weights(
    "efficientnet-lite0-imagenet.safetensors", "0db69522796a98f2859811367a4bc6d2dc9dbd586f50bfea980e80ce2fe34c50"
)
# Those of which manage.py weights knows where they are, by the network's name.
DOWNLOADS = {
    "vgg16-torchvision": Weights(
        "vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        megabytes=554,
    ),
    "resnet50": Weights(
        "resnet50-0676ba61.pth",
        "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
        "https://download.pytorch.org/models/resnet50-0676ba61.pth",
        megabytes=103,
    ),
}
