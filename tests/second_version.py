"""A second version of the model in the box, made on the spot, that can be told from the first by any answer.

    python -m tests.second_version VERSION

registers one in a running site.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from ml.bundle import INT8, MANIFEST, MODEL, Bundle, write
from ml.calibrate import OTHER
from ml.heatmap import TAIL

STARTER = Path(__file__).parent.parent / "ml" / "starter" / "places"
TURN = 7  # numbers of an embedding: enough that both versions' have nothing in common
CHANGED = ("module.head.out.weight.half", "module.head.out.bias")
TURNED = ("module.whitening.weight.half", "module.whitening.bias.half")


def shifted(values: Any) -> Any:
    """Each place's row goes to the next place; those of the two other answers stay."""
    values = np.asarray(values)
    places = len(values) - len(OTHER)
    return np.concatenate([np.roll(values[:places], 1, axis=0), values[places:]])


def second_bundle(folder: Path, version: str = "second") -> Bundle:
    """Write the bundle in the box to ``folder``, each place called as the next one, and embeddings turned."""
    starter = Bundle.load(STARTER)
    golden = {"probabilities": shifted(starter.golden["probabilities"]).tolist()}

    def fill(new: Path) -> None:
        shutil.copytree(STARTER, new, ignore=shutil.ignore_patterns(MANIFEST, INT8, MODEL, TAIL), dirs_exist_ok=True)
        model = onnx.load(STARTER / MODEL)
        for tensor in model.graph.initializer:
            if tensor.name in CHANGED + TURNED:
                values = numpy_helper.to_array(tensor)
                values = shifted(values) if tensor.name in CHANGED else np.roll(values, TURN, axis=0)
                tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))
        onnx.save(model, new / MODEL)
        head = dict(np.load(STARTER / TAIL))
        np.savez(new / TAIL, **{**head, **{name: shifted(head[name]) for name in ("weight1", "bias1")}})

    return write(folder, replace(starter, version=version, path=folder, golden=golden), fill)


def register(version: str) -> Any:
    """Register one below VAR_DIR and return its row."""
    from django.conf import settings

    from places.models import ModelVersion

    path = f"models/{version}"
    bundle = second_bundle(settings.VAR_DIR / path, version)
    return ModelVersion.register(ModelVersion.Kind.PLACES, path, bundle)


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "geosite.settings")
    django.setup()
    register(sys.argv[1])
