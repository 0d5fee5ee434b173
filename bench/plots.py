"""Plots beside the tables: SVG, small, readable in light and dark."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

OURS, OTHER = "#0d6efd", "#8a929a"
PARTS = ("#0d6efd", "#6ea8fe", "#20c997", "#ffc107", "#fd7e14", "#d63384", "#8a929a")
STYLE: Any = {  # matplotlib has a type of its own for the names
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",  # text stays text: small files
    "svg.hashsalt": "bench",  # the same figures make the same file
}


def bars(path: Path, title: str, values: Mapping[str, float], ours: str = "ours") -> None:
    """Draw a horizontal bar for each value, smallest on top, with its number."""
    names = sorted(values, key=lambda name: values[name])
    with mpl.rc_context(STYLE):
        figure, axes = blank(title, 0.3 * len(names) + 0.8)
        axes.barh(names, [values[name] for name in names], color=[OURS if n == ours else OTHER for n in names])
        for position, name in enumerate(names):
            axes.text(values[name], position, f" {values[name]:.3g}", va="center")
        axes.invert_yaxis()
        save(figure, path)


def stacked(path: Path, title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    """Draw one bar a row, made of its named parts in their order."""
    parts = list(dict.fromkeys(part for row in rows.values() for part in row))
    with mpl.rc_context(STYLE):
        figure, axes = blank(title, 0.5 * len(rows) + 1.4)
        ends = [0.0] * len(rows)
        for part, colour in zip(parts, PARTS, strict=False):
            values = [row.get(part, 0.0) for row in rows.values()]
            axes.barh(list(rows), values, left=ends, color=colour, label=part)
            for position, (value, left) in enumerate(zip(values, ends, strict=True)):
                if value > 0.04 * max(sum(row.values()) for row in rows.values()):
                    axes.text(left + value / 2, position, f"{value:.0f}", ha="center", va="center")
            ends = [end + value for end, value in zip(ends, values, strict=True)]
        axes.invert_yaxis()
        axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.12), ncols=4, frameon=False)
        save(figure, path)


def over_time(path: Path, title: str, series: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> None:
    """Draw lines over seconds."""
    with mpl.rc_context(STYLE):
        figure, axes = blank(title, 2.8)
        for (name, (seconds, values)), colour in zip(series.items(), PARTS, strict=False):
            axes.plot(seconds, values, color=colour, label=name, linewidth=1.2)
        axes.set_xlabel("seconds")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.2))
        save(figure, path)


def blank(title: str, inches: float) -> tuple[Figure, Axes]:
    """Return an empty plot."""
    figure, axes = plt.subplots(figsize=(7.2, inches))
    axes.set_title(title, loc="left")
    return figure, axes


def save(figure: Figure, path: Path) -> None:
    """Write the file, under 200 KB."""
    figure.savefig(path, bbox_inches="tight", facecolor="white", metadata={"Date": None})
    plt.close(figure)
    assert path.stat().st_size < 200_000, f"{path} is too large to be kept"
