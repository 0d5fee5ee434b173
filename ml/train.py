"""Transfer learning: a frozen backbone's features, a head that learns which place they show, then finer tuning.

    python -m ml.train PHOTOS --out BUNDLE

The recipe is that of Paruchuri (2022) and Wicker (2020): the backbone frozen, dense 1,024, dropout, softmax, early
stopping with patience 7, the best epoch kept; then the last layers at a low rate, kept only if validation improves.
Frozen features are computed once and cached, so a head trains in seconds. Networks without weights are trained whole.
"""

import argparse
import copy
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ml import calibrate, evaluate, frozen, networks, progress
from ml.augment import PLAIN, SHRUNK, View, drawn, nudged, training_views
from ml.bundle import Bundle
from ml.classifier import OUTPUTS, POOLINGS, Classifier, Head, Pooling, Whitening
from ml.datasets import Collection, Photo
from ml.examples import Cached, Pictures
from ml.export import make_bundle
from ml.features import Features
from ml.fit import Recipe, Run, TrainingError, fit
from ml.networks import Backbone, Network
from ml.networks.base import statistics
from ml.picture import PictureError

HELD_OUT_VIEWS = (PLAIN, SHRUNK)

HEAD = Recipe(average=0.98)
TAIL = replace(HEAD, epochs=10, batch=64, rate=3e-4)
RECIPES = {  # of networks that are trained from nothing
    "cnn64": Recipe(epochs=50, patience=50, batch=64, smoothing=0, mixup=0),  # Jang 2020
    "lenet5": Recipe(epochs=8, patience=8, batch=128, rate=5e-3, smoothing=0, mixup=0, average=0.999),
}

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Options:
    """What is trained, on what, and where things are kept."""

    photos: Path
    out: Path
    network: str = "vgg16"
    labels: tuple[str, ...] = ()  # those to read; none: all
    weights: Path | None = None
    cache: Path = Path("var/features")
    run: Path | None = None  # default: beside ``out``
    pooling: str = "root"
    views: int = 2  # drawn ones of each photo
    balance: str = "weights"  # rare labels count more; "equal": as many photos of each
    fine_tune: bool = True
    eight_bits: bool = True  # beside the model, where they are found to answer alike; for places only
    head: Recipe = HEAD
    tail: Recipe = TAIL


class Pooled(nn.Module):
    """A head over what was pooled of cached statistics."""

    def __init__(self, pooling: Pooling, head: Head) -> None:
        super().__init__()
        self.pooling, self.head = pooling, head

    def forward(self, frozen: Tensor, last: Tensor) -> Tensor:
        """Return logits (N, classes) for the statistics (N, 2C) of the frozen maps and the last one."""
        out: Tensor = self.head(self.pooling(frozen, last))
        return out


