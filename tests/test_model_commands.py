"""The commands train, evaluate, promote, rollback and reindex: what they say, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from ml.bundle import Bundle
from places import promoting
from places.models import Collection, ModelVersion, Promotion, TrainingRun
from tests.answers import place, version
from tests.colours import colour_bundle, colour_photos

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker")]


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"


def ends(*command: str) -> str:
    """Run a command that ends with one line, and return it."""
    with pytest.raises(CommandError) as error:
        call_command(*command)
    assert error.value.returncode == 1
    said = str(error.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize("command", ["train", "evaluate", "promote", "rollback", "reindex"])
def test_help_explains_and_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        call_command(command, "--help")
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert f"manage.py {command}" in said.partition("example")[2]


def test_what_cannot_be_trained_is_one_line() -> None:
    Collection.objects.create(slug="alone", name="Alone").places.add(place("gate"))
    assert ends("train", "--collection", "nowhere") == "There is no collection nowhere. There are: alone"
    assert "Gate (0)" in ends("train", "--collection", "alone")
    assert "no training 7" in ends("train", "--go-on", "7")
    assert not TrainingRun.objects.exists()


def test_what_cannot_be_promoted_is_one_line() -> None:
    serving = version()
    assert ends("promote", "nosuch") == "There is no version nosuch. There are: 1"
    assert ends("promote", serving.version) == "This version serves already."
    assert "which version" in ends("promote")
    assert ends("promote", "--cancel") == "No version is being promoted."
    assert "none to go back to" in ends("rollback")


def test_a_promotion_can_be_begun_joined_and_cancelled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    version()
    colour_bundle(tmp_path / "models/2", version="2")
    second = ModelVersion.register("places", "models/2", Bundle.load(tmp_path / "models/2"))
    for _ in range(2):
        call_command("promote", "2", "--no-wait")
    assert Promotion.objects.get().version == second
    assert "No search worker is answering" in ends("promote", "2")
    call_command("promote", "--cancel")
    assert Promotion.objects.get().state == Promotion.State.CANCELLED
    assert "nothing was changed" in capsys.readouterr().out


def test_reindex_without_a_model_or_a_worker_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "load_starter" in ends("reindex")
    version()
    call_command("reindex")
    assert "0 pictures queued" in capsys.readouterr().out
    assert promoting.kept()


def test_a_version_is_evaluated_on_photos_of_ones_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    colour_bundle(tmp_path / "models/2", version="2")
    ModelVersion.register("places", "models/2", Bundle.load(tmp_path / "models/2"))
    photos = colour_photos(tmp_path / "photos")
    call_command("evaluate", "2", "--photos", str(photos), "--out", str(tmp_path / "out"))
    assert "top 1" in capfd.readouterr().out
    assert (tmp_path / "out" / "report.html").is_file()
    assert "no version" in ends("evaluate", "serving")
    assert "too few" in ends("evaluate", "2") or "at least two" in ends("evaluate", "2")
