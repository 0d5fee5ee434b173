"""The training loop: epochs, early stopping, the best epoch kept, and going on after an interruption."""

import copy
import json
import os
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.tensorboard import SummaryWriter

from ml.calibrate import best_temperature
from ml.examples import ahead
from ml.progress import Bar, tell

RISE = 0.25  # of all steps, until the rate is highest
START = 0.04  # of the highest rate, at the first step


class TrainingError(Exception):
    """Training cannot go on; the message says why and what to do."""


@dataclass(frozen=True)
class Recipe:
    """How a network, or a part of it, is trained."""

    epochs: int = 30  # at most
    patience: int = 7  # epochs without a better one before stopping
    batch: int = 256
    rate: float = 2e-3  # the highest; it rises over the first quarter of the steps and falls after (Smith 2018)
    tuned_rate: float = 1e-5  # the same for layers that come trained
    decay: float = 1e-2
    dropout: float = 0.5
    smoothing: float = 0.1  # of labels: a few per cent of them are wrong
    mixup: float = 0.2  # both parameters of the Beta distribution; 0 is off
    average: float = 0.0  # of the weights, over steps: the share that the average keeps at each; 0 is off
    seed: int = 0


class Examples(Protocol):
    """What is trained on: N photos in whatever form the model takes, and their labels."""

    truth: Tensor  # (N,)

    def inputs(self, rows: Tensor, draw: np.random.Generator) -> tuple[Tensor, ...]:
        """Return the model's inputs for ``rows``, in views drawn by ``draw``; called by one thread."""
        ...

    def all(self, batch: int) -> Iterable[tuple[tuple[Tensor, ...], Tensor]]:
        """Yield inputs and truth of every photo, in order, not drawn."""
        ...


@dataclass(frozen=True)
class Device:
    """Where and in which precision is computed."""

    name: str
    bf16: bool

    @classmethod
    def best(cls) -> "Device":
        """Return the GPU, else the CPU, with bf16 where the hardware has it."""
        if torch.cuda.is_available():
            return cls("cuda", torch.cuda.is_bf16_supported())
        able = torch.cpu.get_capabilities()
        return cls("cpu", bool(able.get("avx512_bf16") or able.get("amx_bf16")))

    def precision(self) -> torch.autocast:
        """Return the context in which a model computes."""
        return torch.autocast(self.name, torch.bfloat16, enabled=self.bf16)