class Tail(nn.Module):
    """The last layers of a backbone and the head, over the cached maps that they take."""

    def __init__(self, layers: nn.Module, pooling: Pooling, head: Head) -> None:
        super().__init__()
        self.layers, self.pooling, self.head = layers.requires_grad_(True), pooling, head

    def forward(self, out: Tensor, frozen: Tensor) -> Tensor:
        """Return logits (N, classes) for maps (N, C, H, W) and the statistics (N, 2C) of the frozen maps."""
        last = self.layers(out.float().contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.head(self.pooling(frozen, statistics(last.float())))
        return logits


class Whole(nn.Module):
    """A whole network's logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, classes) for pictures (N, C, H, W)."""
        logits: Tensor = self.network(x)["logits"]
        return logits


def loaded(network: Network, weights: Path | None) -> Backbone:
    """Return the backbone with its weights."""
    backbone = network.load(weights)
    assert isinstance(backbone, Backbone)
    return backbone


class Transfer:
    """A backbone whose frozen features of a collection are at hand."""

    def __init__(self, network: Network, collection: Collection, options: Options) -> None:
        self.network, self.collection, self.pooling = network, collection, POOLINGS[options.pooling]
        self.backbone = loaded(network, options.weights)
        self.tuned = False
        self.cache = frozen.cache(options.cache, network, self.backbone, maps=options.fine_tune)
        self.train = self.look(collection.train, training_views(options.views))
        self.choose = self.look(collection.choose, HELD_OUT_VIEWS)
        self.report = self.look(collection.report, HELD_OUT_VIEWS)

    def look(self, photos: Sequence[Photo], views: Sequence[View]) -> list[Features]:
        """Return the features of every view of ``photos``."""
        return [self.cache.features(photos, view) for view in views]

    def examples(self, views: Sequence[Features], photos: Sequence[Photo], names: Sequence[str]) -> Cached:
        """Return features and truth to train on or to validate by."""
        return Cached(views, torch.from_numpy(self.collection.truth(photos)), names)

    def fit(
        self,
        model: nn.Module,
        names: Sequence[str],
        recipe: Recipe,
        run: Run,
        phase: str,
        tuned: nn.Module | None = None,
    ) -> float:
        """Train ``model`` on the features ``names`` and return its best loss on the photos to choose by."""
        parts = ((self.train, self.collection.train), (self.choose, self.collection.choose))
        train, val = (self.examples(views, photos, names) for views, photos in parts)
        return fit(model, train, val, recipe, run, phase, len(self.collection.labels), tuned).best_loss

    @torch.inference_mode()
    def pooled(self, features: Features) -> Tensor:
        """Return the head's whole input (N, D), by the last layers as they are now."""
        if not self.tuned:
            return self.pooling(*(torch.from_numpy(features.rows(name)) for name in ("frozen", "last")))
        parts = []
        for rows in torch.split(torch.arange(len(features)), TAIL.batch):
            out, seen = (torch.from_numpy(features.rows(name, rows.tolist())) for name in ("out", "frozen"))
            parts.append(self.pooling(seen, statistics(self.backbone.tail(out.float()))))
        return torch.cat(parts)

    def head(self, recipe: Recipe, run: Run) -> tuple[Head, float]:
        """Train a head on frozen features."""
        torch.manual_seed(recipe.seed)
        seen = self.pooled(self.train[0])
        head = Head(seen.shape[1], len(self.collection.labels), dropout=recipe.dropout)
        if self.pooling is not POOLINGS["mean"]:
            # Means as they are, the papers' way, are better unstandardised: by eight points where photos are few.
            head.standardise(seen)
        loss = self.fit(Pooled(self.pooling, head), ("frozen", "last"), recipe, run, "head")
        return head, loss

    def tail(self, head: Head, loss: float, recipe: Recipe, run: Run) -> Head:
        """Fine-tune the backbone's last layers with the head; keep both only if that beats ``loss``."""
        before = copy.deepcopy(self.backbone.state_dict())
        model = Tail(self.backbone.tail_layers(), self.pooling, copy.deepcopy(head))
        tuned = self.fit(model, ("out", "frozen"), recipe, run, "tail", model.layers)
        self.backbone.requires_grad_(False)
        self.tuned = tuned < loss
        if self.tuned:
            return model.head
        print(f"Fine-tuning did not help ({tuned:.4f} after, {loss:.4f} before): the frozen layers are kept.")
        self.backbone.load_state_dict(before)
        return head

    def classifier(self, head: Head) -> Classifier:
        """Return the network that is served; its embedding is fitted to the photos as they are."""
        pooled = self.pooled(self.train[0])
        whitening = Whitening(pooled.shape[1])
        whitening.fit(pooled)
        return Classifier(self.backbone, self.pooling, head, whitening)

    @torch.inference_mode()
    def answers(self, head: Head, views: Sequence[Features], photos: Sequence[Photo]) -> evaluate.Seen:
        """Return the logits for held-out photos, as they are and shrunk."""
        as_is, shrunk = (whole(head(self.pooled(view)).numpy(), self.collection) for view in views)
        return seen(as_is, shrunk, photos, self.collection)


def transfer(network: Network, collection: Collection, options: Options, run: Run) -> Bundle:
    """Train a head on a frozen backbone, fine-tune, calibrate, measure, and write the bundle."""
    work = Transfer(network, collection, options)
    head, loss = work.head(options.head, run)
    if options.fine_tune:
        head = work.tail(head, loss, options.tail, run)
    silence(head.out, collection.untaught)
    choose = work.answers(head, work.choose, collection.choose)
    report = work.answers(head, work.report, collection.report)
    return finish(work.classifier(head), OUTPUTS, network, collection, options, choose, report)


def from_nothing(network: Network, collection: Collection, options: Options, run: Run) -> Bundle:
    """Train a whole network on pictures, calibrate, measure, and write the bundle."""
    torch.manual_seed(options.head.seed)
    model = Whole(network.build(len(collection.labels)))
    view = View("drawn", drawn) if network.mirrored else View("nudged", nudged)
    train, choose, report = (
        Pictures(photos, torch.from_numpy(collection.truth(photos)), network.preset, view)
        for photos in (collection.train, collection.choose, collection.report)
    )
    fit(model, train, choose, options.head, run, "whole", len(collection.labels))
    if collection.untaught:
        silence(model.network.get_submodule("out"), collection.untaught)
    answers = []
    for part in (choose, report):
        with torch.inference_mode():
            logits = whole(np.concatenate([model(*x).numpy() for x, _ in part.all(256)]), collection)
        answers.append(seen(logits, logits, part.photos, collection))
    outputs = ("logits", "features", "pooled")
    return finish(model.network, outputs, network, collection, options, *answers)


@torch.no_grad()
def silence(out: nn.Module, columns: Sequence[int]) -> None:
    """Make the answers ``columns`` of a last layer impossible: no photo has taught them."""
    assert isinstance(out, nn.Linear)
    out.weight[columns], out.bias[columns] = 0.0, calibrate.NEVER


def whole(logits: Logits, collection: Collection) -> Logits:
    """Return logits (N, C) with the two other answers, which are impossible where no photo showed them."""
    return logits if collection.others else calibrate.with_others(logits)


def seen(as_is: Logits, shrunk: Logits, photos: Sequence[Photo], collection: Collection) -> evaluate.Seen:
    """Return what a model answered for ``photos``."""
    large = np.array([photo.large for photo in photos])
    return evaluate.Seen(as_is, shrunk, collection.truth(photos), large)


def finish(
    model: nn.Module, outputs: Sequence[str], network: Network, collection: Collection, options: Options,
    choose: evaluate.Seen, report: evaluate.Seen,
) -> Bundle:  # fmt: skip
    """Calibrate on the photos to choose by, measure on those to report on, and write the bundle."""
    progress.tell(phase="export")
    calibration = calibrate.fit(choose.plain, choose.truth)
    if not collection.others:
        calibration = replace(calibration, threshold=0.0)  # there is no other answer
    return make_bundle(
        options.out,
        model,
        outputs,
        name="places" if collection.others else "classes",
        network=network,
        labels=collection.labels,
        calibration=calibration.to_dict(),
        metrics=evaluate.figures(choose, report, calibration),
    )


def train(options: Options) -> Bundle:
    """Train as ``options`` say; raises NetworkError, TrainingError or ValueError with a sentence."""
    network = networks.find(options.network)
    collection = Collection.read(options.photos, options.head.seed, options.labels).readable()
    if options.balance == "equal":
        collection = collection.equal(options.head.seed)
    run = Run(options.run or options.out.with_name(f"{options.out.name}.run"), asked(options, collection))
    build = transfer if issubclass(network.build, Backbone) else from_nothing
    bundle = build(network, collection, options, run)
    if not (collection.others and options.eight_bits):
        return bundle
    progress.tell(phase="eight_bits")
    from ml.quantize import quantized  # takes seconds to import

    return quantized(bundle, collection, options.out)


def asked(options: Options, collection: Collection) -> dict[str, Any]:
    """Return what a run must agree in with the one that it goes on from."""
    photos = hashlib.sha256("".join(photo.sha256 + photo.label for photo in collection.train).encode()).hexdigest()
    kept = {
        key: value
        for key, value in asdict(options).items()
        if key not in ("out", "cache", "run", "weights", "eight_bits")
    }
    return {**kept, "photos": photos}


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    parse = argparse.ArgumentParser(description="Train a network to tell labelled photos apart, and write a bundle.")
    parse.add_argument(
        "photos", type=Path, help="folder of folders, list of files, NPY or idx files, or train/, val/, ..."
    )
    parse.add_argument("--out", type=Path, required=True, help="folder of the bundle")
    parse.add_argument("--network", default="vgg16", help=f"one of {', '.join(networks.NETWORKS)} (default: vgg16)")
    parse.add_argument("--labels", default="", help="with commas: read these labels only (default: all)")
    parse.add_argument("--weights", type=Path, help="file of the network's trained numbers, where they do not ship")
    parse.add_argument("--cache", type=Path, default=Options.cache, help="where features are kept")
    parse.add_argument("--run", type=Path, help="folder of curves and of the state to go on from (default: OUT.run)")
    parse.add_argument("--pooling", choices=POOLINGS, default=Options.pooling, help="what the head sees")
    parse.add_argument("--views", type=int, default=Options.views, help="drawn views of each photo (default: 2)")
    parse.add_argument("--balance", choices=("weights", "equal"), default=Options.balance, help="of the labels")
    parse.add_argument("--epochs", type=int, help="at most")
    parse.add_argument("--rate", type=float, help="learning rate of the head, or of a network without weights")
    parse.add_argument("--tuned-rate", type=float, default=TAIL.tuned_rate, help="of fine-tuned layers (default: 1e-5)")
    parse.add_argument("--tuned-epochs", type=int, default=TAIL.epochs, help="of fine-tuning, at most (default: 10)")
    parse.add_argument("--seed", type=int, default=0)
    parse.add_argument("--no-fine-tuning", action="store_true", help="leave the backbone as it is")
    parse.add_argument("--no-eight-bits", action="store_true", help="make no 8-bit model for places (a minute or two)")
    parse.add_argument("--progress", type=Path, help="tell this file how far it is, and stop with who started it")
    return parse


def options_of(given: argparse.Namespace) -> Options:
    """Return the options that the command line says."""
    changed = {key: getattr(given, key) for key in ("epochs", "rate") if getattr(given, key) is not None}
    return Options(
        photos=given.photos,
        out=given.out,
        network=given.network,
        labels=tuple(label.strip() for label in given.labels.split(",") if label.strip()),
        weights=given.weights,
        cache=given.cache,
        run=given.run,
        pooling=given.pooling,
        views=given.views,
        balance=given.balance,
        fine_tune=not given.no_fine_tuning,
        eight_bits=not given.no_eight_bits,
        head=replace(RECIPES.get(given.network, HEAD), seed=given.seed, **changed),
        tail=replace(TAIL, seed=given.seed, tuned_rate=given.tuned_rate, epochs=given.tuned_epochs),
    )


def main() -> None:
    """Train and print the figures."""
    parse = parser()
    given = parse.parse_args()
    options = options_of(given)
    progress.watch(given.progress)
    try:
        bundle = train(options)
    except (networks.NetworkError, TrainingError, PictureError, ValueError, OSError) as error:
        parse.exit(1, f"{error}\n")
    print("\n".join(evaluate.lines(bundle.metrics)))
    print(f"{bundle.name} {bundle.version} is in {options.out}")


if __name__ == "__main__":
    main()
