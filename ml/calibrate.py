"""From logits to an answer whose confidence can be believed. NumPy only: serving uses it too."""

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Kind = Literal["place", "unknown", "not_a_place"]

OTHER: tuple[Kind, Kind] = ("unknown", "not_a_place")  # the last two labels of a place bundle
NEVER = -1e4  # the logit of an answer that a network was not taught; half precision has it


def softmax(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Return probabilities along the last axis."""
    scaled = np.asarray(logits, np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def sigmoid(x: Floats) -> npt.NDArray[np.float64]:
    """Return 1 / (1 + exp(-x)), without overflow."""
    return np.asarray((1 + np.tanh(np.asarray(x, np.float64) / 2)) / 2)


def with_others(logits: Floats) -> npt.NDArray[np.float32]:
    """Return logits (..., C) with the two other answers, impossible ones, of a network that was not taught them."""
    never = np.full((*logits.shape[:-1], len(OTHER)), -np.inf)
    return np.concatenate([logits, never], axis=-1, dtype=np.float32)


def log_odds(probabilities: Floats) -> Floats:
    """Return log(p / (1 - p)), finite for 0 and 1 too."""
    p = np.clip(probabilities, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(p / (1 - p)))


@dataclass(frozen=True)
class Calibration:
    """How logits become probabilities, and what they say about the best place the answer's confidence.

    confidence = sigmoid(slope * log-odds of the best place's probability + known * log-odds of any place against
    unknown + offset). From ``threshold`` on, the answer is that place; below, it is whichever of unknown and
    not-a-place is likelier. A network that was not taught unknown places says not-a-place only where that is
    likelier than every place: else a doubtful photo of a place would be said to show none.
    """

    temperature: float = 1.0
    slope: float = 1.0
    known: float = 0.0
    offset: float = 0.0
    threshold: float = 0.4  # below a half: a doubtful place with its low confidence helps more than none

    def probabilities(self, logits: Floats) -> npt.NDArray[np.float64]:
        """Return probabilities (N, C) over places, unknown and not-a-place."""
        return softmax(logits, self.temperature)

    def confidences(self, logits: Floats) -> npt.NDArray[np.float64]:
        """Return (N,): how likely the best place is right, whatever the kind of the answer."""
        return sigmoid(evidence(self.probabilities(logits)) @ np.array([self.slope, self.known]) + self.offset)

    def kinds(self, logits: Floats) -> list[Kind]:
        """Return the kind of answer for every row (N, C)."""
        places, unknown, no_place = np.split(np.asarray(logits), [-2, -1], axis=1)
        against = np.where(unknown > NEVER / 2, unknown, places.max(axis=1, keepdims=True))
        other = (no_place > against)[:, 0].astype(int)
        sure = self.confidences(logits) >= self.threshold
        return ["place" if yes else OTHER[which] for yes, which in zip(sure, other, strict=True)]

    def to_dict(self) -> dict[str, float]:
        """Return plain JSON values."""
        return asdict(self)


def evidence(probabilities: Floats) -> npt.NDArray[np.float64]:
    """Return (N, 2) of probabilities (N, C): log-odds of the best place, and of any place against unknown.

    The latter is 0 for a network that has no answer for unknown places.
    """
    places, unknown = probabilities[:, : -len(OTHER)], probabilities[:, -len(OTHER)]
    against = log_odds(places.sum(axis=1) / (places.sum(axis=1) + unknown))
    return np.stack([log_odds(places.max(axis=1)), np.where(unknown > 0, against, 0)], axis=1)


def fit(logits: Floats, truth: npt.NDArray[np.integer]) -> Calibration:
    """Fit on photos held out from training: logits (N, C) and the right columns (N,), negatives among them.

    The temperature makes the right label likeliest (Guo and others 2017); the rest is Platt's (1999), on two scores.
    """
    temperature, _ = best_temperature(logits, truth)
    probabilities = softmax(logits, temperature)
    right = probabilities[:, : -len(OTHER)].argmax(axis=1) == truth
    slope, known, offset = _platt(evidence(probabilities), right)
    return Calibration(round(temperature, 4), round(slope, 4), round(known, 4), round(offset, 4))


def best_temperature(logits: Floats, truth: npt.NDArray[np.integer]) -> tuple[float, float]:
    """Return the temperature that makes the right labels (N,) likeliest, and the mean loss (nats) with it."""
    rows = np.arange(len(truth))
    tried = np.geomspace(0.1, 5, 200)
    losses = [-np.log(softmax(logits, t)[rows, truth] + 1e-12).mean() for t in tried]
    best = int(np.argmin(losses))
    return float(tried[best]), float(losses[best])


def _platt(scores: Floats, right: npt.NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return slopes and offset of the logistic regression of ``right`` (N,) on scores (N, 2), by Newton's method."""
    x = np.concatenate([scores, np.ones((len(scores), 1))], axis=1)
    # Platt's targets, a little off 0 and 1, keep the fit finite where the classes separate.
    target = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
    weights = np.array([1.0, 0.0, 0.0])
    for _ in range(50):
        p = sigmoid(x @ weights)
        hessian = x.T @ (x * (p * (1 - p))[:, None]) + 1e-6 * np.eye(3)
        weights -= np.linalg.solve(hessian, x.T @ (p - target) + 1e-6 * weights)
    slope, known, offset = weights.tolist()
    return slope, known, offset


@dataclass(frozen=True)
class Answer:
    """What the logits of one photo say.

    ``predictions``: (label, probability), best place first. ``probabilities`` (C,): of all labels, in their order.
    """

    kind: Kind
    confidence: float
    predictions: list[tuple[str, float]]
    probabilities: npt.NDArray[np.float64]


def answer(logits: Floats, labels: list[str], calibration: Calibration, top: int = 5) -> Answer:
    """Read the logits (C,) of one photo; ``labels`` (C,) end with "unknown" and "not_a_place"."""
    probabilities = calibration.probabilities(logits)
    best = np.argsort(-probabilities[: -len(OTHER)], kind="stable")[:top]
    return Answer(
        kind=calibration.kinds(logits[None])[0],
        confidence=float(calibration.confidences(logits[None])[0]),
        predictions=[(labels[i], float(probabilities[i])) for i in best],
        probabilities=probabilities,
    )
