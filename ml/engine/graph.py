"""A model's graph, read from its ONNX file: what the engines that are no ready-made ONNX readers compute."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.engine.base import EngineError

INPUT = "x"
CONVOLUTIONS = ("Convolution", "GroupConvolution")
OVER_MAPS = {*CONVOLUTIONS, "Add", "Relu", "Clamp", "Tanh", "Sigmoid", "MaxPool", "AvgPool"}


class UnknownOperation(EngineError):
    """The graph has an operation that an engine does not know."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The model has {what}, which this engine does not compute.")


@dataclass(frozen=True)
class Node:
    """One operation, by OpenVINO's name of it; ``inputs`` and ``output`` name values, ``shape`` is the output's."""

    kind: str
    inputs: tuple[str, ...]
    output: str
    shape: tuple[int, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Graph:
    """Operations in an order in which they can be computed, the arrays they need, and which values are answers.

    The one input is the value ``INPUT``. ``outputs``: the model's output names -> values.
    """

    nodes: tuple[Node, ...]
    constants: dict[str, npt.NDArray[Any]]
    outputs: dict[str, str]

    def users(self) -> dict[str, list[Node]]:
        """Return the nodes that take each value."""
        users: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                users.setdefault(name, []).append(node)
        return users


def read(model: Path) -> Graph:
    """Return the graph of an ONNX file for one picture, with what does not depend on the picture computed.

    OpenVINO reads and simplifies: it serves anyway, so no second reader of ONNX is needed.
    """
    from ml.engine.openvino import simplified

    nodes: list[Node] = []
    constants: dict[str, npt.NDArray[Any]] = {}
    outputs: dict[str, str] = {}
    names: dict[str, str] = {}
    for index, op in enumerate(simplified(model).get_ordered_ops()):
        kind, inputs = op.get_type_name(), tuple(names[_source(each)] for each in op.inputs())
        if kind == "Result":
            outputs[op.input(0).get_source_output().get_any_name()] = inputs[0]
            continue
        shape = tuple(op.output(0).get_shape())
        if kind == "Broadcast" and shape == tuple(op.input(0).get_shape()):
            names[op.get_friendly_name()] = inputs[0]
            continue
        names[op.get_friendly_name()] = name = INPUT if kind == "Parameter" else f"v{index}"
        if kind == "Constant":
            constants[name] = np.array(op.data)
        elif kind == "ShapeOf":
            constants[name] = np.array(op.input(0).get_shape(), np.int64)
        elif kind != "Parameter":
            nodes.append(Node(kind, inputs, name, shape, op.get_attributes()))
    return Graph(_alive(nodes, set(outputs.values())), constants, outputs)


def _alive(nodes: list[Node], needed: set[str]) -> tuple[Node, ...]:
    """Return those of ``nodes`` on which the values in ``needed`` depend."""
    kept = []
    for node in reversed(nodes):
        if node.output in needed:
            needed |= set(node.inputs)
            kept.append(node)
    return tuple(reversed(kept))


def _source(given: Any) -> str:
    return str(given.get_source_output().get_node().get_friendly_name())


def split(graph: Graph) -> tuple[Graph, Graph]:
    """Return the part of ``graph`` that makes feature maps, nearly all of the work, and the rest, which takes them.

    The outputs of the first are the values that the second takes, under their own names.
    """
    maps: list[Node] = []
    rest: list[Node] = []
    made = {INPUT}
    for node in graph.nodes:
        ours = node.kind in OVER_MAPS and len(node.shape) == 4 and node.inputs[0] in made
        if ours and all(name in made or name in graph.constants for name in node.inputs):
            maps.append(node)
            made.add(node.output)
        else:
            rest.append(node)
    taken = {name for node in rest for name in node.inputs} | set(graph.outputs.values())
    wanted = {name: name for name in sorted(taken & made)}
    return Graph(tuple(maps), _needed(graph, maps), wanted), Graph(tuple(rest), _needed(graph, rest), graph.outputs)


def _needed(graph: Graph, nodes: list[Node]) -> dict[str, npt.NDArray[Any]]:
    taken = {name for node in nodes for name in node.inputs}
    return {name: array for name, array in graph.constants.items() if name in taken}


Operation = Callable[[list[Any], Mapping[str, Any]], Any]


def run(graph: Graph, operations: Mapping[str, Operation], values: dict[str, Any]) -> dict[str, Any]:
    """Compute ``graph`` from ``values``, the constants among them, and return its outputs; ``values`` grows."""
    for node in graph.nodes:
        values[node.output] = operations[node.kind]([values[name] for name in node.inputs], node.attributes)
    return {name: values[value] for name, value in graph.outputs.items()}


def check(graph: Graph, operations: Mapping[str, Operation]) -> None:
    """Raise UnknownOperation unless every node of ``graph`` is among ``operations``."""
    for node in graph.nodes:
        if node.kind not in operations:
            raise UnknownOperation(f"the operation {node.kind}")
