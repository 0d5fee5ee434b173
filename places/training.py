"""Training a model on what the curators approved.

start (web or command) -> run (train worker): lists -> ml.train -> ml.evaluate -> a version -> beside the old one

The network is trained by ``python -m ml.train`` in a process of its own, which goes on where it stopped; this one
watches it, keeps the row up to date and ends it when somebody wants that. The row is the truth: a message that comes
twice starts nothing twice, and ``sweep`` queues again what a killed worker left behind.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from redis.exceptions import RedisError

from errors import UserError
from ml.bundle import MANIFEST, Bundle, BundleError, write
from ml.calibrate import OTHER
from places import broker, classifying, health, material, outcomes, people
from places.models import Collection, ModelVersion, TrainingRun
from places.models.model_version import TRAINED
from places.sending import send

if TYPE_CHECKING:
    from django.contrib.auth.models import User

log = logging.getLogger(__name__)
State = TrainingRun.State
LOST_AFTER = timedelta(seconds=60)
AGAIN_AT_MOST = 5  # times that a run may lose its worker
WATCH_EVERY_S = 0.5
ENDS_WITHIN_S = 3.0
FEATURES_BYTES = 1_200_000  # a picture, with the maps that fine-tuning takes, in five views
WORK_BYTES = 1_000_000_000  # the states of a training, its bundle and its report
QUICK = ("--no-fine-tuning", "--no-eight-bits", "--views", "1", "--epochs", "12")
TRAINING, REPORTING, COMPARING = STEPS = ("training", "report", "comparison")
_leaving = threading.Event()

Watch = Callable[[TrainingRun], None]


class Cancelled(Exception):
    """Somebody wants the training to stop, or another worker has it."""


class Left(Exception):
    """The worker is being stopped; another one goes on."""


def start(
    collection: Collection | None,
    by: User | None,
    *,
    leave_out: bool = False,
    agreed: bool = False,
    quick: bool = False,
    here: bool = False,
) -> TrainingRun:
    """Queue a training; ``here``: the caller runs it, no worker does.

    ``leave_out`` and ``agreed`` are those of ``material.gather``. ``quick``: a head on frozen layers only, in minutes.
    Raises UserError before anything starts: ``too_little``, ``no_space``, ``no_worker``, ``training`` for a
    collection that is being trained.
    """
    found = material.gather(collection, leave_out=leave_out, agreed=agreed)
    _check_space(found.counts()["pictures"], quick)
    if not here:
        _check_worker()
    if (other := TrainingRun.objects.filter(collection=collection, state__in=TrainingRun.OPEN).first()) is not None:
        raise UserError("training", "This is being trained already. See training number {number}", number=other.pk)
    with transaction.atomic():
        run = TrainingRun.objects.create(
            collection=collection, by=by, leave_out=leave_out, agreed=agreed, quick=quick, counts=found.counts()
        )
        people.log(by, run, "Training begun.")
    if not here:
        transaction.on_commit(lambda: _send(run))
    return run


def _check_worker() -> None:
    if not health.worker_answers("train"):
        raise UserError(
            "no_worker", "No train worker is answering; training needs one. Start it with `make train-worker`."
        )


def _check_space(pictures: int, quick: bool) -> None:
    needed = WORK_BYTES + (0 if quick else pictures * FEATURES_BYTES) + settings.MIN_FREE_BYTES
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.VAR_DIR).free
    if free < needed:
        raise UserError(
            "no_space",
            "Training on {pictures} pictures needs {needed} GB of disk, and {free} GB are free. Make room in {folder}",
            pictures=pictures, needed=_gigabytes(needed), free=_gigabytes(free), folder=settings.VAR_DIR,
        )  # fmt: skip


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.1f}"


def go_on(run: TrainingRun, by: User | None, *, here: bool = False) -> None:
    """Queue a training again that failed or was cancelled: it goes on where it was. Raises UserError ``no_worker``."""
    if not here:
        _check_worker()
    ended = TrainingRun.objects.filter(pk=run.pk, state__in=(State.FAILED, State.CANCELLED))
    values = {"attempts": 0, "cancel_wanted": False, "error": "", "error_words": None, "finished_at": None}
    if ended.update(state=State.QUEUED, sent_at=timezone.now(), progress={}, **values):
        run.refresh_from_db()
        people.log(by, run, "Training continued.")
        if not here:
            transaction.on_commit(lambda: _send(run))


def cancel(run: TrainingRun, by: User | None) -> None:
    """Stop a training within seconds; what it has computed is kept, so that it can go on later."""
    TrainingRun.objects.filter(pk=run.pk, state__in=TrainingRun.OPEN).update(cancel_wanted=True)
    run.refresh_from_db()
    people.log(by, run, "Training cancelled.")
    if run.state == State.QUEUED or _lost(run):
        run.end(State.CANCELLED)


def _lost(run: TrainingRun) -> bool:
    return run.state == State.RUNNING and (run.heartbeat is None or timezone.now() - run.heartbeat > LOST_AFTER)


def _send(run: TrainingRun) -> None:
    try:
        send("train", run.pk)
    except UserError:
        log.warning("training %s waits for the sweep: the queue is down", run.pk)


def let_go() -> None:
    """Give the training of this process back: it is being stopped."""
    _leaving.set()


def run(pk: int, on_watch: Watch | None = None) -> TrainingRun | None:
    """Train, and register the new version; return the row as it ended, or None when it was not to be had.

    ``on_watch`` is told the row every half second.
    """
    claimed = TrainingRun.claim(pk)
    if claimed is None:
        return None
    try:
        _run(claimed, on_watch)
    except Cancelled:
        if TrainingRun.objects.filter(pk=pk, cancel_wanted=True).exists():
            claimed.end(State.CANCELLED)  # or another worker has it
    except Left:
        _give_back(claimed)
    except UserError as error:
        claimed.end(State.FAILED, error)
    except Exception:
        claimed.end(
            State.FAILED, UserError("internal", "Something went wrong on our side. The worker's log says what.")
        )
        raise
    claimed.refresh_from_db()
    return claimed


def _run(run: TrainingRun, on_watch: Watch | None) -> None:
    if find_spec("torch") is None:
        raise UserError("not_installed", "Training needs more packages. Start its worker with `make train-worker`.")
    lists, new, report = run.folder, run.folder / "bundle", run.folder / "report"
    _write_lists(run)
    if run.model_version is None:
        if not (new / MANIFEST).is_file():
            options = QUICK if run.quick else ()
            shared = ("--cache", settings.VAR_DIR / "features", "--run", run.folder / "state")
            _command(run, TRAINING, on_watch, "ml.train", lists, "--out", new, *shared, *options)
        _command(run, REPORTING, on_watch, "ml.evaluate", new, "--photos", lists, "--out", report)
        version = _register(new, report)
        TrainingRun.objects.filter(pk=run.pk).update(model_version=version)
        run.refresh_from_db()
        shutil.rmtree(new, ignore_errors=True)
    assert run.model_version is not None
    outcome = _compare(run, run.model_version, on_watch)
    run.end(State.DONE, outcome=outcome, progress={})


def _write_lists(run: TrainingRun) -> None:
    """Write what is trained on, once: a training that goes on needs the same pictures, as far as they may be used."""
    if (run.folder / "train.txt").is_file():
        material.forget_gone(run.folder, agreed=run.agreed)
        return
    found = material.gather(run.collection, leave_out=run.leave_out, agreed=run.agreed)
    found.write(run.folder)
    TrainingRun.objects.filter(pk=run.pk).update(counts=found.counts())


def _register(new: Path, report: Path) -> ModelVersion:
    """Move a trained bundle to where versions lie, its report with it."""
    try:
        bundle = Bundle.load(new)
    except BundleError as error:
        raise UserError("failed", "{why} Start the training again.", why=error) from error
    path = f"{TRAINED}/{bundle.version}"

    def fill(folder: Path) -> None:
        shutil.copytree(new, folder, ignore=shutil.ignore_patterns(MANIFEST), dirs_exist_ok=True)
        shutil.copytree(report, folder / "report")

    written = write(settings.VAR_DIR / path, replace(bundle, path=settings.VAR_DIR / path), fill)
    return ModelVersion.register(ModelVersion.Kind.PLACES, path, written)


def _compare(run: TrainingRun, version: ModelVersion, on_watch: Watch | None) -> dict[str, Any]:
    """Return the new version beside the one that serves, on the same held-out photos."""
    report = version.folder / "report"
    serving = ModelVersion.serving_places()
    held_out = {label for _, label in material.listed(run.folder / f"{material.REPORT}.txt")}
    if serving is None or serving.pk == version.pk or not held_out & set(serving.labels) - set(OTHER):
        return outcomes.outcome(outcomes.read(report, None, ()), report, None)
    folder = run.folder / "comparison"
    both = (serving.folder, version.folder)
    _command(run, COMPARING, on_watch, "ml.evaluate", *both, "--photos", run.folder, "--common", "--out", folder)
    old, new = (outcomes.report_of(folder, each) for each in (serving, version))
    answers = outcomes.read(report, old, outcomes.seen_by(serving))
    return {**outcomes.outcome(answers, new, old), "old": serving.pk, "old_name": str(serving)}


def _command(run: TrainingRun, step: str, on_watch: Watch | None, module: str, *arguments: object) -> None:
    """Run a command of ``ml`` to its end. Raises UserError with the last thing that it said, Cancelled or Left."""
    progress, output = run.folder / "progress.json", run.folder / "log.txt"
    progress.unlink(missing_ok=True)
    command = [sys.executable, "-m", module, *map(str, arguments), "--progress", str(progress)]
    environment = {**os.environ, "VAR_DIR": str(settings.VAR_DIR), "PYTHONUNBUFFERED": "1"}
    with open(output, "ab") as file:
        began = file.tell()
        process = subprocess.Popen(  # noqa: S603
            command, cwd=settings.BASE_DIR, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            start_new_session=True,
        )  # fmt: skip
    try:
        while not _ended(process):
            _watch(run, step, progress, on_watch)
    finally:
        _end(process)
    if process.returncode:
        raise UserError("failed", "{said} All that it said is in {log}", said=_said(output, began, process), log=output)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(WATCH_EVERY_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _watch(run: TrainingRun, step: str, progress: Path, on_watch: Watch | None) -> None:
    if _leaving.is_set():
        raise Left
    try:
        told = json.loads(progress.read_text())
    except (OSError, ValueError):
        told = {}
    run.progress = {"step": step, **told}
    if not run.beat(run.progress):
        raise Cancelled
    if on_watch is not None:
        on_watch(run)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and whatever it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            continue


def _said(output: Path, began: int, process: subprocess.Popen[bytes]) -> str:
    """Return the last line that a command wrote after ``began``."""
    if process.returncode == -signal.SIGKILL:
        return "The training was killed, most likely because memory ran out."
    with open(output, "rb") as file:
        file.seek(began)
        lines = file.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "It stopped without a word.")[:500]


def _give_back(run: TrainingRun) -> None:
    """Queue a run again for the next worker, as if this one had not begun it."""
    mine = TrainingRun.objects.filter(pk=run.pk, state=State.RUNNING, attempts=run.attempts)
    if mine.update(state=State.QUEUED, sent_at=timezone.now(), heartbeat=None, attempts=F("attempts") - 1):
        _send(run)


def sweep() -> None:
    """Queue again what a killed worker left behind, and what waits though no message says so."""
    for run in TrainingRun.objects.filter(state=State.RUNNING):
        if not _lost(run):
            continue
        if run.cancel_wanted:
            run.end(State.CANCELLED)
        elif run.attempts >= AGAIN_AT_MOST:
            run.end(State.FAILED, UserError("internal", "The train worker was killed again and again. See its log."))
        else:
            mine = TrainingRun.objects.filter(pk=run.pk, state=State.RUNNING, attempts=run.attempts)
            if mine.update(state=State.QUEUED, sent_at=timezone.now()):
                _send(run)
    _send_lost()


def _send_lost() -> None:
    waiting = TrainingRun.objects.filter(state=State.QUEUED, sent_at__lt=timezone.now() - LOST_AFTER)
    if not waiting.exists() or TrainingRun.objects.filter(state=State.RUNNING).exists():
        return
    try:
        if broker.connection().llen("train"):
            return
    except RedisError:
        return
    for run in waiting:
        TrainingRun.objects.filter(pk=run.pk).update(sent_at=timezone.now())
        _send(run)


def evaluate(versions: Sequence[ModelVersion], photos: Path, out: Path | None) -> None:
    """Evaluate versions on the photos that are held out of ``photos``, with its bars on this terminal.

    Raises UserError.
    """
    folders = [version.checked().path for version in versions]
    classifying.run("ml.evaluate", *folders, "--photos", photos, "--common", *(("--out", out) if out else ()))
