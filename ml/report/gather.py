"""What a report says of answers, as plain JSON values."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from ml import mislabelled
from ml.calibrate import OTHER
from ml.metrics import (
    Bools,
    at_threshold,
    auroc,
    calibration_error,
    confusion,
    macro,
    per_class,
    reliability,
    risk_coverage,
    roc,
    threshold_for,
    top_k,
    wilson,
)
from ml.report.answers import Answers
from ml.report.order import by_similarity

Values = dict[str, Any]
WRONG = 400  # wrong answers that are listed
PAIRS = 12  # confused pairs that are listed with photos
SUSPECTS = 60  # likely wrong labels that are listed
AIMS = (0.95, 0.99)  # share of answers that shall be right, for which a threshold is chosen
CURVE = 200  # points of a curve that are kept


def values(
    answers: Answers,
    choose: Answers | None,
    shrunk: Answers,
    large: Bools,
    names: list[str],
    given: Sequence[float],
) -> Values:
    """Return all that a report says of ``answers``; ``shrunk``: to the same photos at 96 pixels.

    ``large`` (N,): photos with more detail than that. ``choose``: the half on which thresholds are chosen.
    """
    labelled = answers if choose is None else answers.joined(choose)
    return {
        "halves": choose is not None,
        "headline": headline(answers),
        "accuracy": accuracy(answers, choose, large),
        "overall": overall(answers),
        "classes": classes(answers, names),
        "confusion": matrix(answers, names),
        "confused": confused(answers, names),
        "calibration": calibration(answers),
        "thresholds": thresholds(answers, choose, given),
        "coverage": coverage(answers),
        "roc": {"large": separation(answers, large), "shrunk": separation(shrunk, large | True)},
        "wrong": wrong(answers, names),
        "wrong_count": int((answers.truth != answers.said).sum()),
        "right": right(answers, names),
        "mislabelled": likely_mislabelled(labelled, names),
    }


def headline(answers: Answers) -> Values:
    """Return how often the best place, and one of the best five, is right, of photos that show a known one."""
    known = answers.known
    places, truth = answers.probabilities[known][:, : -len(OTHER)], answers.truth[known]
    low, high = wilson(int(answers.right.sum()), len(truth))
    return {
        "photos": len(truth), "others": int((~known).sum()), "low": low, "high": high,
        "top_1": top_k(places, truth, 1), "top_5": top_k(places, truth, 5),
    }  # fmt: skip


def accuracy(answers: Answers, choose: Answers | None, large: Bools) -> list[Values]:
    """Return how often the best place is right, by half and by size."""
    known = answers.known
    parts = [("Photos reported on", answers.right[known])]
    if choose is not None:
        chosen = choose.right[choose.known]
        parts += [("Photos chosen by", chosen), ("Both halves", np.concatenate([answers.right[known], chosen]))]
    if large.any() and not large.all():
        parts += [
            ("Reported on, small", answers.right[known & ~large]),
            ("Reported on, large", answers.right[known & large]),
        ]
    return [{"what": name, "photos": len(right), "top_1": float(right.mean())} for name, right in parts if len(right)]


def overall(answers: Answers) -> Values:
    """Return accuracy, precision, recall and F1 of which place it is, and of the answer as a whole."""
    known = answers.known
    which = confusion(answers.truth[known], answers.first[known], answers.classes)
    whole = confusion(answers.truth, answers.said, answers.classes)
    return {"which_place": macro(which), "whole_answer": macro(whole)}


def classes(answers: Answers, names: list[str]) -> list[Values]:
    """Return every class that occurs: how often, precision, recall with its interval, F1."""
    each = per_class(confusion(answers.truth, answers.said, answers.classes))
    rows: list[Values] = []
    for c in np.flatnonzero(each.support + each.predicted):
        support = int(each.support[c])
        right = round(each.recall[c] * support) if support else 0
        low, high = wilson(right, support)
        rows.append(
            {
                "name": names[c],
                "photos": support,
                "answered": int(each.predicted[c]),
                "right": right,
                "precision": number(each.precision[c]),
                "recall": number(each.recall[c]),
                "recall_low": low,
                "recall_high": high,
                "f1": number(each.f1[c]),
            }
        )
    return sorted(rows, key=lambda row: (-1.0 if row["recall"] is None else row["recall"], row["name"]))


def matrix(answers: Answers, names: list[str]) -> Values:
    """Return the confusion matrix over the classes that occur, similar ones beside each other."""
    counts = confusion(answers.truth, answers.said, answers.classes)
    occurs = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    order = occurs[by_similarity(answers.probabilities[:, occurs], np.searchsorted(occurs, answers.truth))]
    others = answers.classes - len(OTHER)
    order = np.concatenate([order[order < others], np.sort(order[order >= others])])
    return {"names": [names[c] for c in order], "counts": counts[np.ix_(order, order)].tolist()}


def confused(answers: Answers, names: list[str]) -> list[Values]:
    """Return the pairs that were confused most, with the photos."""
    wrong = np.flatnonzero(answers.truth != answers.said)
    pairs = Counter((int(answers.truth[row]), int(answers.said[row])) for row in wrong)
    support = np.bincount(answers.truth, minlength=answers.classes)
    found = []
    for (truth, said), count in pairs.most_common(PAIRS):
        rows = wrong[(answers.truth[wrong] == truth) & (answers.said[wrong] == said)]
        photos = [_photo(answers, row, names) for row in _surest(answers, rows)[:4]]
        share = count / int(support[truth])
        found.append({"truth": names[truth], "said": names[said], "count": count, "share": share, "photos": photos})
    return found


def calibration(answers: Answers) -> Values:
    """Return confidence against accuracy of the photos that were answered with a place, whatever they show."""
    confidence, right = answers.confidence[answers.place], answers.right[answers.place]
    if not len(right):
        return {"photos": 0, "bins": [], "calibration_error": None}
    bins = [{key: number(value) for key, value in asdict(b).items()} for b in reliability(confidence, right)]
    return {"photos": len(right), "bins": bins, "calibration_error": calibration_error(confidence, right)}


def thresholds(answers: Answers, choose: Answers | None, given: Sequence[float]) -> list[Values]:
    """Return what reaches each of ``given`` thresholds, and those chosen on ``choose`` for ``AIMS``.

    ``known``: photos of known places only, as Wicker (2020) counts; ``all``: others too, where a place is wrong.
    """
    rows: list[Values] = [{"threshold": t, "aim": None} for t in given]
    if choose is not None:
        chosen = [(aim, threshold_for(choose.confidence, choose.right, aim)) for aim in AIMS]
        rows += [{"threshold": t, "aim": aim} for aim, t in chosen if t is not None]
    known = answers.known
    for row in rows:
        row["known"] = at_threshold(answers.confidence[known], answers.right[known], row["threshold"])
        row["all"] = at_threshold(answers.confidence, answers.right, row["threshold"])
    return rows


def coverage(answers: Answers) -> Values:
    """Return the share of wrong answers against the share answered, for known places and for all photos."""
    known = answers.known
    return {
        "known": _curve(*risk_coverage(answers.confidence[known], answers.right[known])),
        "all": _curve(*risk_coverage(answers.confidence, answers.right)),
    }


def separation(answers: Answers, rows: Bools) -> Values:
    """Return ROC and AUROC of the known photos in ``rows`` against either kind of others."""
    first = answers.classes - len(OTHER)
    found: Values = {}
    for i, kind in enumerate(OTHER):
        known, other = answers.confidence[rows & answers.known], answers.confidence[answers.truth == first + i]
        if len(known) and len(other):
            found[kind] = {
                "known": len(known), "others": len(other), "auroc": auroc(known, other),
                "curve": _curve(*roc(known, other)),
            }  # fmt: skip
    return found


def wrong(answers: Answers, names: list[str]) -> list[Values]:
    """Return the photos whose answer names another class than the right one; the surest first."""
    rows = _surest(answers, np.flatnonzero(answers.truth != answers.said))
    return [_photo(answers, row, names) for row in rows[:WRONG]]


def each(answers: Answers, names: list[str]) -> list[Values]:
    """Return every photo with what it shows and what was answered."""
    return [_photo(answers, row, names) for row in range(len(answers.truth))]


def right(answers: Answers, names: list[str]) -> list[Values]:
    """Return one photo of every class that was answered right: the surest."""
    rows = np.flatnonzero((answers.truth == answers.said) & answers.place)
    best: dict[int, np.int64] = {}
    for row in _surest(answers, rows):
        best.setdefault(int(answers.truth[row]), row)
    return [_photo(answers, best[c], names) for c in sorted(best)]


def likely_mislabelled(answers: Answers, names: list[str]) -> Values:
    """Return photos whose label is likely wrong, and how well wrong labels are found that are planted here."""
    if len(np.unique(answers.truth)) < 2:
        return {"of": len(answers.truth), "count": 0, "photos": [], "planted": None}
    found = mislabelled.suspects(answers.probabilities, answers.truth)
    photos = [
        {
            **_photo(answers, row, names),
            "said": names[suggested],
            "confidence": float(answers.probabilities[row, suggested]),
        }
        for row, suggested in zip(found.rows[:SUSPECTS], found.suggested, strict=False)
    ]
    test = mislabelled.found_when_planted(answers.probabilities, answers.truth)
    planted = {**asdict(test), "precision": test.precision, "recall": test.recall}
    return {"of": len(answers.truth), "count": len(found.rows), "photos": photos, "planted": planted}


GOALS: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("Right place, small photos", ("report", "small", "top_1"), 0.95),
    ("Right place, large photos", ("report", "large", "top_1"), 0.94),
    ("AUROC against no place, large photos", ("report", "auroc_large", "against_not_a_place"), 0.995),
    ("AUROC against no place, all at 96 px", ("report", "auroc_shrunk", "against_not_a_place"), 0.995),
    ("AUROC against unknown places, large photos", ("report", "auroc_large", "against_unknown"), 0.97),
    ("AUROC against unknown places, all at 96 px", ("report", "auroc_shrunk", "against_unknown"), 0.97),
    ("Expected calibration error", ("report", "answers", "calibration_error"), 0.03),
    ("Same answer at half the size", ("robustness", "all", "halved"), 0.97),
    ("Same answer at JPEG quality 50", ("robustness", "all", "recompressed"), 0.97),
    ("Same answer cropped by a tenth", ("robustness", "all", "cropped"), 0.97),
    ("Same answer a fifth narrower", ("robustness", "all", "narrowed"), 0.97),
)  # what the starter model is meant to reach; of the calibration error, at most


def goals(values: Values) -> list[Values]:
    """Return what was reached of ``GOALS``, as far as ``values`` say."""
    rows = []
    for what, path, goal in GOALS:
        value: Any = values
        for key in path:
            value = value.get(key) if value else None
        if value is not None:
            met = value <= goal if path[-1] == "calibration_error" else value >= goal
            rows.append({"what": what, "value": value, "goal": goal, "met": met})
    return rows


def number(value: float) -> float | None:
    """Return ``value``, None for NaN: JSON has none."""
    return None if math.isnan(value) else float(value)


def _photo(answers: Answers, row: int | np.integer, names: list[str]) -> Values:
    photo = answers.photos[row]
    return {
        "photo": photo.name,
        "sha256": photo.sha256,
        "truth": names[answers.truth[row]],
        "said": names[answers.said[row]],
        "confidence": float(answers.confidence[row]),
    }


def _surest(answers: Answers, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return rows[np.argsort(-answers.confidence[rows], kind="stable")]


def _curve(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> list[list[float]]:
    """Return at most ``CURVE`` points (x, y), the ends among them."""
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), CURVE)).round().astype(int))
    return [[round(float(x[i]), 4), round(float(y[i]), 4)] for i in kept]
