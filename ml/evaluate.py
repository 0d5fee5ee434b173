"""How good a bundle of places is, on photos that it was not trained on.

    python -m ml.evaluate [BUNDLE] --photos PHOTOS [--json]

Sharpness tells known places from others in these photos, so known and others are compared at the same
resolution only: large photos as they are, and all photos shrunk to 96 pixels.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ml import engine
from ml.bundle import Bundle, BundleError
from ml.calibrate import OTHER, Calibration
from ml.datasets import Collection, Photo, View, plain, shrunk
from ml.metrics import Bools, auroc, calibration_error, top_k
from ml.picture import PictureError, decode
from ml.preset import to_input

STARTER = Path(__file__).parent / "starter" / "places"


@dataclass(frozen=True)
class Seen:
    """The logits (N, C) for some photos, as they are and shrunk; their right columns (N,); which are large (N,)."""

    plain: npt.NDArray[np.float32]
    shrunk: npt.NDArray[np.float32]
    truth: npt.NDArray[np.int64]
    large: Bools

    @property
    def known(self) -> Bools:
        """Which photos show a place of the labels."""
        return np.asarray(self.truth < self.plain.shape[1] - len(OTHER))


def figures(choose: Seen, report: Seen, calibration: Calibration) -> dict[str, Any]:
    """Return accuracy over both halves of val, and on the reporting half what the answers are worth."""
    halves = (choose, report)
    places = np.concatenate([seen.plain[seen.known][:, : -len(OTHER)] for seen in halves])
    truth = np.concatenate([seen.truth[seen.known] for seen in halves])
    return {
        "val": {"photos": len(truth), "top_1": top_k(places, truth, 1), "top_5": top_k(places, truth, 5)},
        "report": {
            "small": _accuracy(report, report.known & ~report.large),
            "large": _accuracy(report, report.known & report.large),
            "answers": _answers(report, calibration),
            "auroc_large": _separation(report.plain, report, report.known & report.large, calibration),
            "auroc_shrunk": _separation(report.shrunk, report, report.known, calibration),
        },
    }


def _accuracy(seen: Seen, rows: Bools) -> dict[str, float]:
    places = seen.plain[rows][:, : -len(OTHER)]
    return {"photos": int(rows.sum()), "top_1": top_k(places, seen.truth[rows], 1)}


def _answers(seen: Seen, calibration: Calibration) -> dict[str, float]:
    """Return how often an answer is "place", how often that is right, and how well its confidence fits."""
    said = np.array(calibration.kinds(seen.plain))
    place = said == "place"
    right = seen.plain[:, : -len(OTHER)].argmax(axis=1) == seen.truth
    others = {
        f"{kind}_answered_so": float((said == kind)[seen.truth == seen.plain.shape[1] - len(OTHER) + i].mean())
        for i, kind in enumerate(OTHER)
    }
    return {
        "known_answered_place": float(place[seen.known].mean()),
        "large_known_answered_place": float(place[seen.known & seen.large].mean()),
        "place_is_right": float(right[place].mean()),
        "calibration_error": calibration_error(calibration.confidences(seen.plain)[place], right[place]),
        **others,
    }


def _separation(
    logits: npt.NDArray[np.float32], seen: Seen, known: Bools, calibration: Calibration
) -> dict[str, float]:
    """Return the AUROC of known photos against either kind of others, by the answer's confidence."""
    confidence = calibration.confidences(logits)
    first = logits.shape[1] - len(OTHER)
    return {
        f"against_{kind}": auroc(confidence[known], confidence[seen.truth == first + i]) for i, kind in enumerate(OTHER)
    }


def run(served: engine.Engine, bundle: Bundle, collection: Collection, photos: Sequence[Photo]) -> Seen:
    """Show ``photos`` to the engine, as they are and, where that differs, shrunk."""

    def logits(photo: Photo, view: View) -> npt.NDArray[np.float32]:
        image = view(decode(photo.path.read_bytes()))
        return np.asarray(served.infer(to_input(image, bundle.preset))["logits"][0])

    as_is = [logits(photo, plain) for photo in tqdm(photos, "photos", leave=False)]
    small = [
        logits(photo, shrunk) if photo.large else seen
        for photo, seen in zip(tqdm(photos, "shrunk", leave=False), as_is, strict=True)
    ]
    large = np.array([photo.large for photo in photos])
    return Seen(np.stack(as_is), np.stack(small), collection.truth(photos), large)


def evaluate(folder: Path, photos: Path, every: int = 1) -> dict[str, Any]:
    """Return ``figures`` of the bundle in ``folder`` as it is served here, over the collection in ``photos``.

    ``every``: look at every n-th photo only. Raises BundleError or ValueError.
    """
    bundle, collection = Bundle.load(folder), Collection.read(photos)
    served = engine.load(bundle)
    if collection.labels != bundle.labels:
        raise ValueError(f"{photos} has other places than the bundle in {folder}.")
    halves = (collection.choose[::every], collection.report[::every])
    choose, report = (run(served, bundle, collection, half) for half in halves)
    found = figures(choose, report, Calibration(**bundle.calibration))
    return {"bundle": bundle.version, "engine": served.description, **found}


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
    """Evaluate and print."""
    parser = argparse.ArgumentParser(description="Evaluate a bundle of places.")
    parser.add_argument("bundle", type=Path, nargs="?", default=STARTER)
    parser.add_argument("--photos", type=Path, default=Path("../shared/data/landmarks"), help="train/, val/, ...")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--every", type=int, default=1, help="look at every n-th photo only (default: all)")
    options = parser.parse_args()
    try:
        found = evaluate(options.bundle, options.photos, options.every)
    except (BundleError, PictureError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    print(json.dumps(found, indent=1) if options.json else "\n".join(lines(found)))


if __name__ == "__main__":
    main()
