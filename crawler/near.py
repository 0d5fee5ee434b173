"""Near-copies: the same photo cropped, mirrored, marked, scaled or compressed again.

Two steps. A *difference hash* (64 bits: is a cell brighter than its left neighbour, after
N. Krawetz, "Kind of Like That", 2013) of the whole picture and of 29 windows into it finds what
may be a copy; pictures are looked up by four bands of 16 bits with at most one bit changed (the
pigeonhole principle of multi-index hashing, Norouzi et al., CVPR 2012), not one by one. Then
the grey values of both are correlated, so that two photos that merely hash alike stay two.

The hash is a few lines of NumPy because it is taken of windows of a small sketch; imagehash
takes it of whole pictures, and brings SciPy and PyWavelets along.
"""

from array import array
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]

SIDE = 32  # of a sketch, in pixels
CROP = 0.10  # the part of a side that a crop may take away
DISTANCE = 7  # bits; with four bands, one of them then differs by a bit at most
# Three of the four quarters must agree: a logo may cover the fourth.
AGREEMENT = 0.88
_PATCH = 12  # cells a side that are correlated
_ROWS, _COLUMNS = 8, 9  # cells whose differences are hashed
_BANDS, _BAND_BITS = 4, 16
# What hashes alike by the thousand, such as empty skies, is told apart by the other bands.
_BUCKET = 500


def sketch(image: Image.Image) -> bytes:
    """Return the picture (RGB) as 32 x 32 grey pixels, row by row; all that near-copies are judged by."""
    return image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX).tobytes()


def difference_hash(drawn: bytes) -> int:
    """Return the 64-bit difference hash of the whole picture that ``drawn`` is the sketch of."""
    return int(_both_ways(drawn)[0, 0])


