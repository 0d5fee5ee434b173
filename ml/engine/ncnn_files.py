"""From a graph to the two files that ncnn reads: layers as text, weights as bytes.

The formats are ncnn's own ("param and model file structure" and "operation param weight table" in its documentation).
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.engine.graph import CONVOLUTIONS, INPUT, Graph, Node, UnknownOperation

PARAM, WEIGHTS = "model.param", "model.bin"
MAGIC = 7767517
HALF, FULL = 0x01306B47, 0  # tells ncnn how weights are stored
ACTIVATIONS = {"Relu": "ReLU", "Clamp": "Clip", "Tanh": "TanH", "Sigmoid": "Sigmoid"}
FUSED = {"Relu": 1, "Clamp": 3}  # ncnn's numbers of the activations that a convolution takes in
POOLINGS = {"MaxPool": 0, "AvgPool": 1}

Array = npt.NDArray[Any]


@dataclass
class Layer:
    """One of ncnn's layers; ``weights`` are bytes as they stand in the file."""

    kind: str
    inputs: list[str]
    outputs: list[str]
    params: dict[int, int | float | list[float]] = field(default_factory=dict)
    weights: list[bytes] = field(default_factory=list)

    def line(self) -> str:
        """Return the layer as a line of the text file."""
        params = [
            f"{-23300 - key}={len(value)},{','.join(map(str, value))}" if isinstance(value, list) else f"{key}={value}"
            for key, value in self.params.items()
        ]
        counts = [str(len(self.inputs)), str(len(self.outputs))]
        return " ".join([self.kind, self.outputs[0], *counts, *self.inputs, *self.outputs, *params])


def write(graph: Graph, folder: Path) -> None:
    """Write ``graph``, the first part of ``graph.split``, into ``folder``; raises UnknownOperation."""
    layers = share(translate(graph), list(graph.outputs))
    blobs = sum(len(layer.outputs) for layer in layers)
    lines = [str(MAGIC), f"{len(layers)} {blobs}", *(layer.line() for layer in layers)]
    (folder / PARAM).write_text("\n".join(lines) + "\n")
    (folder / WEIGHTS).write_bytes(b"".join(part for layer in layers for part in layer.weights))


def translate(graph: Graph) -> list[Layer]:
    """Return ncnn's layers; a convolution takes in the bias and the activation that follow it."""
    users, layers, taken = graph.users(), [Layer("Input", [], [INPUT])], set()
    for node in graph.nodes:
        if node.output in taken:
            continue
        if node.kind in CONVOLUTIONS:
            bias, activation = _followers(node, graph, users)
            taken |= {each.output for each in (bias, activation) if each}
            layers.append(_convolution(node, bias, activation, graph.constants))
        elif node.kind in POOLINGS:
            layers.append(_pooling(node))
        else:
            layers.append(_by_number(node, graph))
    return layers


def share(layers: list[Layer], wanted: list[str]) -> list[Layer]:
    """Return ``layers`` with one reader for each value, as ncnn demands: where there are more, each gets a copy.

    The copy that is read out, for a value that is ``wanted``, keeps the value's name.
    """
    left = Counter(name for layer in layers for name in layer.inputs) + Counter(wanted)
    shared: list[Layer] = []
    names: dict[str, list[str]] = {}
    for layer in layers:
        layer.inputs = [names[name].pop() if name in names else name for name in layer.inputs]
        shared.append(layer)
        output = layer.outputs[0]
        if left[output] > 1:
            copies = [f"{output}_{index}" for index in range(left[output] - (output in wanted))]
            layer.outputs = [f"{output}_all"]
            names[output] = copies.copy()
            shared.append(Layer("Split", layer.outputs, [*copies, *([output] if output in wanted else [])]))
    return shared


def _followers(node: Node, graph: Graph, users: dict[str, list[Node]]) -> tuple[Node | None, Node | None]:
    """Return the addition of a bias and the activation that follow a convolution and that nothing else needs."""

    def next_of(value: str) -> Node | None:
        alone = len(users.get(value, [])) == 1 and value not in graph.outputs.values() and value not in graph.outputs
        return users[value][0] if alone else None

    bias = next_of(node.output)
    if not (bias and bias.kind == "Add" and _per_channel(bias, graph.constants)):
        bias = None
    activation = next_of((bias or node).output)
    return bias, activation if activation and activation.kind in FUSED else None


def _per_channel(node: Node, constants: dict[str, Array]) -> bool:
    given = constants.get(node.inputs[1])
    return given is not None and given.size == node.shape[1] == given.shape[1]


def _convolution(node: Node, bias: Node | None, activation: Node | None, constants: dict[str, Array]) -> Layer:
    weights = constants[node.inputs[1]]  # (O, I, H, W), or by groups (G, O / G, I / G, H, W)
    (down, right), said = weights.shape[-2:], node.attributes
    layer = Layer("Convolution", [node.inputs[0]], [(activation or bias or node).output])
    layer.params = {
        0: node.shape[1], 1: right, 11: down, 2: said["dilations"][1], 12: said["dilations"][0],
        3: said["strides"][1], 13: said["strides"][0], **_padding(said, left=4, right=15, top=14, bottom=16),
        5: int(bias is not None), 6: weights.size,
    }  # fmt: skip
    if node.kind == "GroupConvolution":
        layer.kind = "ConvolutionDepthWise"
        layer.params[7] = weights.shape[0]
    if activation:
        layer.params[9] = FUSED[activation.kind]
        if activation.kind == "Clamp":
            layer.params[10] = [activation.attributes["min"], activation.attributes["max"]]
    layer.weights = [_stored(weights)]
    if bias:
        layer.weights.append(constants[bias.inputs[1]].astype("<f4").tobytes())
    return layer


def _stored(weights: Array) -> bytes:
    """Return weights in half precision where that loses nothing, which is as the bundle has them."""
    half = weights.astype("<f2")
    exact = bool((half == weights).all())
    data = half.tobytes() if exact else weights.astype("<f4").tobytes()
    return np.array(HALF if exact else FULL, "<u4").tobytes() + data + bytes(-len(data) % 4)


def _padding(said: dict[str, Any], **keys: int) -> dict[int, int | float | list[float]]:
    (top, left), (bottom, right) = said["pads_begin"], said["pads_end"]
    return {keys["left"]: left, keys["right"]: right, keys["top"]: top, keys["bottom"]: bottom}


def _pooling(node: Node) -> Layer:
    said = node.attributes
    if said["rounding_type"] != "floor" or any(size != 1 for size in said.get("dilations", [])):
        raise UnknownOperation(f"{node.kind} that rounds up or dilates")
    params: dict[int, int | float | list[float]] = {
        0: POOLINGS[node.kind], 1: said["kernel"][1], 11: said["kernel"][0],
        2: said["strides"][1], 12: said["strides"][0], **_padding(said, left=3, right=14, top=13, bottom=15),
        5: 1, 6: int(not said.get("exclude-pad", True)),
    }  # fmt: skip
    return Layer("Pooling", [node.inputs[0]], [node.output], params)


def _by_number(node: Node, graph: Graph) -> Layer:
    if node.kind == "Add":
        if any(name in graph.constants for name in node.inputs):
            raise UnknownOperation("an addition of constants that follows no convolution")
        return Layer("BinaryOp", list(node.inputs), [node.output], {0: 0})
    params: dict[int, int | float | list[float]] = {}
    if node.kind == "Clamp":
        params = {0: node.attributes["min"], 1: node.attributes["max"]}
    return Layer(ACTIVATIONS[node.kind], [node.inputs[0]], [node.output], params)
