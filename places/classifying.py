"""From class names to a trained network and sorted pictures, in one go (Wicker 2020)."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings

from crawler.collect import Progress
from errors import UserError
from places import collecting

PER_CLASS = 600  # pictures


def home(names: Sequence[str], network: str) -> Path:
    """Return the folder of the network for these classes, whatever their order and case."""
    key = "\n".join([network, *sorted(name.strip().casefold() for name in names)])
    readable = re.sub(r"[^a-z0-9]+", "-", min(name.strip().casefold() for name in names)).strip("-")[:30]
    folder: Path = settings.VAR_DIR / "classifiers" / f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    return folder


def is_trained(names: Sequence[str], network: str) -> bool:
    """Whether a network for these classes is there to be used again."""
    return (home(names, network) / "bundle" / "bundle.json").is_file()


def collect(names: Sequence[str], network: str, per_class: int, on_progress: Callable[[Progress], None]) -> Path:
    """Load pictures of every class from the sources and return their folder; raises UserError."""
    folder = home(names, network) / "photos"
    outcome = collecting.collect_classes(names, per_class, folder, on_progress=on_progress)
    if empty := [result.wanted.name for result in outcome.results if result.kept < 2]:
        raise UserError(
            "no_pictures",
            f"No source gave pictures of {', '.join(empty)}. Is the internet reachable? You can also name a folder "
            "that has one folder of pictures for each class (--photos).",
        )
    return folder


def train(names: Sequence[str], network: str, photos: Path, epochs: int | None = None) -> None:
    """Train a network on a folder of folders; raises UserError when that does not work out."""
    folder = home(names, network)
    options = ["--out", folder / "bundle", "--cache", settings.VAR_DIR / "features", "--network", network]
    options += ["--epochs", epochs] if epochs else []
    run("ml.train", photos, *options, "--balance", "equal", "--labels", ",".join(names))


def sort(names: Sequence[str], network: str, pictures: Path, out: Path, threshold: float) -> None:
    """Predict every picture below ``pictures`` and put it into ``out``; raises UserError."""
    bundle = home(names, network) / "bundle"
    run("ml.classify", pictures, "--bundle", bundle, "--out", out, "--threshold", threshold)


def run(module: str, *arguments: object) -> None:
    """Run a command of ``ml`` in a process of its own: training's packages stay out of this one."""
    if find_spec("torch") is None:
        raise UserError("not_installed", "Training needs more packages: pip install -r requirements.txt installs them.")
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = {**os.environ, "VAR_DIR": str(settings.VAR_DIR)}
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=False)  # noqa: S603
    if done.returncode:
        raise UserError("failed", f"{module} stopped; what it said stands above.")