class NearIndex:
    """Sketches of pictures, numbered as they are added, and the search for copies of a further one.

    A picture takes about 1.5 kB here. Not for several threads at once.
    """

    def __init__(self) -> None:
        self._sketches = np.empty((256, SIDE * SIDE), np.uint8)
        self._count = 0
        self._windows = _Buckets()  # number * len(_WINDOWS) + window
        self._wholes = _Buckets()  # number

    def __len__(self) -> int:
        return self._count

    def add(self, drawn: bytes) -> int:
        """Add a sketch and return its number."""
        hashes = _both_ways(drawn)[0]
        self._windows.add(hashes)
        self._wholes.add(hashes[:1])
        if self._count == len(self._sketches):
            self._sketches = np.resize(self._sketches, (2 * self._count, SIDE * SIDE))
        self._sketches[self._count] = np.frombuffer(drawn, np.uint8)
        self._count += 1
        return self._count - 1

    def find(self, drawn: bytes) -> int | None:
        """Return the number of a picture that ``drawn`` is a near-copy of, whichever was cropped."""
        hashes = _both_ways(drawn)
        numbers, theirs, ours = np.hstack([self._in_windows(hashes[:, 0]), self._in_wholes(hashes)])
        if not len(numbers):
            return None
        sketches = self._sketches[numbers].reshape(-1, SIDE, SIDE).astype(np.float32)
        agree = _agree(_patches(_mirrored(drawn))[ours], _patch(sketches, theirs))
        # Which of several it is is no matter: copies of one picture are copies of each other.
        return int(numbers[agree].min()) if agree.any() else None

    def _in_windows(self, wholes: Hashes) -> Integers:
        """Return (3, N) what the whole picture may be a part of: numbers, their windows, ours as in ``_patches``."""
        entries, queries = self._windows.near(wholes, _FLIPS)
        return np.stack([entries // len(_WINDOWS), entries % len(_WINDOWS), queries * len(_WINDOWS)])

    def _in_wholes(self, hashes: Hashes) -> Integers:
        """Return (3, N) what may be a part of the picture, as ``_in_windows`` does."""
        # So many windows lie around the right one that one of them has a whole band in common.
        entries, queries = self._wholes.near(hashes.ravel(), _EXACT)
        return np.stack([entries, np.zeros_like(entries), queries])


class _Buckets:
    """64-bit hashes, numbered as they are added, in one bucket for each value of each band."""

    def __init__(self) -> None:
        self._buckets: list[array[int] | None] = [None] * (_BANDS << _BAND_BITS)
        self._hashes: Hashes = np.empty(1024, np.uint64)
        self._count = 0

    def add(self, hashes: Hashes) -> None:
        """Add hashes (N,)."""
        end = self._count + len(hashes)
        if end > len(self._hashes):
            self._hashes = np.resize(self._hashes, max(end, 2 * len(self._hashes)))
        self._hashes[self._count : end] = hashes
        for entry, places in enumerate(_bands(hashes).tolist(), self._count):
            for place in places:
                bucket = self._buckets[place]
                if bucket is None:
                    bucket = self._buckets[place] = array("I")
                if len(bucket) < _BUCKET:
                    bucket.append(entry)
        self._count = end

    def near(self, queries: Hashes, flips: Integers) -> tuple[Integers, Integers]:
        """Return pairs within ``DISTANCE`` bits of which a band differs by one of ``flips``: entries, and queries."""
        places = (_bands(queries)[:, :, None] ^ flips).ravel().tolist()
        found = b"".join(bucket for place in places if (bucket := self._buckets[place]) is not None)
        entries = np.unique(np.frombuffer(found, np.uint32))
        distances = np.bitwise_count(self._hashes[entries][:, None] ^ queries)
        rows, columns = np.nonzero(distances <= DISTANCE)
        return entries[rows].astype(np.int64), columns


def _windows() -> list[tuple[float, float, float, float]]:
    """Return left, top, right, bottom in pixels of a sketch: all of it, nine tenths of it, less one side."""
    cut, whole = SIDE * CROP, float(SIDE)
    shifts = np.linspace(0, cut, 5).tolist()  # copies are found to about half a step beside them
    inner = [(x, y, x + whole - cut, y + whole - cut) for x, y in product(shifts, shifts)]
    sides = [(cut, 0, whole, whole), (0, 0, whole - cut, whole), (0, cut, whole, whole), (0, 0, whole, whole - cut)]
    return [(0, 0, whole, whole), *inner, *sides]


def _cells(begin: float, end: float, count: int) -> Floats:
    """Return (count, SIDE): how much each pixel of a line adds to the mean of each cell from begin to end."""
    edges = np.linspace(begin, end, count + 1)
    pixel = np.arange(SIDE)
    covered = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    shares: Floats = (covered.clip(0) / (edges[1] - edges[0])).astype(np.float32)
    return shares


_WINDOWS = _windows()
_DOWN: Floats = np.stack([_cells(top, bottom, _ROWS) for _, top, _, bottom in _WINDOWS])  # (W, 8, SIDE)
_ACROSS: Floats = np.stack([_cells(left, right, _COLUMNS).T for left, _, right, _ in _WINDOWS])  # (W, SIDE, 9)
_PATCH_DOWN: Floats = np.stack([_cells(top, bottom, _PATCH) for _, top, _, bottom in _WINDOWS])
_PATCH_ACROSS: Floats = np.stack([_cells(left, right, _PATCH).T for left, _, right, _ in _WINDOWS])
_EXACT = np.zeros(1, np.int64)
_FLIPS = np.array([0, *(1 << bit for bit in range(_BAND_BITS))], np.int64)
_FIRST_BUCKETS = np.arange(_BANDS) << _BAND_BITS


def _mirrored(drawn: bytes) -> Floats:
    """Return (2, SIDE, SIDE): the sketch, and the sketch mirrored."""
    pixels = np.frombuffer(drawn, np.uint8).reshape(SIDE, SIDE).astype(np.float32)
    return np.stack([pixels, pixels[:, ::-1]])


@lru_cache(maxsize=64)
def _both_ways(drawn: bytes) -> Hashes:
    """Return the hash of every window, (2, W): of the sketch, and of the sketch mirrored."""
    cells = _DOWN @ _mirrored(drawn)[:, None] @ _ACROSS  # (2, W, 8, 9)
    bits = cells[..., 1:] > cells[..., :-1]
    hashes: Hashes = np.packbits(bits.reshape(2, len(_WINDOWS), -1), axis=-1).view(np.uint64)[..., 0]
    return hashes


def _bands(hashes: Hashes) -> Integers:
    """Return (N, bands): the bucket that each band of each hash belongs to."""
    values = np.ascontiguousarray(hashes).view(np.uint16).reshape(-1, _BANDS)
    return values.astype(np.int64) + _FIRST_BUCKETS


def _patches(mirrored: Floats) -> Floats:
    """Return the patch of every window of the sketch, then of the sketch mirrored: (2 * W, 12, 12)."""
    patches: Floats = np.matmul(_PATCH_DOWN @ mirrored[:, None], _PATCH_ACROSS, dtype=np.float32)
    return patches.reshape(-1, _PATCH, _PATCH)


def _patch(sketches: Floats, windows: Integers) -> Floats:
    """Return the patch of one window of each sketch: (N, 12, 12)."""
    patches: Floats = np.matmul(_PATCH_DOWN[windows] @ sketches, _PATCH_ACROSS[windows], dtype=np.float32)
    return patches


def _agree(some: Floats, others: Floats) -> npt.NDArray[np.bool_]:
    """Tell of each pair of patches (N, 12, 12) whether three quarters of it correlate."""
    a, b = _quarters(some), _quarters(others)
    norm = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    agreeing = (norm > 0) & ((a * b).sum(-1) > AGREEMENT * norm)
    enough: npt.NDArray[np.bool_] = agreeing.sum(-1) >= 3
    return enough


def _quarters(patches: Floats) -> Floats:
    """Return (N, 4, 36): the cells of each quarter, less their mean."""
    half = _PATCH // 2
    cells = patches.reshape(-1, 2, half, 2, half).swapaxes(2, 3).reshape(-1, 4, half * half)
    centred: Floats = cells - cells.mean(-1, keepdims=True)
    return centred
