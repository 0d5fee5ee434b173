"""Trainings and versions in the admin: who sees and may do what, reports, the new version beside the old one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from lxml import html
from pytest_django.fixtures import Settings

from places.models import Collection, ModelVersion, Promotion, TrainingRun
from tests.answers import place, version
from tests.curators import at_the_admin, somebody

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker", "plain_static")]
RUNS, VERSIONS = "/admin/places/trainingrun", "/admin/places/modelversion"
COUNTS = {
    "pictures": 120, "places": 3, "unknown": 6, "not_a_place": 0, "train": 100, "choose": 10, "report": 10,
    "visitors": {"train": 4, "choose": 0, "report": 1}, "left_out": ["Far Wall"],
}  # fmt: skip
OUTCOME = {
    "compared": True, "old_name": "places 1",
    "rows": {
        name: {"photos": photos, "old": old, "new": new}
        for name, (photos, old, new) in {
            "all": (10, 6, 8), "both": (8, 6, 7), "places": (9, 6, 8), "others": (1, 0, 0), "visitors": (1, 0, 1),
            "rest": (9, 6, 7),
        }.items()
    },
    "classes": [
        {"name": "gate", "known": True, "photos": 4, "old": 4, "new": 3},
        {"name": "bridge", "known": False, "photos": 2, "old": 0, "new": 2},
    ],
    "confusions": [{"truth": "gate", "said": "unknown", "old": 0, "new": 1}],
    "cost": {
        name: {"megabytes": 60.0, "prepare_ms": 1.0, "compute_ms": 20.0, "engine": "any"} for name in ("old", "new")
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"


@pytest.fixture
def curator() -> Client:
    return at_the_admin(somebody("bo"))


@pytest.fixture
def operator() -> Client:
    return at_the_admin(somebody("ada", "Operators"))


@pytest.fixture
def fresh(tmp_path: Path) -> ModelVersion:
    """A version that was trained here, with a report, and does not serve."""
    version()
    folder = tmp_path / "models" / "2"
    (folder / "report").mkdir(parents=True)
    (folder / "bundle.json").write_text("secret")
    (folder / "report" / "report.html").write_text("<h1>How right</h1>")
    (folder / "report" / "answers.csv").write_text("photo,truth,said,confidence\n")
    return ModelVersion.objects.create(
        kind="places", name="places", version="2", path="models/2", labels=["gate", "unknown", "not_a_place"],
        metrics={"val": {"top_1": 0.876}}, sha256="0" * 64,
    )  # fmt: skip


def run(**values: Any) -> TrainingRun:
    return TrainingRun.objects.create(**{"counts": COUNTS, **values})


def words(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    main: Any = html.fromstring(answer.content.decode()).find(".//main")
    return " ".join(" ".join(main.itertext()).split())


def test_a_training_that_runs_shows_how_far_it_is_and_can_be_cancelled(curator: Client) -> None:
    told = {
        "step": "training", "phase": "tail", "epoch": 3, "epochs": 10, "done": 5, "total": 20, "rate": 2.5,
        "left_s": 300, "unit": "batch", "figures": {"loss": 0.5, "val_loss": 0.4321, "val_accuracy": 0.912},
    }  # fmt: skip
    begun = run(state="running", started_at=timezone.now(), heartbeat=timezone.now(), progress=told)
    said = words(curator, f"{RUNS}/{begun.pk}/change/")
    for part in ("Training: fine-tuning the last layers", "3 / 10", "5 / 20", "2.5", "5 min", "0.432", "91.2%"):
        assert part in said, part
    assert "never answers so" in said, "nothing was marked as not a place"
    assert "Far Wall" in said
    page = curator.get(f"{RUNS}/{begun.pk}/change/").content.decode()
    assert '<noscript><meta http-equiv="refresh"' in page
    curator.post(f"{RUNS}/{begun.pk}/cancel/")
    begun.refresh_from_db()
    assert begun.cancel_wanted
    assert "It is being stopped." in words(curator, f"{RUNS}/{begun.pk}/change/")


def test_a_training_that_ended_shows_both_versions_on_the_same_photos(curator: Client, fresh: ModelVersion) -> None:
    place("gate", name="Old Gate")
    done = run(state="done", model_version=fresh, outcome=OUTCOME)
    for path in (f"{RUNS}/{done.pk}/change/", f"{VERSIONS}/{fresh.pk}/change/"):
        said = words(curator, path)
        assert "All photos that were held out 10 60.0% 80.0% +20.0" in said
        assert "Photos that visitors gave 1 0.0% 100.0% +100.0" in said
        assert "Old Gate 4 100.0% 75.0% -25.0" in said
        assert "bridge 2 not known 100.0% +100.0" in said
        assert "Old Gate unknown place 0 1" in said
    assert "87.6%" in words(curator, f"{VERSIONS}/") and "60.0" in words(curator, f"{VERSIONS}/")


def test_a_training_says_how_many_pictures_nobody_had_decided(curator: Client) -> None:
    counts = {"places": 2, "train": 8, "agreed": 3, "visitors": {"train": 0}}
    for agreed in (True, False):
        page = words(curator, f"{RUNS}/{run(state='done', agreed=agreed, counts=counts).pk}/change/")
        assert ("Of these undecided, the model agreeing 3" in page) is agreed


def test_a_training_that_failed_says_why_and_can_go_on(curator: Client) -> None:
    failed = run(state="failed", error="x", error_words=[["It lacks {what}."], {"what": "room"}])
    page = curator.get(f"{RUNS}/{failed.pk}/change/").content.decode()
    assert "It lacks room." in page and f"{RUNS}/{failed.pk}/go-on/" in page
    answer = curator.post(f"{RUNS}/{failed.pk}/go-on/", follow=True).content.decode()
    assert "make train-worker" in answer, "no worker answers here"


def test_what_cannot_be_trained_is_said_in_the_form(curator: Client) -> None:
    alone = Collection.objects.create(slug="alone", name="Alone")
    alone.places.add(place("gate"))
    said = curator.post(f"{RUNS}/train/", {"collection": alone.pk}).content.decode()
    assert "Gate (0)" in said
    assert "at least two" in curator.post(f"{RUNS}/train/", {"collection": alone.pk, "leave_out": "1"}).content.decode()
    assert not TrainingRun.objects.exists()
    assert "selected" in curator.get(f"{RUNS}/train/?collection={alone.pk}").content.decode()


def test_reports_are_served_to_those_who_may_look_and_nothing_beside_them(
    curator: Client, fresh: ModelVersion, tmp_path: Path
) -> None:
    report = f"{VERSIONS}/{fresh.pk}/report"
    answer = curator.get(f"{report}/report.html")
    assert b"How right" in b"".join(answer)
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]
    assert curator.get(f"{report}/answers.csv")["Content-Disposition"].startswith("attachment")
    (tmp_path / "models" / "2" / "report" / "link.html").symlink_to(tmp_path / "models" / "2" / "bundle.json")
    for name in ("../bundle.json", "..%2fbundle.json", "link.html", "bundle.json", "/etc/passwd", "x/../report.html"):
        assert curator.get(f"{report}/{name}").status_code == 404, name
    assert Client().get(f"{report}/report.html").status_code == 302
    stranger = at_the_admin(somebody("eve"))
    somebody_without = stranger.session["_auth_user_id"]
    from django.contrib.auth.models import User

    User.objects.get(pk=somebody_without).groups.clear()
    assert stranger.get(f"{report}/report.html").status_code == 403
    assert stranger.get(f"{RUNS}/train/").status_code == 403


def test_a_comparison_is_served_with_the_reports_below_it(curator: Client) -> None:
    done = run(state="done", outcome=OUTCOME)
    folder = done.folder / "comparison" / "places-1"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("one")
    (folder.parent / "comparison.html").write_text("both")
    assert curator.get(f"{RUNS}/{done.pk}/comparison/comparison.html").status_code == 200
    assert curator.get(f"{RUNS}/{done.pk}/comparison/places-1/report.html").status_code == 200
    assert curator.get(f"{RUNS}/{done.pk}/comparison/places-1/../../train.txt").status_code == 404
    assert f"{RUNS}/{done.pk}/comparison/comparison.html" in curator.get(f"{RUNS}/{done.pk}/change/").content.decode()


def test_operators_promote_and_curators_do_not(curator: Client, operator: Client, fresh: ModelVersion) -> None:
    for deed in (f"{fresh.pk}/promote/", "roll-back/", "cancel/", f"{fresh.pk}/retire/"):
        assert curator.post(f"{VERSIONS}/{deed}").status_code == 403
        assert operator.get(f"{VERSIONS}/{deed}").status_code == 405
    assert "have it serve" not in words(curator, f"{VERSIONS}/{fresh.pk}/change/")
    assert "have it serve" in words(operator, f"{VERSIONS}/{fresh.pk}/change/")
    said = operator.post(f"{VERSIONS}/{fresh.pk}/promote/", follow=True).content.decode()
    assert "cannot be read" in said and "Nothing was changed." in said
    assert not Promotion.objects.exists()
    assert "none to go back to" in operator.post(f"{VERSIONS}/roll-back/", follow=True).content.decode()


def test_a_promotion_shows_how_far_it_is_and_can_be_cancelled(operator: Client, fresh: ModelVersion) -> None:
    begun = Promotion.objects.create(version=fresh, total=8)
    said = words(operator, f"{VERSIONS}/{fresh.pk}/change/")
    assert "8 / 8" in said and "Cancel the promotion" in said
    operator.post(f"{VERSIONS}/cancel/")
    begun.refresh_from_db()
    assert begun.state == Promotion.State.CANCELLED
    begun.state, begun.error = Promotion.State.FAILED, "It was damaged."
    begun.save()
    assert "It was damaged." in words(operator, f"{VERSIONS}/{fresh.pk}/change/")


def test_a_retired_version_offers_nothing(operator: Client, fresh: ModelVersion, tmp_path: Path) -> None:
    said = operator.post(f"{VERSIONS}/{fresh.pk}/retire/", follow=True).content.decode()
    assert "its files were deleted" in said and "have it serve" not in said
    assert not (tmp_path / "models" / "2").exists()
