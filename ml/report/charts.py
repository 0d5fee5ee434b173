"""Geometry of the charts: from figures to the coordinates that the page's SVG draws."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Point = Sequence[float]

MOST = 130  # classes that a matrix can show


@dataclass(frozen=True)
class Plot:
    """A plane of two axes; x from ``left`` to ``right`` and y from ``bottom`` to ``top`` in their own units."""

    left: float = 0.0
    right: float = 1.0
    bottom: float = 0.0
    top: float = 1.0
    width: int = 330  # of the plane, in the picture's units
    height: int = 300

    def x(self, value: float) -> float:
        """Return where ``value`` lies from the left."""
        return round((value - self.left) / (self.right - self.left) * self.width, 1)

    def y(self, value: float) -> float:
        """Return where ``value`` lies from above."""
        return round((self.top - value) / (self.top - self.bottom) * self.height, 1)

    def path(self, points: Sequence[Point]) -> str:
        """Return the line through ``points`` as SVG path data."""
        return "M" + "L".join(f"{self.x(x)} {self.y(y)}" for x, y in points)

    def ticks(self, low: float, high: float) -> list[float]:
        """Return about five round values from ``low`` to ``high``."""
        step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if (high - low) / s <= 5.001)
        return [round(low + i * step, 4) for i in range(int((high - low) / step + 1.001))]


def risk_plot(coverage: dict[str, list[list[float]]]) -> Plot:
    """Return a plane as high as the highest share of wrong answers past the first few."""
    highest = max(y for line in coverage.values() for x, y in line if x > 0.05 or x == line[-1][0])
    return Plot(top=next(top for top in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0) if highest <= top))


def margin(names: Iterable[str]) -> int:
    """Return the room that the longest of ``names`` needs beside the matrix."""
    return 14 + 6 * max(map(len, names))


@dataclass(frozen=True)
class Cell:
    """One square of the confusion matrix; ``strength`` 0 to 1."""

    row: int
    column: int
    count: int
    of: int
    strength: float


def cells(confusion: dict[str, Any], most: int = MOST) -> list[list[Cell]]:
    """Return the squares that are not empty, by row; the root of the share, so that few confusions show."""
    rows = []
    for r, counts in enumerate(confusion["counts"][:most]):
        of = sum(counts)
        filled = [(c, n) for c, n in enumerate(counts[:most]) if n]
        rows.append([Cell(r, c, n, of, round((n / of) ** 0.5, 2)) for c, n in filled])
    return rows
