"""Which pictures a person had better look at first. NumPy only."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.integer]

NO_LABEL = -1  # a row that nobody has labelled
SURE, TORN = 0.5, 1.05  # doubt up to which the model is sure of a label, and up to which it is torn
_MOST, _SURELY = 2.0, 1.5  # doubt: the most there is, and where another label has half of all belief more
# Between these the model surely has another label.
MISLABELLED = (_SURELY - TORN + SURE, _MOST - TORN + SURE)


def usefulness(probabilities: Floats, labelled: Integers) -> npt.NDArray[np.float64]:
    """Return (N,), 0 to 2, higher to be looked at first: by what a decision teaches.

    ``probabilities`` (N, C) with at least two columns; ``labelled`` (N,) is the column of the label that a row was
    given, or -1. Doubt is 1 - margin, where margin is the given label's probability less the best of the other
    columns (normalised margin; Northcutt, Jiang and Chuang 2021), and for rows without a label that of the best
    column less the second best (Scheffer, Decomain and Wrobel 2001).

    First come rows near the boundary between two answers (1.45 to 2), then those that the model takes for something
    else (0.5 to 1.45; surely from ``MISLABELLED`` on), then those of which it is sure as they are labelled. Of what it
    is sure it has little to learn, even where the label is wrong: docs/benchmarks/loop.md has the measurement.
    """
    everyone = np.arange(len(probabilities))
    own = np.where(labelled == NO_LABEL, probabilities.argmax(axis=1), labelled)
    others = np.array(probabilities, np.float64)
    others[everyone, own] = -np.inf
    margin: npt.NDArray[np.float64] = probabilities[everyone, own].astype(np.float64) - others.max(axis=1)
    doubt = 1.0 - margin
    return np.where(doubt <= SURE, doubt, np.where(doubt <= TORN, doubt + _MOST - TORN, doubt - TORN + SURE))
