"""Places that a network was not taught, answered by what it makes of a few of their pictures. NumPy only.

A new place is known by two things: where its pictures lie among embeddings, and what the classifier takes them for,
wrong as that must be. Both, and how sure the classifier is of a photo, meet in one softmax: the classifier's answer
as a whole against each new place.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.calibrate import OTHER, log_odds

Floats = npt.NDArray[np.floating]

SURE = 8.0  # log-odds: beyond, a network is sure of anything
FLOOR = 0.02  # added to an overlap before its logarithm
NO_PLACE = 0.1  # how much it counts for an overlap that both are taken for no place: all such pictures have that


class Pictures(NamedTuple):
    """Some pictures of a place: embeddings (N, D) of unit length, and calibrated probabilities (N, C); N at least 2."""

    embeddings: Floats
    probabilities: Floats


@dataclass(frozen=True)
class NewPlaces:
    """What is kept of each new place.

    ``slugs`` (M,); ``centres`` (M, D): the directions of the mean embeddings; ``spreads`` (M,): the mean cosine of a
    picture to the centre of the others; ``taken_for`` (M, C): roots of the mean probabilities, that of
    no place weighed by ``NO_PLACE``.
    """

    slugs: list[str]
    centres: npt.NDArray[np.float64]
    spreads: npt.NDArray[np.float64]
    taken_for: npt.NDArray[np.float64]

    @classmethod
    def of(cls, pictures: Mapping[str, Pictures]) -> "NewPlaces":
        """Return those of which there are ``pictures``, by slug."""
        if not pictures:
            return cls([], np.zeros((0, 1)), np.zeros(0), np.zeros((0, 1)))
        sums = [np.sum(each.embeddings, axis=0, dtype=np.float64) for each in pictures.values()]
        spreads = [
            float((_unit(total - each.embeddings) * each.embeddings).sum(axis=1).mean())
            for total, each in zip(sums, pictures.values(), strict=True)
        ]
        taken_for = np.sqrt([each.probabilities.mean(axis=0) for each in pictures.values()])
        taken_for[:, -1] *= NO_PLACE
        return cls(list(pictures), _unit(np.stack(sums)), np.array(spreads), taken_for)

    def signs(self, embeddings: Floats, probabilities: Floats) -> npt.NDArray[np.float64]:
        """Return (N, M, 6): what speaks for each place in photos, by ``embeddings`` (N, D), ``probabilities`` (N, C).

        In the order of ``Rule``: the cosine to its centre; the logarithm of the overlap (Bhattacharyya 1943) of what
        the photo and its pictures are taken for; its spread; log-odds of the classifier's best place, of unknown and
        of not-a-place. The latter two are 0 for a network that was not taught them.
        """
        places, others = probabilities[:, : -len(OTHER)], probabilities[:, -len(OTHER) :]
        doubt = np.column_stack([log_odds(places.max(axis=1)), np.where(others > 0, log_odds(others), 0.0)])
        shape = (len(probabilities), len(self.slugs))
        signs = np.empty((*shape, 6))
        signs[:, :, 0] = embeddings @ self.centres.T
        signs[:, :, 1] = np.log(np.sqrt(probabilities) @ self.taken_for.T + FLOOR)
        signs[:, :, 2] = self.spreads
        signs[:, :, 3:] = np.clip(doubt, -SURE, SURE)[:, None]
        return signs


@dataclass(frozen=True)
class Rule:
    """What each sign weighs in the log-odds of a new place against all that the classifier says together.

    Fitted by ``python -m bench newplaces`` on the half of the photos to choose by, with a third of the known places
    left out of training at a time, the offset then lowered by half a nat in favour of what the classifier knows; how
    well it does on the other half stands in docs/benchmarks/newplaces.md.
    """

    cosine: float = 18.9
    taken_for: float = 4.08
    spread: float = -5.02
    best: float = -0.45
    unknown: float = -0.18
    nothing: float = -0.14
    offset: float = -3.91


RULE = Rule()


class Shared(NamedTuple):
    """How probability is shared: ``kept`` (N,) of it by what the classifier says, ``new`` (N, M) by new places."""

    kept: npt.NDArray[np.float64]
    new: npt.NDArray[np.float64]


def share(new: NewPlaces, embeddings: Floats, probabilities: Floats, rule: Rule = RULE) -> Shared:
    """Share probability between new places and a classifier that gave photos these ``probabilities`` (N, C)."""
    if not new.slugs:
        return Shared(np.ones(len(probabilities)), np.zeros((len(probabilities), 0)))
    *weights, offset = astuple(rule)
    odds = new.signs(embeddings, probabilities) @ np.array(weights) + offset
    highest = np.maximum(odds.max(axis=1), 0.0)
    powers, known = np.exp(odds - highest[:, None]), np.exp(-highest)
    total = known + powers.sum(axis=1)
    return Shared(known / total, powers / total[:, None])


def _unit(vectors: Floats) -> npt.NDArray[np.float64]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9), np.float64)
