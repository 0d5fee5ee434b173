"""How good bundles are, on photos that they were not trained on.

    python -m ml.evaluate [BUNDLE ...] --photos PHOTOS [--out FOLDER] [--json]

Writes a report to look at (report.html), its figures (report.json), the confusion matrix as a picture and every
answer (answers.csv); of several bundles, a table that compares them.

Sharpness tells known places from others in these photos, so known and others are compared at the same
resolution only: large photos as they are, and all photos shrunk to 96 pixels.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml import progress, report
from ml.augment import shrink
from ml.bundle import Bundle, BundleError
from ml.calibrate import OTHER, Calibration
from ml.datasets import Photo
from ml.engine import AUTO, KNOWN, EngineError
from ml.metrics import Bools, auroc, calibration_error, top_k
from ml.picture import PictureError
from ml.progress import Bar
from ml.report import Answers, ReportError
from ml.robustness import shares, steady
from ml.subject import TIMED, Parts, Subject

STARTER = Path(__file__).parent / "starter" / "places"
PHOTOS = Path("../shared/data/landmarks")
REPORTS = Path("var/reports")
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99)

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Seen:
    """The logits (N, C) for some photos, as they are and shrunk; their right columns (N,); which are large (N,)."""

    plain: Array
    shrunk: Array
    truth: npt.NDArray[np.int64]
    large: Bools

    @property
    def known(self) -> Bools:
        """Which photos show a place of the labels."""
        return np.asarray(self.truth < self.plain.shape[1] - len(OTHER))


def figures(choose: Seen | None, report: Seen, calibration: Calibration) -> dict[str, Any]:
    """Return accuracy over both halves of val, and on the reporting half what the answers are worth.

    What there are no photos for is left out.
    """
    halves = [seen for seen in (choose, report) if seen is not None]
    places = np.concatenate([seen.plain[seen.known][:, : -len(OTHER)] for seen in halves])
    truth = np.concatenate([seen.truth[seen.known] for seen in halves])
    half: dict[str, Any] = {
        name: _accuracy(report, rows)
        for name, rows in (("small", report.known & ~report.large), ("large", report.known & report.large))
        if rows.any()
    }
    half["answers"] = _answers(report, calibration)
    if not report.known.all():
        half["auroc_large"] = _separation(report.plain, report, report.known & report.large, calibration)
        half["auroc_shrunk"] = _separation(report.shrunk, report, report.known, calibration)
    return {
        "val": {"photos": len(truth), "top_1": top_k(places, truth, 1), "top_5": top_k(places, truth, 5)},
        "report": half,
    }


def _accuracy(seen: Seen, rows: Bools) -> dict[str, float]:
    places = seen.plain[rows][:, : -len(OTHER)]
    return {"photos": int(rows.sum()), "top_1": top_k(places, seen.truth[rows], 1)}


def _answers(seen: Seen, calibration: Calibration) -> dict[str, float]:
    """Return how often an answer is "place", how often that is right, and how well its confidence fits."""
    said = np.array(calibration.kinds(seen.plain))
    place = said == "place"
    right = seen.plain[:, : -len(OTHER)].argmax(axis=1) == seen.truth
    found = {"known_answered_place": float(place[seen.known].mean())}
    if (large := seen.known & seen.large).any():
        found["large_known_answered_place"] = float(place[large].mean())
    if place.any():
        found["place_is_right"] = float(right[place].mean())
        found["calibration_error"] = calibration_error(calibration.confidences(seen.plain)[place], right[place])
    for i, kind in enumerate(OTHER):
        if (rows := seen.truth == seen.plain.shape[1] - len(OTHER) + i).any():
            found[f"{kind}_answered_so"] = float((said == kind)[rows].mean())
    return found


def _separation(logits: Array, seen: Seen, known: Bools, calibration: Calibration) -> dict[str, float]:
    """Return the AUROC of known photos against either kind of others, by the answer's confidence."""
    confidence = calibration.confidences(logits)
    first = logits.shape[1] - len(OTHER)
    others = {kind: seen.truth == first + i for i, kind in enumerate(OTHER)}
    return {
        f"against_{kind}": auroc(confidence[known], confidence[rows])
        for kind, rows in others.items()
        if known.any() and rows.any()
    }


@dataclass(frozen=True)
class Looked:
    """What was seen of the photos that could be read, and which could not."""

    photos: list[Photo]
    seen: Seen
    left_out: list[dict[str, str]]

    def answers(self, calibration: Calibration, logits: Array | None = None) -> Answers:
        """Return what was answered, for the photos as they are or for other ``logits`` (N, C) of them."""
        return Answers.read(self.photos, self.seen.truth, self.seen.plain if logits is None else logits, calibration)


def look(subject: Subject, photos: Sequence[Photo], others: bool) -> Looked:
    """Show ``photos`` to the model as they are and, where there are ``others`` to tell from, shrunk.

    A photo that cannot be read is left out. Raises ValueError when none is left.
    """
    kept: list[Photo] = []
    plain, small, large, left_out = [], [], [], []
    for photo in Bar(photos, "photos", phase="looking", unit="photo", leave=False):
        try:
            image, is_large = photo.open(), photo.large
        except (PictureError, OSError) as error:
            left_out.append({"photo": photo.name, "why": str(error)})
            continue
        kept.append(photo)
        large.append(is_large)
        plain.append(subject.logits(image))
        small.append(subject.logits(shrink(image)) if others and is_large else plain[-1])
    if not kept:
        raise ValueError(f"None of {len(photos)} photos could be read; {left_out[0]['photo']}: {left_out[0]['why']}")
    truth = np.array([subject.columns[photo.label] for photo in kept])
    return Looked(kept, Seen(np.stack(plain), np.stack(small), truth, np.array(large)), left_out)


