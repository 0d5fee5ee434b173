"""A bundle that knows colours, and photos of one colour: an evaluation of which every figure can be counted."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from ml.bundle import MODEL, Bundle, write
from ml.calibrate import OTHER, softmax
from ml.engine.openvino import OpenVino
from ml.golden import golden_picture
from ml.preset import Preset, to_input

PRESET = Preset(8, 8, "RGB", 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "squash", 8, "bilinear")
COLOURS = {
    "red": (220, 40, 40), "green": (40, 200, 40), "blue": (40, 60, 210),
    "unknown": (150, 40, 200), "not_a_place": (120, 120, 120), "lime": (20, 240, 20),
}  # fmt: skip
KNOWN = ("red", "green", "blue")


def nearest(path: Path, labels: list[str], bias: float = 0.0) -> None:
    """Write a network whose best label is that of the nearest colour; ``bias`` is added to all logits."""
    colours = np.array([COLOURS[label] for label in labels], np.float32)
    weights, offset = 2 * colours / 3000, -(colours**2).sum(axis=1) / 3000 + bias
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "offset"], ["logits"], transB=1),
    ]
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(offset, "offset")]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    y = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, len(labels)])
    graph = helper.make_graph(nodes, "colours", [x], [y], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def colour_bundle(folder: Path, labels: list[str] | None = None, version: str = "1") -> Path:
    """Write a bundle that knows ``labels``, by default three, and the two other answers."""
    labels = labels or [*KNOWN, *OTHER]
    folder.parent.mkdir(parents=True, exist_ok=True)
    model = folder.with_suffix(".onnx")
    nearest(model, labels)
    logits = OpenVino(model, "f32").infer(to_input(golden_picture(), PRESET))["logits"][0]
    bundle = Bundle(
        name="colours", version=version, network="nearest", labels=labels, preset=PRESET, precisions=["f32"],
        calibration={}, metrics={}, licences=["none"], golden={"probabilities": softmax(logits).tolist()}, path=folder,
    )  # fmt: skip

    def fill(new: Path) -> None:
        model.rename(new / MODEL)

    write(folder, bundle, fill)
    return folder


def save(path: Path, colour: str, seed: int, size: int = 96) -> None:
    """Draw a photo of one colour, with stripes of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stripes = np.random.default_rng(seed).integers(-30, 30, (size, 1, 3))
    pixels = np.full((size, size, 3), COLOURS[colour], np.int16) + stripes
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)


def colour_photos(root: Path, others: bool = True) -> Path:
    """Draw a collection: of every known colour 4 photos to train on, 4 in either half, one of each half large.

    One photo of half B in val/red is of another green. ``others``: 2 photos of either kind in either half.
    """
    rows: list[tuple[str, str]] = []
    for i, label in enumerate(KNOWN):
        for number in range(4):
            save(root / "train" / label / f"{number}.png", label, 100 * i + number)
        for number in range(8):
            shown = "lime" if (label, number) == ("red", 5) else label
            save(root / "val" / label / f"{number}.png", shown, 100 * i + 50 + number, 128 if number in (3, 7) else 96)
            rows.append((f"{label}/{number}.png", "AB"[number // 4]))
    _table(root / "val-split.csv", rows)
    rows = []
    for folder, label in (("unknown/somewhere", "unknown"), ("notplace/things", "not_a_place")):
        for number in range(6 if others else 0):
            save(root / folder / f"{number}.png", label, 900 + number, 128)
            rows.append((f"{folder}/{number}.png", ("train", "A", "B")[number // 2]))
    _table(root / "negatives-split.csv", rows)
    return root


def _table(path: Path, rows: list[tuple[str, str]]) -> None:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([("file", "part"), *rows])
