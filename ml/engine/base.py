"""What every engine is."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


class EngineError(Exception):
    """An engine that is not known, or that cannot serve here; the message is a sentence."""


class Engine(Protocol):
    """A model, compiled for this machine. Not to be made before a fork: its threads do not survive it."""

    description: str

    def infer(self, x: Array) -> dict[str, Array]:
        """Return the model's named outputs for one picture (1, C, H, W); each keeps its batch axis of 1."""
        ...


def cosine(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """Return the cosine of the angle between two vectors of any shape; 0 for one without length."""
    a, b = a.ravel(), b.ravel()
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else 0.0