class Run:
    """A training's folder: what was asked, a line for each epoch, TensorBoard's events, and the state to go on from.

    A run that was interrupted goes on after its last whole epoch when it is started with the same ``asked``.
    """

    def __init__(self, folder: Path, asked: dict[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "config.json"
        text = json.dumps(asked, indent=1, sort_keys=True)
        if not config.is_file() or config.read_text() != text:
            for old in (*folder.glob("*.pt"), *folder.glob("events.*"), folder / "log.jsonl"):
                old.unlink(missing_ok=True)
            config.write_text(text)
        self.board = SummaryWriter(str(folder))

    def resume(self, phase: str) -> dict[str, Any] | None:
        """Return the state that ``save`` kept of this phase."""
        path = self.folder / f"{phase}.pt"
        if not path.is_file():
            return None
        state: dict[str, Any] = torch.load(path, weights_only=True)
        return state

    def save(self, phase: str, state: dict[str, Any]) -> None:
        """Keep ``state``, whole or not at all; raises TrainingError when the disk is full."""
        descriptor, temporary = tempfile.mkstemp(dir=self.folder, suffix=".part")
        try:
            with open(descriptor, "wb") as file:
                torch.save(state, file)
            os.replace(temporary, self.folder / f"{phase}.pt")
        except (OSError, RuntimeError) as error:  # torch says RuntimeError of a full disk
            Path(temporary).unlink(missing_ok=True)
            raise TrainingError(
                f"The state of the training cannot be written to {self.folder}: {error}. Make room and start it again "
                "in the same way: it goes on after the last epoch that was kept."
            ) from error

    def curve(self, phase: str, epoch: int, figures: dict[str, float]) -> None:
        """Add a point to each of the curves."""
        for name, value in figures.items():
            self.board.add_scalar(f"{phase}/{name}", value, epoch)
        self.board.flush()
        with open(self.folder / "log.jsonl", "a") as file:
            file.write(json.dumps({"phase": phase, "epoch": epoch, **figures}) + "\n")

    def graph(self, model: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Show the model's graph in TensorBoard."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing, which TensorBoard's writer does, is deprecated
            self.board.add_graph(model.eval(), inputs)


@dataclass
class Progress:
    """How far a training is."""

    epoch: int = 0
    best_loss: float = float("inf")
    best_accuracy: float = 0.0
    waited: int = 0


def fit(
    model: nn.Module, train: Examples, val: Examples, recipe: Recipe, run: Run, phase: str, classes: int,
    tuned: nn.Module | None = None,
) -> Progress:  # fmt: skip
    """Train ``model`` and leave it in the state of the epoch that did best on ``val``.

    ``tuned``: the part of the model that comes trained and learns at the recipe's ``tuned_rate``.

    Raises TrainingError when the loss is not a number, or the disk is full.
    """
    torch.manual_seed(recipe.seed)
    run.graph(model, next(iter(val.all(1)))[0])
    device = Device.best()
    model.to(device.name)
    optimizer = torch.optim.AdamW(groups(model, tuned, recipe), weight_decay=recipe.decay)
    average = Average(model, recipe.average)
    weights = class_weights(train.truth, classes)
    progress, best = Progress(), copy.deepcopy(average.model.state_dict())
    if state := run.resume(phase):
        progress = Progress(**state["progress"])
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average.model.load_state_dict(state["average"])
        average.steps = state["steps"]
        best = state["best"]
    while progress.epoch < recipe.epochs and progress.waited < recipe.patience:
        progress.epoch += 1
        tell(phase=phase, epoch=progress.epoch, epochs=recipe.epochs)
        loss = train_one_epoch(model, optimizer, average, train, weights, recipe, progress.epoch, device, phase)
        if not loss == loss:
            raise TrainingError(
                f"The loss became not-a-number in epoch {progress.epoch} of {phase}. Try a smaller rate than "
                f"{recipe.rate:g}; the best epoch before is kept in {run.folder}."
            )
        val_loss, accuracy = validate(average.model, val, recipe.batch, device)
        if val_loss < progress.best_loss:
            progress.best_loss, progress.best_accuracy, progress.waited = val_loss, accuracy, 0
            best = copy.deepcopy(average.model.state_dict())
        elif progress.epoch > RISE * recipe.epochs:  # while the rate rises, nothing is to be expected
            progress.waited += 1
        figures = {"loss": loss, "val_loss": val_loss, "val_accuracy": accuracy}
        run.curve(phase, progress.epoch, figures)
        run.save(
            phase,
            {
                "progress": asdict(progress), "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                "average": average.model.state_dict(), "steps": average.steps, "best": best,
            },
        )  # fmt: skip
        tell(phase=phase, figures={name: round(value, 4) for name, value in figures.items()})
    model.load_state_dict(best)
    model.to("cpu").eval()
    return progress


def groups(model: nn.Module, tuned: nn.Module | None, recipe: Recipe) -> list[dict[str, Any]]:
    """Return the parameters with their highest rates: those of ``tuned``, which come trained, and the others."""
    slow = list(tuned.parameters()) if tuned else []
    fast = [p for p in model.parameters() if p.requires_grad and not any(p is other for other in slow)]
    return [
        {"params": params, "highest": rate}
        for params, rate in ((fast, recipe.rate), (slow, recipe.tuned_rate))
        if params
    ]


class Average:
    """The exponential moving average of a model's weights over steps (Polyak and Juditsky 1992); off: the model."""

    def __init__(self, model: nn.Module, keep: float) -> None:
        self.source, self.keep, self.steps = model, keep, 0
        self.model = copy.deepcopy(model) if keep else model

    @torch.no_grad()
    def update(self) -> None:
        """Take the model's weights in."""
        if not self.keep:
            return
        self.steps += 1
        keep = min(self.keep, self.steps / (self.steps + 10))  # short at first, so that the start is forgotten
        for mean, now in zip(self.model.parameters(), self.source.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)
        for kept, seen in zip(self.model.buffers(), self.source.buffers(), strict=True):
            kept.copy_(seen)


def train_one_epoch(
    model: nn.Module, optimizer: torch.optim.Optimizer, average: Average, train: Examples, weights: Tensor,
    recipe: Recipe, epoch: int, device: Device, phase: str = "training",
) -> float:  # fmt: skip
    """Show every photo once, each in a view drawn anew, two of them mixed together; return the mean loss."""
    model.train()
    # Drawn from the epoch's number, so that a run that goes on draws what it would have drawn.
    draw = np.random.default_rng([recipe.seed, epoch])
    steps = -(-len(train.truth) // recipe.batch)
    torch.manual_seed(int(draw.integers(2**31)))  # of dropout
    losses = []
    batches = torch.split(torch.from_numpy(draw.permutation(len(train.truth))), recipe.batch)
    views = np.random.default_rng([recipe.seed, epoch, 1])  # its own: it is drawn from ahead
    inputs = ahead(lambda rows: train.inputs(rows, views), batches)
    progress = Bar(batches, f"epoch {epoch}", phase=phase, unit="batch", leave=False)
    for step, (rows, given) in enumerate(zip(progress, inputs, strict=True)):
        for group in optimizer.param_groups:
            group["lr"] = group["highest"] * cycle((epoch - 1 + step / steps) / recipe.epochs)
        y = functional.one_hot(train.truth[rows], len(weights)) * weights[train.truth[rows], None]
        x, y = mixed(tuple(part.to(device.name) for part in given), y.to(device.name), recipe.mixup, draw)
        y = (1 - recipe.smoothing) * y + recipe.smoothing * y.sum(1, keepdim=True) / len(weights)
        with device.precision():
            logits = model(*x)
        loss = -(y * functional.log_softmax(logits.float(), 1)).sum() / y.sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        average.update()
        losses.append(float(loss.detach()) * len(rows))
        progress.set_postfix(loss=f"{losses[-1] / len(rows):.3f}")
    return sum(losses) / len(train.truth)


def cycle(done: float) -> float:
    """Return the share of the highest rate after the share ``done`` of all steps: half a cosine up, half down."""
    if done < RISE:
        return START + (1 - START) * (1 - cos(pi * done / RISE)) / 2
    return (1 + cos(pi * (done - RISE) / (1 - RISE))) / 2


def mixed(
    x: tuple[Tensor, ...], y: Tensor, alpha: float, draw: np.random.Generator
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return every example mixed with another one, in shares drawn from Beta(alpha, alpha) (Zhang and others 2018)."""
    if not alpha:
        return x, y
    share = torch.from_numpy(draw.beta(alpha, alpha, len(y))).float().to(y.device)
    other = torch.from_numpy(draw.permutation(len(y))).to(y.device)

    def mix(part: Tensor) -> Tensor:
        mine = share.view(-1, *[1] * (part.dim() - 1)).to(part.dtype)
        return mine * part + (1 - mine) * part[other]

    return tuple(mix(part) for part in x), mix(y)


@torch.inference_mode()
def validate(model: nn.Module, val: Examples, batch: int, device: Device) -> tuple[float, float]:
    """Return loss and accuracy over ``val``.

    The loss is that of the best temperature: smoothing and mixing make a network doubt more than it must, which
    calibration mends later, so it should not decide which epoch is kept.
    """
    model.eval()
    answers, truths = [], []
    for x, truth in val.all(batch):
        with device.precision():
            answers.append(model(*(part.to(device.name) for part in x)).float().cpu())
        truths.append(truth)
    logits, right = torch.cat(answers).numpy(), torch.cat(truths).numpy()
    _, loss = best_temperature(logits, right)
    return loss, float((logits.argmax(1) == right).mean())


def class_weights(truth: Tensor, classes: int) -> Tensor:
    """Return (classes,): rare classes count more, by the square root of their rarity."""
    counts = torch.bincount(truth, minlength=classes).clamp(min=1)
    return (counts.float().mean() / counts).sqrt()
