"""In which order classes stand in a confusion matrix, so that what is confused stands together."""

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering  # type: ignore[import-untyped]
from scipy.spatial.distance import squareform  # type: ignore[import-untyped]

from ml.metrics import Floats

LARGEST = 300  # classes; time grows with the third power


def by_similarity(probabilities: Floats, truth: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return the C classes' order: leaves of a clustering by how alike their photos' ``probabilities`` (N, C) are.

    Neighbouring leaves are as alike as they can be (Bar-Joseph and others 2001), up to ``LARGEST`` classes.
    """
    size = probabilities.shape[1]
    if not 3 <= size <= LARGEST:
        return np.arange(size)
    means = np.zeros((size, size))
    np.add.at(means, truth, np.sqrt(probabilities))  # the root makes rare confusions count
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    apart = 1 - (means @ means.T + (means + means.T) / 2) / 2
    np.fill_diagonal(apart, 0)
    distances = squareform(np.clip(apart, 0, None), checks=False)
    return np.asarray(leaves_list(optimal_leaf_ordering(linkage(distances, "average"), distances)), np.int64)
