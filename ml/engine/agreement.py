"""Whether an engine answers like single precision: on the golden picture, and on pictures drawn around it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ml.bundle import Bundle
from ml.calibrate import softmax
from ml.engine.base import Array, Engine, cosine
from ml.golden import golden_picture
from ml.preset import to_input

LEAST_SAME = 0.995  # of the first answers
LEAST_COSINE = 0.98  # of the embeddings
TIE = 3e-2  # two labels whose probabilities lie closer may change places

Outputs = dict[str, Array]


def answers_golden(engine: Engine, bundle: Bundle, tolerance: float) -> bool:
    """Whether the golden picture's probabilities come back within ``tolerance``, with the same best label."""
    expected = np.array(bundle.golden["probabilities"])
    logits = engine.infer(to_input(golden_picture(), bundle.preset))["logits"][0]
    if logits.shape != expected.shape or not np.isfinite(logits).all():
        return False
    close = np.abs(softmax(logits) - expected).max() <= tolerance
    return bool(close and logits.argmax() == expected.argmax())


@dataclass(frozen=True)
class Agreement:
    """How like single precision: the share of equal first answers, and the least cosine of embeddings."""

    same: float
    cosine: float

    @property
    def accepted(self) -> bool:
        """Whether that is near enough to serve."""
        return self.same >= LEAST_SAME and self.cosine >= LEAST_COSINE


def compare(single: list[Outputs], other: list[Outputs], tie: float = 0.0) -> Agreement:
    """Compare the outputs for the same pictures; ``tie`` is the lead that a first answer needs to count as one.

    A model without an embedding is compared by what its last layer takes.
    """
    same = [_same(a["logits"][0], b["logits"][0], tie) for a, b in zip(single, other, strict=True)]
    key = "embedding" if "embedding" in single[0] else "pooled"
    cosines = [cosine(a[key], b[key]) for a, b in zip(single, other, strict=True)]
    return Agreement(float(np.mean(same)), min(cosines))


def _same(single: Array, other: Array, tie: float) -> bool:
    probabilities = softmax(single)
    return bool(probabilities.max() - probabilities[other.argmax()] <= tie)


def drawn_pictures() -> Iterator[Image.Image]:
    """Yield pictures without end: the golden one, mirrored or not, behind coarse clouds of colour."""
    golden = np.asarray(golden_picture(), np.float64)
    draw = np.random.default_rng(0)
    while True:
        clouds = draw.integers(0, 256, (4, 5, 3), np.uint8)
        spread = np.asarray(Image.fromarray(clouds).resize((320, 240), Image.Resampling.BICUBIC), np.float64)
        share, mirrored = draw.uniform(0.1, 0.6), golden[:, :: draw.choice([1, -1])]
        yield Image.fromarray(((1 - share) * mirrored + share * spread).astype(np.uint8))
