"""The confusion matrix as a PNG, for papers and slides."""

import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from ml.report.charts import MOST

GROUND, INK, ACCENT, WRONG = "#fbfaf8", "#1b1e1d", "#0f766e", "#b45309"
INCH_A_CLASS = 0.155


def picture(confusion: dict[str, Any], titled: Callable[[str], str]) -> bytes:
    """Return the matrix: what is right in one colour, what is confused in another, by the share of its row."""
    counts = np.array(confusion["counts"], float)[:MOST, :MOST]
    share = np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    right = np.eye(len(counts), dtype=bool)
    names = [titled(name) for name in confusion["names"][:MOST]]
    side = max(4.0, INCH_A_CLASS * len(names) + 1.8)
    with mpl.rc_context({"font.size": 7, "text.color": INK, "axes.edgecolor": INK}):
        figure = Figure((side, side), dpi=200, facecolor=GROUND, layout="constrained")
        axes = figure.add_subplot(facecolor=GROUND)
        for rows, colour in ((right, ACCENT), (~right, WRONG)):
            shown = np.ma.masked_where(~rows | (counts == 0), share)
            axes.imshow(shown, LinearSegmentedColormap.from_list("", [GROUND, colour]), vmin=0, vmax=1)
        for r, c in np.argwhere((counts > 0) & ~right):
            axes.text(
                c,
                r,
                f"{counts[r, c]:.0f}",
                ha="center",
                va="center",
                fontsize=5,
                color=GROUND if share[r, c] > 0.7 else INK,
            )
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(length=0)
        axes.set(xlabel="answered", ylabel="shown")
        axes.spines[:].set_linewidth(0.3)
        out = io.BytesIO()
        figure.savefig(out)
    return out.getvalue()