def examine(subject: Subject, parts: Parts, thresholds: Sequence[float] = THRESHOLDS) -> report.Evaluation:
    """Evaluate a bundle as it is served here; raises BundleError or ValueError."""
    warnings = parts.check(subject)
    others = any(photo.label in OTHER for photo in parts.report)
    choose = look(subject, parts.choose, others) if parts.choose else None
    found = look(subject, parts.report, others)
    if not found.seen.known.any():
        raise ValueError(f"No photo to report on shows anything that the bundle in {subject.bundle.path} knows.")
    answers = found.answers(subject.calibration)
    shrunk = found.answers(subject.calibration, found.seen.shrunk)
    chosen = choose.answers(subject.calibration) if choose else None
    known = [photo for photo, yes in zip(found.photos, found.seen.known, strict=True) if yes]
    values: dict[str, Any] = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "bundle": subject.bundle.version,
        "name": subject.bundle.name,
        "network": subject.bundle.network,
        "licences": subject.bundle.licences,
        "engine": subject.served.description,
        **figures(choose.seen if choose else None, found.seen, subject.calibration),
        **report.values(answers, chosen, shrunk, found.seen.large, subject.names, thresholds),
        "robustness": _robustness(subject, known, found.seen.large[found.seen.known]),
        "cost": subject.cost([photo.open() for photo in known[:TIMED]]),
        "left_out": found.left_out + (choose.left_out if choose else []),
        "warnings": warnings,
    }
    values["goals"] = report.goals(values) if subject.whole and others else []
    return report.Evaluation(
        values,
        {photo.sha256: photo for photo in found.photos + (choose.photos if choose else [])},
        report.each(answers, subject.names),
    )


def _robustness(subject: Subject, known: Sequence[Photo], large: Bools) -> dict[str, dict[str, float]]:
    """Return the share of photos whose first answer stays the same, of all and of large ones."""
    shown = Bar(known, "changed", phase="changing", unit="photo", leave=False)
    kept = steady((photo.open() for photo in shown), subject.first)
    return {name: shares(kept[rows]) for name, rows in (("all", large | True), ("large", large)) if rows.any()}


def evaluate(folder: Path, photos: Path, every: int = 1) -> dict[str, Any]:
    """Return the values of the report on the bundle in ``folder``, on the photos set apart in ``photos``.

    ``every``: look at every n-th photo only. Raises BundleError or ValueError.
    """
    return examine(Subject.load(folder), Parts.read(photos, every)).values


FIGURES = ("bundle", "engine", "val", "report")  # the values that are one number each


def lines(values: dict[str, Any], indent: str = "") -> list[str]:
    """Return nested figures as lines of text."""
    text = []
    for key, value in values.items():
        name = f"{indent}{key.replace('_', ' ')}"
        if isinstance(value, dict):
            text += [name, *lines(value, indent + "  ")]
        else:
            text.append(f"{name:40}{value:.4f}" if isinstance(value, float) else f"{name:40}{value}")
    return text


def main() -> None:
    """Evaluate, write the report, print the figures."""
    parser = _parser()
    options = parser.parse_args()
    progress.watch(options.progress)
    try:
        parts = Parts.read(options.photos, options.every, options.all)
        if options.common:
            parts = parts.of([Bundle.load(folder) for folder in options.bundles])
        found = [examine(Subject.load(folder, options.engine), parts, options.thresholds) for folder in options.bundles]
        if options.without_photos:
            found = [report.Evaluation(each.values, {}, each.answers) for each in found]
        page = _write(options.out, found)
    except (BundleError, EngineError, PictureError, ReportError, OSError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    shown = [{key: each.values[key] for key in FIGURES} for each in found]
    if options.json:
        print(json.dumps(shown if len(shown) > 1 else shown[0], indent=1))
    else:
        print("\n\n".join("\n".join(lines(each)) for each in shown))
    print(f"The report is in {page}", file=sys.stderr)


def _write(out: Path | None, found: Sequence[report.Evaluation]) -> Path:
    """Write the report on one, or the comparison of several, to ``out`` or to where reports are kept."""
    if len(found) > 1:
        return report.write_comparison(out or REPORTS / "comparison", found)
    return report.write(out or REPORTS / report.key(found[0]), found[0])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Evaluate bundles; of several, compare them.")
    parser.add_argument("bundles", type=Path, nargs="*", default=[STARTER], metavar="BUNDLE")
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="what ml.train reads (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="folder of the report (default: one of its own in var/reports)")
    parser.add_argument("--all", action="store_true", help="look at every photo: none of them was trained on")
    parser.add_argument("--every", type=_positive, default=1, help="look at every n-th photo only (default: all)")
    parser.add_argument("--thresholds", type=_thresholds, default=THRESHOLDS, help="such as 0.5,0.9,0.99")
    parser.add_argument("--without-photos", action="store_true", help="let the report show names, no photo")
    parser.add_argument("--engine", choices=KNOWN, default=AUTO, help="compute with this one (default: the usual)")
    parser.add_argument("--common", action="store_true", help="leave out photos of what a bundle does not know")
    parser.add_argument("--progress", type=Path, help="tell this file how far it is, and stop with who started it")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return int(text)


def _thresholds(text: str) -> tuple[float, ...]:
    values = tuple(float(part) for part in text.split(","))
    if not all(0 <= value <= 1 for value in values):
        raise argparse.ArgumentTypeError("every threshold lies between 0 and 1")
    return values


if __name__ == "__main__":
    main()
