"""Serving: a bundle's model behind one function, whatever computes it. Never imports torch."""

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ml.bundle import Bundle, BundleError
from ml.calibrate import softmax
from ml.golden import golden_picture
from ml.preset import to_input

Array = npt.NDArray[np.float32]

TOLERANCE = {"f32": 1e-3, "bf16": 3e-2}  # of the golden picture's probabilities


class Engine(Protocol):
    """A compiled model."""

    description: str

    def infer(self, x: Array) -> dict[str, Array]:
        """Return the model's named outputs for one picture (1, 3, H, W); each keeps its batch axis of 1."""
        ...


def load(bundle: Bundle, cache_dir: Path | None = None, threads: int = 0) -> Engine:
    """Return the fastest engine on this machine that answers the golden picture as the bundle says.

    ``cache_dir`` keeps compiled models between starts; ``threads`` 0 lets the engine choose.
    Raises BundleError when no engine answers right.
    """
    from ml.engine import openvino

    for precision in openvino.precisions(bundle.precisions):
        engine = openvino.OpenVino(bundle.model, precision, cache_dir, threads)
        if answers_golden(engine, bundle, TOLERANCE[precision]):
            return engine
    raise BundleError(f"The model in {bundle.path} does not answer its golden picture as it should.")


def answers_golden(engine: Engine, bundle: Bundle, tolerance: float) -> bool:
    """Whether the golden picture's probabilities come back within ``tolerance``, with the same best label."""
    expected = np.array(bundle.golden["probabilities"])
    logits = engine.infer(to_input(golden_picture(), bundle.preset))["logits"][0]
    if logits.shape != expected.shape or not np.isfinite(logits).all():
        return False
    close = np.abs(softmax(logits) - expected).max() <= tolerance
    return bool(close and logits.argmax() == expected.argmax())
