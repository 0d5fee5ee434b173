"""Transfer learning: a frozen backbone's features, and a head that learns which place they show.

    python -m ml.train PHOTOS --out BUNDLE

The recipe is Paruchuri's (2022): dense 1,024, dropout, softmax, early stopping with patience 7, the best
epoch kept. Features are computed once and cached, so the head trains in seconds.
"""

import argparse
import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from ml import calibrate, evaluate, networks
from ml.bundle import Bundle
from ml.classifier import OUTPUTS, Classifier, Head, Whitening
from ml.datasets import VIEWS, Collection, FeatureCache, Infer, Photo, View, plain, shrunk
from ml.engine.openvino import OpenVino, precisions
from ml.export import make_bundle, to_onnx
from ml.picture import PictureError

HELD_OUT_VIEWS = (plain, shrunk)


@dataclass(frozen=True)
class Recipe:
    """How the head is trained."""

    epochs: int = 100  # at most
    patience: int = 7  # epochs without a better one before stopping
    batch: int = 256
    rate: float = 1e-3
    decay: float = 1e-2
    dropout: float = 0.5
    smoothing: float = 0.1  # of labels: a few per cent of them are wrong
    mixup: float = 0.2  # both parameters of the Beta distribution; 0 is off
    seed: int = 0


def fit(train: Tensor, truth: Tensor, val: Tensor, val_truth: Tensor, classes: int, recipe: Recipe) -> Head:
    """Train a head on ``train`` (views, N, D) and keep the epoch that does best on ``val`` (views, M, D)."""
    torch.manual_seed(recipe.seed)
    head = Head(train.shape[2], classes, dropout=recipe.dropout)
    head.standardise(train.flatten(0, 1))
    optimizer = torch.optim.AdamW(head.parameters(), recipe.rate, weight_decay=recipe.decay)
    weights = class_weights(truth, classes)
    best, best_loss, waited = copy.deepcopy(head), float("inf"), 0
    for _ in (progress := tqdm(range(recipe.epochs), "epoch")):
        train_one_epoch(head, optimizer, train, truth, weights, recipe)
        loss, accuracy = validate(head, val, val_truth)
        progress.set_postfix(loss=f"{loss:.4f}", accuracy=f"{accuracy:.4f}")
        if loss < best_loss:
            best, best_loss, waited = copy.deepcopy(head), loss, 0
        elif (waited := waited + 1) == recipe.patience:
            break
    return best.eval()


def train_one_epoch(
    head: Head, optimizer: torch.optim.Optimizer, train: Tensor, truth: Tensor, weights: Tensor, recipe: Recipe
) -> None:
    """Show every photo once, each in a view drawn anew, two of them mixed together."""
    head.train()
    for rows in torch.split(torch.randperm(train.shape[1]), recipe.batch):
        x = train[torch.randint(len(train), rows.shape), rows]
        y = functional.one_hot(truth[rows], len(weights)) * weights[truth[rows], None]
        if recipe.mixup:
            share = torch.distributions.Beta(recipe.mixup, recipe.mixup).sample((len(rows), 1))
            other = torch.randperm(len(rows))
            x, y = share * x + (1 - share) * x[other], share * y + (1 - share) * y[other]
        y = (1 - recipe.smoothing) * y + recipe.smoothing * y.sum(1, keepdim=True) / len(weights)
        loss = -(y * functional.log_softmax(head(x), 1)).sum() / y.sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()


@torch.inference_mode()
def validate(head: Head, val: Tensor, truth: Tensor) -> tuple[float, float]:
    """Return loss and accuracy, over all views of ``val`` (views, M, D)."""
    logits = head.eval()(val.flatten(0, 1))
    right = truth.repeat(len(val))
    return float(functional.cross_entropy(logits, right)), float((logits.argmax(1) == right).float().mean())


def class_weights(truth: Tensor, classes: int) -> Tensor:
    """Return (classes,): rare classes count more, by the square root of their rarity."""
    counts = torch.bincount(truth, minlength=classes).clamp(min=1)
    return (counts.float().mean() / counts).sqrt()


class Pooled(nn.Module):
    """A backbone up to its pooled features: what is frozen, hence computed once."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return pooled features (N, D) of pictures (N, 3, H, W)."""
        return {"pooled": networks.pool(self.backbone(x))}


def pooled_by(network: networks.Network) -> Infer:
    """Return a function from one picture (1, 3, H, W) to its pooled features (1, D), computed by OpenVINO.

    Twice as fast as torch on a CPU with bf16.
    """
    with TemporaryDirectory() as folder:
        model = Path(folder) / "pooled.onnx"
        to_onnx(Pooled(network.load()), ["pooled"], network.preset, model)
        engine = OpenVino(model, precisions(network.precisions)[0])
    return lambda x: engine.infer(x)["pooled"]


def signature(network: networks.Network) -> str:
    """Return what cached features depend on, beside the photo."""
    return json.dumps([network.sha256, network.preset.to_dict(), networks.POOLING], sort_keys=True)


def train(photos: Path, out: Path, cache: Path, recipe: Recipe) -> Bundle:
    """Train on the collection in ``photos``, calibrate, measure, and write the bundle to ``out``."""
    network, collection = networks.find("vgg16"), Collection.read(photos)
    features = FeatureCache(cache, signature(network), network.preset, pooled_by(network))

    def look(part: Sequence[Photo], views: Sequence[View]) -> tuple[Tensor, Tensor]:
        seen = np.stack([features.features(part, view) for view in views])
        return torch.from_numpy(seen), torch.from_numpy(collection.truth(part))

    seen, truth = look(collection.train, VIEWS)
    val, val_truth = look(collection.choose, HELD_OUT_VIEWS)
    head = fit(seen, truth, val, val_truth, len(collection.labels), recipe)
    whitening = Whitening(seen.shape[2])
    whitening.fit(seen[0])
    choose = answered(head, val, val_truth, collection.choose)
    report = answered(head, *look(collection.report, HELD_OUT_VIEWS), collection.report)
    calibration = calibrate.fit(choose.plain, choose.truth)
    return make_bundle(
        out,
        Classifier(network.load(), head, whitening, early=(128, 256)),
        OUTPUTS,
        name="places",
        network=network,
        labels=collection.labels,
        calibration=calibration.to_dict(),
        metrics=evaluate.figures(choose, report, calibration),
    )


@torch.inference_mode()
def answered(head: Head, seen: Tensor, truth: Tensor, photos: Sequence[Photo]) -> evaluate.Seen:
    """Return the head's logits for the features (``HELD_OUT_VIEWS``, N, D) of ``photos``."""
    large = np.array([photo.large for photo in photos])
    return evaluate.Seen(head(seen[0]).numpy(), head(seen[1]).numpy(), truth.numpy(), large)


def main() -> None:
    """Train and print the figures."""
    parser = argparse.ArgumentParser(description="Train a bundle of places on a frozen backbone.")
    parser.add_argument("photos", type=Path, help="folder with train/, val/, unknown/, notplace/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--cache", type=Path, default=Path("var/features"), help="where features are kept")
    parser.add_argument("--epochs", type=int, default=Recipe.epochs, help="at most")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    options = parser.parse_args()
    recipe = Recipe(epochs=options.epochs, seed=options.seed)
    try:
        bundle = train(options.photos, options.out, options.cache, recipe)
    except (networks.NetworkError, PictureError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    print("\n".join(evaluate.lines(bundle.metrics)))
    print(f"{bundle.name} {bundle.version} is in {options.out}")


if __name__ == "__main__":
    main()
