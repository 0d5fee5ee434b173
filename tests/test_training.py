"""A training from approved pictures to a registered version; stopped, given back, lost, failed. The real ml.train."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import psutil
import pytest
from django.utils import timezone
from PIL import Image
from pytest_django.fixtures import Settings

from errors import UserError
from ml.bundle import Bundle
from places import broker, outcomes, storage, training
from places.models import Collection, ModelVersion, Picture, Place, TrainingRun
from tests.answers import place
from tests.colours import COLOURS, colour_bundle
from tests.site import until

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker")]
State = TrainingRun.State
# A small network from nothing, in seconds: what is trained is not the matter here.
SMALL = ("--network", "cnn64", "--no-eight-bits", "--rate", "1e-3", "--epochs")


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    settings.MIN_FREE_BYTES = 0
    monkeypatch.setattr(training, "WORK_BYTES", 0)
    monkeypatch.setattr(training, "QUICK", (*SMALL, "6"))
    yield
    training._leaving.clear()


@pytest.fixture
def old() -> ModelVersion:
    """A version that serves, and knows red and green."""
    path = "models/old"
    from django.conf import settings

    colour_bundle(settings.VAR_DIR / path, ["green", "red", "unknown", "not_a_place"], "old")
    version = ModelVersion.register("places", path, Bundle.load(settings.VAR_DIR / path))
    ModelVersion.objects.filter(pk=version.pk).update(serving=True)
    return version


def approve(of: Place | None, colour: str, count: int, status: str = "approved", source: str = "curator") -> None:
    """Put pictures of one colour into the gallery as workers leave them."""
    for number in range(count):
        draw = np.random.default_rng([number, *f"{colour} {source}".encode()])
        pixels = np.full((80, 80, 3), COLOURS[colour], np.int16) + draw.integers(-30, 30, (80, 1, 3))
        out = io.BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG")
        digest = hashlib.sha256(out.getvalue()).hexdigest()
        picture = Picture(place=of, status=status, source=source, content_hash=digest)
        picture.image = storage.save(f"pictures/{picture.pk}.jpg", out.getvalue())
        picture.save()


@pytest.fixture
def colours() -> Collection:
    """Three places, and what is none of them."""
    collection = Collection.objects.create(slug="colours", name="Colours")
    for colour in ("red", "green", "blue"):
        of = place(colour)
        collection.places.add(of)
        approve(of, colour, 10)
    approve(Place.objects.get(slug="red"), "red", 20, source="visitor")
    approve(None, "unknown", 6)
    approve(None, "not_a_place", 6, "not_a_place")
    return collection


def begun(collection: Collection) -> TrainingRun:
    return training.start(collection, None, quick=True, here=True)


def test_a_training_that_is_given_back_goes_on_and_ends_as_a_version_beside_the_old_one(
    old: ModelVersion, colours: Collection
) -> None:
    run = begun(colours)
    assert (run.counts["places"], run.counts["pictures"]) == (3, 62)
    seen: list[dict[str, object]] = []

    def leave(now: TrainingRun) -> None:
        seen.append(now.progress)
        if now.progress.get("epoch", 0) >= 2:
            training.let_go()

    first = training.run(run.pk, leave)
    assert first is not None
    assert (first.state, first.attempts) == (State.QUEUED, 0)
    assert broker.connection().llen("train") == 1
    assert {"training"} == {each["step"] for each in seen}
    training._leaving.clear()
    done = training.run(run.pk, lambda now: seen.append(now.progress))
    assert training.run(run.pk) is None, "a message that comes twice starts nothing"
    assert done is not None
    assert (done.state, done.error) == (State.DONE, "")
    epochs = [json.loads(line)["epoch"] for line in (done.folder / "state" / "log.jsonl").read_text().splitlines()]
    assert sorted(set(epochs)) == [1, 2, 3, 4, 5, 6]
    assert len(epochs) <= 7, "at most the epoch that was cut off is computed twice"
    assert {"training", "report", "comparison"} <= {each["step"] for each in seen}

    version = done.model_version
    assert version is not None
    assert not version.serving and old.pk == ModelVersion.objects.get(serving=True).pk
    assert version.labels == ["blue", "green", "red", "unknown", "not_a_place"]
    assert version.checked().version == version.version
    assert version.report_folder is not None

    rows = done.outcome["rows"]
    held_out = done.counts["report"]
    assert rows["all"]["photos"] == held_out == rows["visitors"]["photos"] + rows["rest"]["photos"]
    assert rows["visitors"]["photos"] == done.counts["visitors"]["report"] >= 1
    assert rows["all"]["old"] == rows["both"]["photos"] == rows["both"]["old"], "the old one tells colours apart"
    (blue,) = [each for each in done.outcome["classes"] if each["name"] == "blue"] or [{"known": False}]
    assert not blue["known"], "the old version does not know it"
    assert done.outcome["cost"]["new"]["megabytes"] > done.outcome["cost"]["old"]["megabytes"] > 0
    assert (done.folder / "comparison" / "comparison.html").is_file()


def test_without_negatives_the_bundle_still_is_one_of_places_and_says_when_it_cannot_tell() -> None:
    for colour in ("red", "green"):
        approve(place(colour), colour, 8)
    run = training.start(None, None, quick=True, here=True)
    done = training.run(run.pk)
    assert done is not None and done.model_version is not None, done
    bundle = done.model_version.checked()
    assert bundle.labels == ["green", "red", "unknown", "not_a_place"]
    assert bundle.calibration["threshold"] > 0
    assert bundle.golden["probabilities"][2:] == [0, 0]
    assert not done.outcome["compared"]


def test_a_cancelled_training_ends_within_seconds_and_can_go_on(
    colours: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "QUICK", (*SMALL, "100000"))
    run = begun(colours)
    children: list[psutil.Process] = []

    def cancel(now: TrainingRun) -> None:
        if now.progress.get("figures") and not now.cancel_wanted:
            children.extend(psutil.Process().children(recursive=True))
            training.cancel(now, None)

    ended = training.run(run.pk, cancel)
    assert ended is not None
    assert ended.state == State.CANCELLED
    assert children and not [child for child in children if child.is_running() and "ml.train" in child.cmdline()]
    assert (ended.folder / "state" / "whole.pt").is_file()
    training.go_on(ended, None, here=True)
    assert (ended.state, ended.cancel_wanted, ended.attempts) == (State.QUEUED, False, 0)


def test_a_training_that_waits_is_cancelled_at_once(colours: Collection) -> None:
    run = begun(colours)
    training.cancel(run, None)
    assert run.state == State.CANCELLED
    assert training.run(run.pk) is None


def test_what_a_killed_worker_left_is_queued_again_and_at_last_given_up(colours: Collection) -> None:
    run = begun(colours)
    assert TrainingRun.claim(run.pk) is not None
    training.sweep()
    run.refresh_from_db()
    assert run.state == State.RUNNING, "its heart beat just now"
    for attempt in range(1, training.AGAIN_AT_MOST + 1):
        TrainingRun.objects.filter(pk=run.pk).update(heartbeat=timezone.now() - timedelta(seconds=61))
        training.sweep()
        run.refresh_from_db()
        if attempt < training.AGAIN_AT_MOST:
            assert run.state == State.QUEUED
            assert broker.connection().llen("train") == attempt
            assert TrainingRun.claim(run.pk) is not None
    assert run.state == State.FAILED
    assert "killed again and again" in run.error_told


def test_a_lost_message_is_sent_again(colours: Collection) -> None:
    run = begun(colours)
    TrainingRun.objects.filter(pk=run.pk).update(sent_at=timezone.now() - timedelta(seconds=61))
    for _ in range(2):
        training.sweep()
    assert broker.connection().llen("train") == 1


def test_a_training_that_fails_says_why_in_the_commands_own_words(
    colours: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "QUICK", ("--network", "nosuch"))
    run = begun(colours)
    ended = training.run(run.pk)
    assert ended is not None
    assert ended.state == State.FAILED
    assert "nosuch" in ended.error_told and "log.txt" in ended.error_told
    assert ModelVersion.objects.count() == 0


def test_nothing_starts_without_a_worker_or_room_or_twice(colours: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="make train-worker"):
        training.start(colours, None)
    monkeypatch.setattr(training, "WORK_BYTES", 10**18)
    with pytest.raises(UserError, match=r"needs 1000000000\.0 GB"):
        begun(colours)
    monkeypatch.setattr(training, "WORK_BYTES", 0)
    assert TrainingRun.objects.count() == 0
    begun(colours)
    with pytest.raises(UserError, match="trained already"):
        begun(colours)


ORPHAN = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", '''
import sys, time
from pathlib import Path
from ml import progress
progress.watch(Path(sys.argv[1]))
for epoch in range(10**6):
    progress.tell(phase="head", epoch=epoch, epochs=10**6)
    time.sleep(0.05)
''', sys.argv[1]])
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_a_training_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    until(file.is_file, 20, "the first progress")
    assert json.loads(file.read_text())["phase"] == "head"
    parent.kill()
    parent.wait()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 10, "the orphan's end")


def test_photos_that_the_old_version_was_trained_on_are_not_compared(tmp_path: Path) -> None:
    ids = [Picture.objects.create(content_hash=str(number), status="approved").pk for number in range(3)]
    for name, said in (("old", ["a", "b", "a"]), ("new", ["a", "a", "b"])):
        (tmp_path / name).mkdir()
        with open(tmp_path / name / "answers.csv", "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["photo", "truth", "said", "confidence"])
            table.writerows([[f"/x/{pk}.jpg", "a", answer, 0.9] for pk, answer in zip(ids, said, strict=True)])
        cost = {"megabytes": 1, "prepare_ms": 1, "compute_ms": 1, "engine": "e"}
        (tmp_path / name / "report.json").write_text(json.dumps({"cost": cost}))
    answers = outcomes.read(tmp_path / "new", tmp_path / "old", [ids[2]])
    found = outcomes.outcome(answers, tmp_path / "new", tmp_path / "old")
    assert found["rows"]["all"] == {"photos": 2, "old": 1, "new": 2}
    assert found["classes"] == [{"name": "a", "known": True, "photos": 2, "old": 1, "new": 2}]
    assert found["confusions"] == [{"truth": "a", "said": "b", "old": 1, "new": 0}]
