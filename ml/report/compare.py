"""Several models side by side."""

from collections.abc import Callable, Sequence
from typing import Any

from ml.report.words import decimal, percent

Values = dict[str, Any]
Show = Callable[[float | None], str]


def _number(value: float | None) -> str:
    return decimal(value, 1)


ROWS: tuple[tuple[str, tuple[str, ...], Show, int], ...] = (
    ("First answer right", ("headline", "top_1"), percent, 1),
    ("Among the first five", ("headline", "top_5"), percent, 1),
    ("Small photos", ("report", "small", "top_1"), percent, 1),
    ("Large photos", ("report", "large", "top_1"), percent, 1),
    ("Precision, macro", ("overall", "which_place", "precision"), percent, 1),
    ("Recall, macro", ("overall", "which_place", "recall"), percent, 1),
    ("F1, macro", ("overall", "which_place", "f1"), percent, 1),
    ("Calibration error", ("calibration", "calibration_error"), decimal, -1),
    ("AUROC, no place, large", ("report", "auroc_large", "against_not_a_place"), decimal, 1),
    ("AUROC, no place, at 96 px", ("report", "auroc_shrunk", "against_not_a_place"), decimal, 1),
    ("AUROC, unknown places, large", ("report", "auroc_large", "against_unknown"), decimal, 1),
    ("AUROC, unknown places, at 96 px", ("report", "auroc_shrunk", "against_unknown"), decimal, 1),
    ("Same answer at half the size", ("robustness", "all", "halved"), percent, 1),
    ("Same answer at JPEG quality 50", ("robustness", "all", "recompressed"), percent, 1),
    ("Same answer cropped by a tenth", ("robustness", "all", "cropped"), percent, 1),
    ("Same answer a fifth narrower", ("robustness", "all", "narrowed"), percent, 1),
    ("Megabytes", ("cost", "megabytes"), _number, -1),
    ("Milliseconds a picture", ("cost", "compute_ms"), _number, -1),
)  # title, where in the values, how it is written, 1 if more is better


def rows(found: Sequence[Values]) -> list[tuple[str, list[str], set[int]]]:
    """Return (title, a cell for each model, which are best) for every figure that one of the models has."""
    table = []
    for title, path, show, sense in ROWS:
        values = [_at(each, path) for each in found]
        there = [sense * value for value in values if value is not None]
        if there:
            best = {i for i, value in enumerate(values) if value is not None and sense * value == max(there)}
            table.append((title, [show(value) for value in values], best))
    return table


def _at(values: Any, path: Sequence[str]) -> float | None:
    for key in path:
        values = values.get(key) if values else None
    return None if values is None else float(values)
