"""The operations that follow the feature maps: pooling over a map, dense layers, norms, Gram matrices.

Each is written once, in the functions that NumPy and torch have in common; ``library`` is the one or the other.
"""

from collections.abc import Mapping
from typing import Any

from ml.engine.graph import Operation


def operations(library: Any) -> dict[str, Operation]:
    """Return what computes each kind of node, by OpenVINO's name; the first axis is the batch, of any size."""

    def axes(given: Any) -> tuple[int, ...]:
        return tuple(int(axis) for axis in given.reshape(-1))

    def matmul(given: list[Any], said: Mapping[str, Any]) -> Any:
        a, b = given
        return library.matmul(
            a.swapaxes(-1, -2) if said["transpose_a"] else a, b.swapaxes(-1, -2) if said["transpose_b"] else b
        )

    return {
        "Add": lambda given, _: given[0] + given[1],
        "Subtract": lambda given, _: given[0] - given[1],
        "Multiply": lambda given, _: given[0] * given[1],
        "Divide": lambda given, _: given[0] / given[1],
        "Power": lambda given, _: given[0] ** given[1],
        "Maximum": lambda given, _: library.maximum(given[0], given[1]),
        "Minimum": lambda given, _: library.minimum(given[0], given[1]),
        "Sqrt": lambda given, _: library.sqrt(given[0]),
        "Tanh": lambda given, _: library.tanh(given[0]),
        "Sigmoid": lambda given, _: 1 / (1 + library.exp(-given[0])),
        "Relu": lambda given, _: library.clip(given[0], 0, None),
        "Clamp": lambda given, said: library.clip(given[0], said["min"], said["max"]),
        "MatMul": matmul,
        "Concat": lambda given, said: library.concatenate(tuple(given), said["axis"]),
        "Gather": lambda given, _: given[0][(slice(None),) * int(given[2]) + (given[1],)],
        "ReduceMean": lambda given, said: library.mean(given[0], axes(given[1]), keepdims=said["keep_dims"]),
        "ReduceMax": lambda given, said: library.amax(given[0], axes(given[1]), keepdims=said["keep_dims"]),
        "ReduceL2": lambda given, said: library.sqrt(
            library.sum(given[0] ** 2, axes(given[1]), keepdims=said["keep_dims"])
        ),
        "Reshape": lambda given, _: given[0].reshape(len(given[0]), *axes(given[1])[1:]),
    }
