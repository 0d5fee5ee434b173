"""The bundle that names objects beside the network that was published: writes docs/benchmarks/objects.md.

    python -m bench objects

The published network is computed by torch, in single precision, from its own weights; ours is the bundle as served.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from bench import summary
from bench.spent import ROOT
from ml import engine, networks
from ml.bundle import Bundle
from ml.datasets import Photo, folder_of_folders
from ml.preset import to_input

DATA = ROOT.parent / "shared" / "data"
WEIGHTS = DATA / "weights" / "efficientnet-lite0-imagenet.safetensors"
BUNDLE = ROOT / "ml" / "starter" / "objects"
# Folders of photos whose subject is one of ImageNet's classes, though ImageNet means any such thing.
CLASSES = {
    "val/arc-de-triomphe": "triumphal arch",
    "val/blue-mosque": "mosque",
    "val/bosphorus-bridge": "suspension bridge",
    "val/dolmabahce-palace": "palace",
    "val/fatih-sultan-mehmet-bridge": "suspension bridge",
    "val/golden-gate-bridge": "suspension bridge",
    "val/stonehenge": "megalith",
    "val/suleymaniye-mosque": "mosque",
    "val/sydney-harbour-bridge": "steel arch bridge",
    "val/trevi-fountain": "fountain",
    "newplaces/fontaine-de-la-rotonde-aix": "fountain",
    "unknown/sheikh-zayed-mosque": "mosque",
    "unknown/triumphal-arch-of-orange": "triumphal arch",
}
ANIMALS = 398  # classes of ImageNet, the first ones

Logits = npt.NDArray[np.float32]
Infer = Callable[[npt.NDArray[np.float32]], Logits]


@dataclass(frozen=True)
class Seen:
    """What both networks said of some photos: logits (N, 1000)."""

    ours: Logits
    published: Logits


def folders(quick: bool) -> dict[str, list[Photo]]:
    """Return photos by class, by "animals" and by "mixed"."""
    root, most = DATA / "landmarks", 2 if quick else None
    found: dict[str, list[Photo]] = {}
    for folder, name in CLASSES.items():
        photos = [Photo(path, name) for path in sorted((root / folder).rglob("*.jpg"))]
        found.setdefault(name, []).extend(photos[:most])
    others = folder_of_folders(root / "notplace")
    found["animals"] = [photo for photo in others if photo.label == "animals"][:most]
    found["mixed"] = [photo for photo in others if photo.label == "imagenet-mixed"][:most]
    return found


def look(photos: Sequence[Photo], bundle: Bundle, ours: Infer, published: Infer) -> Seen:
    """Show photos to both."""
    said = []
    for photo in tqdm(photos, "objects"):
        x = to_input(photo.open(), bundle.preset)
        said.append((ours(x), published(x)))
    return Seen(*(np.concatenate(each) for each in zip(*said, strict=True)))


def served(bundle: Bundle) -> Infer:
    """Return the bundle as it is served here."""
    computed = engine.load(bundle, threads=1)
    return lambda x: computed.infer(x)["logits"]


def published() -> Infer:
    """Return the network in single precision."""
    network = networks.find("efficientnet-lite0").load(WEIGHTS)

    @torch.inference_mode()
    def infer(x: npt.NDArray[np.float32]) -> Logits:
        logits: Logits = network(torch.from_numpy(x))["logits"].numpy()
        return logits

    return infer


def five(logits: Logits) -> npt.NDArray[np.intp]:
    """Return the five best classes (N, 5), best first."""
    return np.argsort(-logits, axis=1, kind="stable")[:, :5]


def hits(logits: Logits, classes: Sequence[int], k: int) -> npt.NDArray[np.bool_]:
    """Return of which photos (N,) one of ``classes`` is among the ``k`` best."""
    return np.asarray(np.isin(five(logits)[:, :k], classes).any(axis=1))


def measure(out: Path, quick: bool = False) -> list[str]:
    """Look at the photos, write the page, and return the rows for the short table."""
    if not WEIGHTS.is_file():
        return [summary.row("objects beside the published network", f"not measured: {WEIGHTS} is not there")]
    torch.set_num_threads(1)  # threads that wait for each other take long on a machine that has other work
    bundle = Bundle.load(BUNDLE)
    both = served(bundle), published()
    seen = {name: look(photos, bundle, *both) for name, photos in folders(quick).items()}
    names = [label["name"] for label in bundle.labels]
    truth = {
        name: list(range(ANIMALS)) if name == "animals" else [names.index(name)] for name in seen if name != "mixed"
    }
    goals = rows(seen, truth)
    page = [*HOW, "", *agreement(list(seen.values())), "", *NAMED, "", *table(seen, truth)]
    page += ["", *summary.table(summary.COLUMNS, goals)]
    summary.page(out / "objects.md", "Objects beside the published network", page, quick)
    return goals


HOW = [
    "EfficientNet-Lite0: the bundle as it is served here, and the published network computed by torch in single",
    "precision from its own weights, on the same pixels.",
]
NAMED = [
    "No photo at hand carries an ImageNet name of its own. Photos of some landmarks show one of its classes, though,",
    "and for the folder of animals any of its 398 animals is right. How often a right class is first, or among five:",
]


def agreement(seen: Sequence[Seen]) -> list[str]:
    """Return the table of how far both say the same."""
    ours, theirs = together(seen)
    best, other = five(ours), five(theirs)
    probabilities = (torch.from_numpy(logits).softmax(1).numpy() for logits in (ours, theirs))
    difference = np.abs(np.subtract(*probabilities)).max()
    return summary.table(
        (f"of {len(ours)} photos", "figure"),
        [
            summary.line("the same first answer", f"{(best[:, 0] == other[:, 0]).mean():.2%}"),
            summary.line("the same five, in any order", f"{(np.sort(best) == np.sort(other)).all(axis=1).mean():.2%}"),
            summary.line(
                "the published first answer is among our five", f"{(best == other[:, :1]).any(axis=1).mean():.2%}"
            ),
            summary.line("largest difference of a probability", f"{difference:.4f}"),
        ],
    )


def together(seen: Sequence[Seen]) -> tuple[Logits, Logits]:
    """Return the logits (N, 1000) of ours and of the published network for all photos."""
    return np.concatenate([each.ours for each in seen]), np.concatenate([each.published for each in seen])


def table(seen: dict[str, Seen], truth: dict[str, list[int]]) -> list[str]:
    """Return the table of how often either is right."""
    lines = []
    for name, classes in truth.items():
        each = seen[name]
        shares = [f"{hits(x, classes, k).mean():.3f}" for k in (1, 5) for x in (each.ours, each.published)]
        lines.append(summary.line(name, str(len(each.ours)), *shares))
    columns = ("class", "photos", "first: ours", "first: published", "five: ours", "five: published")
    return summary.table(columns, lines)


def rows(seen: dict[str, Seen], truth: dict[str, list[int]]) -> list[str]:
    """Return the rows for the short table."""
    ours, theirs = together(list(seen.values()))
    same = float((five(ours)[:, 0] == five(theirs)[:, 0]).mean())
    right = [
        np.concatenate([hits(getattr(seen[name], kind), classes, 5) for name, classes in truth.items()])
        for kind in ("ours", "published")
    ]
    mine, published_ = (int(each.sum()) for each in right)
    return [
        summary.row(
            f"objects: top five right, of {len(right[0])} photos, ours and the published network",
            f"{mine} and {published_}", "as often", mine >= published_,
        ),
        summary.row(f"objects: the same first answer as the published network, of {len(ours)} photos", f"{same:.2%}"),
    ]  # fmt: skip
