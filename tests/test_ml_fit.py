"""The training loop learns, stops, keeps the best epoch, repeats itself, and goes on after an interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from ml import fit as fitting
from ml.classifier import Head
from ml.fit import RISE, Device, Recipe, Run, TrainingError, class_weights, cycle, fit, mixed, validate

CLASSES = 5
RECIPE = Recipe(epochs=12, batch=64)


class Clusters:
    """Points (N, 40) around one of five centres; every look adds noise of its own. Some labels may be wrong."""

    def __init__(self, seed: int, photos: int = 200, wrong: bool = False) -> None:
        draw = torch.Generator().manual_seed(seed)
        centres = torch.randn(CLASSES, 40, generator=torch.Generator().manual_seed(0))
        self.truth = torch.randint(CLASSES, (photos,), generator=draw)
        self.points = centres[self.truth] + 0.6 * torch.randn(photos, 40, generator=draw)
        if wrong:
            self.truth = self.truth[torch.randperm(photos, generator=draw)]

    def inputs(self, rows: Tensor, draw: np.random.Generator) -> tuple[Tensor, ...]:
        return (self.points[rows] + torch.from_numpy(draw.normal(0, 0.3, (len(rows), 40))).float(),)

    def all(self, batch: int) -> list[tuple[tuple[Tensor, ...], Tensor]]:
        return [((self.points,), self.truth)]


def head() -> Head:
    torch.manual_seed(1)
    return Head(40, CLASSES)


def trained(folder: Path, recipe: Recipe = RECIPE, val: Clusters | None = None) -> tuple[Head, fitting.Progress]:
    model = head()
    run = Run(folder, {"recipe": str(recipe)})
    return model, fit(model, Clusters(1), val or Clusters(2), recipe, run, "head", CLASSES)


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_head_learns_what_can_be_told_apart(tmp_path: Path) -> None:
    model, progress = trained(tmp_path)
    assert validate(model, Clusters(3), 64, Device.best())[1] > 0.95
    assert progress.best_accuracy > 0.95


def test_the_same_seed_gives_the_same_head(tmp_path: Path) -> None:
    heads = [
        trained(tmp_path / str(number), replace(RECIPE, epochs=3, seed=seed))[0].out.weight
        for number, seed in enumerate((4, 4, 5))
    ]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_training_stops_when_nothing_improves_and_keeps_the_best(tmp_path: Path) -> None:
    noise = Clusters(2, wrong=True)
    model, progress = trained(tmp_path, replace(RECIPE, epochs=60, patience=3), noise)
    losses = [line["val_loss"] for line in lines(tmp_path)]
    assert len(losses) == progress.epoch < 60
    best = losses.index(min(losses)) + 1
    assert len(losses) == max(best, 60 * RISE) + 3  # nothing is expected while the rate rises
    assert validate(model, noise, 64, Device.best())[0] == pytest.approx(min(losses), rel=1e-4)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, average: float
) -> None:
    recipe = replace(RECIPE, epochs=6, average=average)
    whole, _ = trained(tmp_path / "whole", recipe)
    train = fitting.train_one_epoch
    epochs: list[int] = []

    def cut(*arguments: object) -> float:
        epochs.append(int(arguments[6]))  # type: ignore[call-overload]
        if len(epochs) == 4:
            raise KeyboardInterrupt
        return train(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "train_one_epoch", cut)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "cut", recipe)
    again, _ = trained(tmp_path / "cut", recipe)
    assert epochs == [1, 2, 3, 4, 4, 5, 6]
    assert torch.equal(whole.out.weight, again.out.weight)
    assert [line["epoch"] for line in lines(tmp_path / "cut")] == [1, 2, 3, 4, 5, 6]


KILLED = """
import sys
from pathlib import Path
from tests.test_ml_fit import RECIPE, replace, trained
trained(Path(sys.argv[1]), replace(RECIPE, epochs=100_000, patience=100_000))
"""


def test_a_killed_process_leaves_whole_epochs(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stderr=subprocess.DEVNULL)
    try:
        while not (tmp_path / "log.jsonl").exists() or len(lines(tmp_path)) < 3:
            assert child.poll() is None
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    state = torch.load(tmp_path / "head.pt", weights_only=True)
    assert state["progress"]["epoch"] >= 3 - 1


def test_another_recipe_starts_anew(tmp_path: Path) -> None:
    trained(tmp_path, replace(RECIPE, epochs=2))
    _, progress = trained(tmp_path, replace(RECIPE, epochs=3))
    assert progress.epoch == 3
    assert [line["epoch"] for line in lines(tmp_path)] == [1, 2, 3]


def test_a_loss_that_is_no_number_says_in_which_epoch_and_what_to_try(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"in epoch \d+ of head. Try a smaller rate than 1e\+30"):
        trained(tmp_path, replace(RECIPE, rate=1e30))


def test_a_full_disk_is_one_sentence_and_the_epoch_before_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(tmp_path, replace(RECIPE, epochs=2))
    kept = (tmp_path / "head.pt").read_bytes()

    def full(*arguments: object) -> None:
        arguments[1].write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    run = Run(tmp_path, {"recipe": str(replace(RECIPE, epochs=2))})
    with pytest.raises(TrainingError, match=r"No space left on device.*Make room and start it again"):
        run.save("head", {})
    assert (tmp_path / "head.pt").read_bytes() == kept
    assert not list(tmp_path.glob("*.part"))


def test_tensorboard_shows_curves_and_graph(tmp_path: Path) -> None:
    model = head()
    run = Run(tmp_path, {})
    fit(model, Clusters(1), Clusters(2), replace(RECIPE, epochs=2), run, "head", CLASSES)
    events = EventAccumulator(str(tmp_path)).Reload()
    assert set(events.Tags()["scalars"]) == {"head/loss", "head/val_loss", "head/val_accuracy"}
    assert [event.step for event in events.Scalars("head/loss")] == [1, 2]
    assert events.Tags()["graph"]


def test_mixing_keeps_shares_of_inputs_and_labels_alike() -> None:
    x, y = torch.eye(8)[:, :, None], torch.eye(8)
    (mix,), labels = mixed((x,), y, 0.5, np.random.default_rng(0))
    torch.testing.assert_close(mix[..., 0], labels)
    torch.testing.assert_close(labels.sum(1), torch.ones(8))
    assert ((labels > 0.01) & (labels < 0.99)).any()
    assert mixed((x,), y, 0, np.random.default_rng(0))[1] is y


def test_rare_classes_count_more_by_the_root_of_their_rarity() -> None:
    weights = class_weights(torch.tensor([0] * 16 + [1] * 4), 2)
    assert weights[1] / weights[0] == pytest.approx(2)


def test_the_rate_rises_and_falls() -> None:
    rates = [cycle(share) for share in np.linspace(0, 1, 41)]
    assert rates[0] == pytest.approx(0.04) and max(rates) == pytest.approx(1) and rates[-1] == pytest.approx(0)
    assert rates.index(max(rates)) == 10
    assert rates[:11] == sorted(rates[:11]) and rates[10:] == sorted(rates[10:], reverse=True)
