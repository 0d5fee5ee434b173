"""Reads from an ONNX file what heat maps need of it. Needs onnx: done once, when a bundle is written."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, numpy_helper

from ml.heatmap import Array, FirstLayer, Tail

SAME = {"Cast", "Identity", "Dropout"}  # pass values on as they are
POOLING = {"ReduceMean", "ReduceMax", "GlobalAveragePool", "GlobalMaxPool", "AveragePool", "MaxPool"}
SHAPING = {"Flatten", "Reshape", "Squeeze"}

Channels = npt.NDArray[np.int16]


class TailError(Exception):
    """The layers before or after the feature maps are of a kind that heat maps do not know; a sentence."""


def read(model: Path) -> Tail:
    """Return the tail of the network in ``model``, which answers features, pooled and logits; raises TailError."""
    try:
        graph = _Graph(model)
        dense, mean, std = _head(graph)
        root, channel = _pooling(graph)
        size = len(channel)
        return Tail(dense, np.broadcast_to(mean, size), np.broadcast_to(std, size), channel, root, _first(graph))
    except KeyError as error:
        raise TailError(f"{model} has no {error} on the way from its last feature map to its logits.") from error


class _Graph:
    """An ONNX graph that is walked from its outputs back."""

    def __init__(self, model: Path) -> None:
        self.graph = onnx.shape_inference.infer_shapes(onnx.load(model)).graph
        self.made_by = {output: node for node in self.graph.node for output in node.output}
        self.initializers = {tensor.name: tensor for tensor in self.graph.initializer}
        self.infos = {info.name: info for info in (*self.graph.value_info, *self.graph.output)}

    def before(self, name: str, until: str) -> Iterator[NodeProto]:
        """Yield the nodes that made ``name`` from ``until``, last first, along their first inputs."""
        while name != until:
            node = self.made_by[name]
            name = node.input[0]
            if node.op_type not in SAME:
                yield node

    def value(self, name: str) -> Array:
        """Return a constant."""
        if name in self.initializers:
            return numpy_helper.to_array(self.initializers[name]).astype(np.float32)
        node = self.made_by[name]
        if node.op_type == "Constant":
            return numpy_helper.to_array(node.attribute[0].t).astype(np.float32)
        if node.op_type in SAME:
            return self.value(node.input[0])
        raise TailError(f"{name} is no constant: {node.op_type} makes it.")

    def width(self, name: str) -> int:
        """Return the length of the axis after the batch."""
        return int(self.infos[name].type.tensor_type.shape.dim[1].dim_value)


def _head(graph: _Graph) -> tuple[tuple[tuple[Array, Array], ...], Array, Array]:
    """Return the dense layers from pooled to logits, and the mean and deviation taken off before."""
    nodes = list(graph.before("logits", until="pooled"))[::-1]
    kinds = " ".join(node.op_type for node in nodes)
    if not re.fullmatch(r"(Sub Div )?Gemm( Relu Gemm)*", kinds):
        raise TailError(f"Heat maps know heads of dense layers with a ReLU between two, and not: {kinds}.")
    dense = [node for node in nodes if node.op_type == "Gemm"]
    layers = tuple((graph.value(node.input[1]), graph.value(node.input[2])) for node in dense)
    if nodes[0].op_type == "Sub":
        return layers, graph.value(nodes[0].input[1]), graph.value(nodes[1].input[1])
    return layers, np.zeros(1, np.float32), np.ones(1, np.float32)


def _pooling(graph: _Graph) -> tuple[bool, Channels]:
    """Return whether pooled is a square root, and which channel of features each of it reads."""
    last = graph.made_by["pooled"]
    root = last.op_type == "Sqrt"
    return root, _channels(graph, last.input[0] if root else "pooled")


def _channels(graph: _Graph, name: str) -> Channels:
    """Return which channel of features each column of ``name`` reads, -1 for none."""
    if name == "features":
        return np.arange(graph.width(name), dtype=np.int16)
    node = graph.made_by[name]
    kind, source = node.op_type, node.input[0]
    if kind in {"Conv", "Relu", "Clip"}:  # a map of the network before features
        return np.full(graph.width(name), -1, np.int16)
    if kind == "Concat":
        return np.concatenate([_channels(graph, part) for part in node.input])
    if kind in SHAPING:
        channels = _channels(graph, source)
        return np.repeat(channels, graph.width(name) // len(channels))
    if kind == "Slice" and graph.value(node.input[3]).tolist() == [1]:
        start, end = (int(graph.value(bound).item()) for bound in node.input[1:3])
        return _channels(graph, source)[start:end]
    if kind == "Add":
        graph.value(node.input[1])  # raises for anything but a constant
        return _channels(graph, source)
    if kind in POOLING | SAME:
        return _channels(graph, source)
    raise TailError(f"Heat maps do not know how to go back through {kind} in a pooling.")


def _first(graph: _Graph) -> FirstLayer:
    """Return the convolution that reads the picture."""
    node = next(node for node in graph.graph.node if node.op_type == "Conv")
    kernels = graph.value(node.input[1])
    bias = graph.value(node.input[2]) if len(node.input) > 2 else np.zeros(len(kernels), np.float32)
    attributes = _attributes(node)
    above, left, below, right = attributes.get("pads", (0, 0, 0, 0))
    stride = attributes["strides"][0]
    if graph.made_by.get(node.input[0]) is not None:  # padded apart, like TensorFlow's SAME
        total = kernels.shape[2] - stride
        above, left, below, right = total // 2, total // 2, total - total // 2, total - total // 2
    return FirstLayer(kernels, bias, stride, (left, above, right, below))


def _attributes(node: NodeProto) -> dict[str, Any]:
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
