"""Collecting into the review: runs that go on after a kill, and nothing that was refused comes back."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image, ImageOps
from pytest_django.fixtures import Settings

from crawler import manifest
from crawler.collect import Outcome, Progress
from errors import UserError
from geosite.launch.addresses import database_url, redis_url
from ml.header import inspect
from places import broker, candidates, gallery, looks, reviewing
from places.models import CollectRun, Decision, Denied, Picture, Place
from tests.drawn import drawn, jpeg
from tests.picture_site import NO_DELAYS, PictureSite, picture_site
from tests.plugin import VAR_DIR
from tests.reviewed import version
from tests.standins import BingStandIn

ROOT = Path(__file__).parent.parent
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker")]
State = CollectRun.State


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.VAR_DIR = tmp_path
    settings.CRAWLER_CONTACT = "https://places.example.org"  # or Commons is left out
    version()


@pytest.fixture
def site(settings: Settings) -> Iterator[PictureSite]:
    with picture_site() as started:
        started.pictures = {f"{number}.jpg": jpeg(number) for number in range(6)}
        settings.FETCH_ALLOW_PRIVATE = frozenset({started.pair})
        yield started


def asked_for(*slugs: str, per_place: int = 6) -> CollectRun:
    return candidates.start(list(Place.objects.filter(slug__in=slugs)), ["commons"], per_place, None)


def collect(site: PictureSite, run: CollectRun, trouble: str = "") -> Outcome:
    source = site.source("commons", sorted(site.pictures), trouble)
    outcome = candidates.run(run.pk, asked={"commons": source}, manners=NO_DELAYS)
    assert outcome is not None
    run.refresh_from_db()
    return outcome


def hashes() -> set[str]:
    return set(Picture.objects.values_list("content_hash", flat=True))


def test_what_is_kept_waits_in_the_review_with_all_that_its_source_says(site: PictureSite) -> None:
    site.pictures["small.jpg"] = jpeg(50, (100, 100))
    run = asked_for("petra", per_place=9)
    collect(site, run)
    pictures = Picture.objects.all()
    assert len(pictures) == 6
    assert {p.status for p in pictures} == {"candidate"}
    one = pictures[0]
    assert (one.source, one.licence, one.author, one.run) == ("commons", "CC0", "Ada", run)
    assert one.page_url.startswith(site.url) and one.page_url.endswith(".html")
    assert one.place == Place.objects.get(slug="petra")
    assert run.state == State.DONE
    assert run.counts["places"] == {"petra": 6} and run.counts["reasons"] == {"too_small": 1}
    assert "asked for 9, got 6" in run.counts["sentences"][0]
    assert [row.reason for row in candidates.dropped(run)] == ["too_small"]
    assert broker.connection().llen("embed") == 6
    assert not list(run.folder.rglob("*.jpg")), "the gallery has them now"


def test_nothing_that_was_rejected_or_taken_down_or_is_here_comes_back(site: PictureSite) -> None:
    ada = User.objects.create_user("ada")
    collect(site, asked_for("petra"))
    rejected, deleted, no_place, *_others = Picture.objects.order_by("content_hash")
    rejected.look = looks.look(decoded(rejected.original.read()))  # as a search worker writes it
    rejected.save(update_fields=["look"])
    reviewing.decide([rejected, deleted], "rejected", None, ada)
    reviewing.decide([no_place], "not_a_place", None, ada)
    gallery.remove(deleted)
    known = hashes() | {deleted.content_hash}
    number = next(n for n in range(6) if looks.near(looks.look(drawn(n)), rejected.look))
    out = io.BytesIO()
    ImageOps.mirror(drawn(number, (400, 300))).save(out, "JPEG", quality=75)
    site.pictures |= {"mirrored.jpg": out.getvalue(), "denied.jpg": jpeg(70), "new.jpg": jpeg(71)}
    Denied.objects.create(kind="page", value=f"{site.url}/denied.jpg")
    run = asked_for("petra", per_place=20)
    collect(site, run)
    (new,) = Picture.objects.filter(run=run)
    assert {new.content_hash} == hashes() - known
    assert run.counts["reasons"]["denied"] >= 7
    other = asked_for("louvre", per_place=20)
    collect(site, other)
    unwanted = {rejected.content_hash, deleted.content_hash, no_place.content_hash}
    assert not unwanted & set(Picture.objects.filter(run=other).values_list("content_hash", flat=True))
    assert Decision.objects.count() == 3


def test_what_was_rejected_and_deleted_while_a_run_was_stopped_does_not_come_back(site: PictureSite) -> None:
    run = asked_for("petra")
    source = {"commons": site.source("commons", sorted(site.pictures))}
    candidates.run(run.pk, asked=source, manners=NO_DELAYS, should_stop=lambda: sum(site.asked.values()) > 3)
    gone = Picture.objects.all()[0]
    reviewing.decide([gone], "rejected", None, None)
    gallery.remove(gone)
    candidates.go(run)
    collect(site, run)
    assert run.state == State.DONE
    assert len(hashes()) == 5 and gone.content_hash not in hashes()


def test_a_picture_found_for_two_places_is_held_while_it_is_withdrawn_and_stays_if_it_was_decided_on(
    site: PictureSite,
) -> None:
    run = asked_for("petra")
    collect(site, run)
    kept, withdrawn = _kept(run)[:2]
    reviewing.decide([Picture.objects.get(content_hash=kept.sha256)], "approved", None, None)
    intake = candidates.Intake(run, list(run.places.all()))
    intake.follow()
    with CaptureQueriesContext(connection) as captured:
        for row in (kept, withdrawn):
            intake._withdraw(replace(row, event="withdrawn"))
    assert kept.sha256 in hashes() and withdrawn.sha256 not in hashes()
    assert sum("FOR UPDATE" in query["sql"] for query in captured) == 2


def decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def test_an_undone_rejection_lets_it_come_again(site: PictureSite) -> None:
    collect(site, asked_for("petra"))
    picture = Picture.objects.all()[0]
    reviewing.undo(reviewing.decide([picture], "rejected", None, None), None)
    assert not candidates.refused([]).denies_picture(picture.content_hash)


def test_one_run_is_at_work_at_a_time_and_the_next_is_begun_after_it(site: PictureSite) -> None:
    first, second = asked_for("petra"), asked_for("louvre")
    assert CollectRun.objects.claim(first.pk) is not None
    assert candidates.run(second.pk, asked={}, manners=NO_DELAYS) is None
    candidates.sweep()
    assert broker.connection().llen("io") == 0, "the first is heard of"
    CollectRun.objects.filter(pk=first.pk).update(state=State.DONE)
    candidates.sweep()
    assert broker.connection().llen("io") == 1
    collect(site, second)
    assert second.state == State.DONE


def test_a_run_is_stopped_and_goes_on_where_it_was(site: PictureSite) -> None:
    run = asked_for("petra")
    source = {"commons": site.source("commons", sorted(site.pictures))}
    outcome = candidates.run(run.pk, asked=source, manners=NO_DELAYS, should_stop=lambda: sum(site.asked.values()) > 3)
    run.refresh_from_db()
    assert outcome is not None and outcome.stopped
    assert run.state == State.STOPPED
    before = site.asked.copy()
    candidates.go(run)
    collect(site, run)
    assert (run.state, Picture.objects.count()) == (State.DONE, 6)
    again = [name for name, times in site.asked.items() if times > before[name] > 0 and name != "robots.txt"]
    assert len(again) <= 1, "what was kept is not asked for again"


def test_a_run_stops_with_a_sentence_when_the_disk_is_nearly_full_and_goes_on(
    site: PictureSite, settings: Settings
) -> None:
    def fill(_progress: Progress) -> None:
        settings.MIN_FREE_BYTES = 2**62

    run = asked_for("petra")
    source = {"commons": site.source("commons", sorted(site.pictures))}
    outcome = candidates.run(run.pk, asked=source, manners=NO_DELAYS, on_progress=fill)
    run.refresh_from_db()
    assert outcome is not None and outcome.stopped and run.state == State.STOPPED
    assert "no room for more photos" in run.error
    settings.MIN_FREE_BYTES = 0
    candidates.go(run)
    collect(site, run)
    assert (run.state, run.error, Picture.objects.count()) == (State.DONE, "", 6)


def test_a_waiting_run_is_stopped_at_once_and_a_running_one_hears_of_it(site: PictureSite) -> None:
    waiting, running = asked_for("petra"), asked_for("louvre")
    CollectRun.objects.claim(running.pk)
    for run in (waiting, running):
        candidates.stop(run)
        run.refresh_from_db()
    assert (waiting.state, running.state, running.stop_wanted) == (State.STOPPED, State.RUNNING, True)
    CollectRun.objects.filter(pk=running.pk).update(heartbeat=timezone.now() - timedelta(minutes=1))
    candidates.sweep()
    running.refresh_from_db()
    assert running.state == State.STOPPED, "its worker was lost before it heard"


def test_a_picture_whose_file_was_not_written_gets_it(site: PictureSite) -> None:
    run = asked_for("petra")
    source = {"commons": site.source("commons", sorted(site.pictures))}
    candidates.run(run.pk, asked=source, manners=NO_DELAYS, should_stop=lambda: sum(site.asked.values()) > 3)
    torn = Picture.objects.all()[0]
    torn.original.delete()
    candidates.go(run)
    collect(site, run)
    torn.refresh_from_db()
    assert inspect(torn.original.read()).width == 320


@pytest.mark.parametrize(
    ("slugs", "sources", "number", "says"),
    [
        ([], [], 5, "at least one place"),
        (["petra"], [], 0, "1 to 2000"),
        (["petra"], ["flickr"], 5, "FLICKR_API_KEY"),
        (["petra"], ["altavista"], 5, "no source"),
    ],
)
def test_what_cannot_be_collected_is_said(slugs: list[str], sources: list[str], number: int, says: str) -> None:
    with pytest.raises(UserError, match=says):
        candidates.start(list(Place.objects.filter(slug__in=slugs)), sources, number, None)
    assert not CollectRun.objects.exists()


SCRIPT = """
import sys
import django
django.setup()
from places import candidates
from tests.picture_site import NO_DELAYS, Named
pk, url = sys.argv[1:]
source = Named("commons", [f"{url}/{number}.jpg" for number in range(40)])
candidates.run(int(pk), asked={"commons": source}, manners=NO_DELAYS)
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_run_is_found_by_the_sweep_and_goes_on_without_a_second_request(
    site: PictureSite, tmp_path: Path
) -> None:
    site.pictures = {f"{number}.jpg": jpeg(number) for number in range(40)}
    site.pause_s = 0.6
    run = asked_for("petra", per_place=40)
    name = str(connection.settings_dict["NAME"])
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(VAR_DIR).replace("/geosite?", f"/{name}?"),
        "REDIS_URL": redis_url(VAR_DIR),
        "VAR_DIR": str(tmp_path),
        "FETCH_ALLOW_PRIVATE": site.pair,
    }
    command = [sys.executable, "-c", SCRIPT, str(run.pk), site.url]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        deadline = time.monotonic() + 60
        while Picture.objects.count() < 5:
            assert process.poll() is None
            assert time.monotonic() < deadline
            site.closing.wait(0.02)
        process.send_signal(signal.SIGKILL)
    run.refresh_from_db()
    assert run.state == State.RUNNING
    kept = {row.url.rpartition("/")[2] for row in _kept(run)}
    asked = site.asked.copy()
    candidates.sweep()
    run.refresh_from_db()
    assert run.state == State.RUNNING, "it was heard of just now"
    CollectRun.objects.update(heartbeat=timezone.now() - candidates.LOST_AFTER)
    candidates.sweep()
    run.refresh_from_db()
    assert (run.state, broker.connection().llen("io")) == (State.QUEUED, 1)
    site.pause_s = 0.0
    collect(site, run)
    assert (run.state, run.attempts, Picture.objects.count()) == (State.DONE, 2, 40)
    assert all(site.asked[each] == asked[each] == 1 for each in kept) and kept
    assert all(picture.original.size for picture in Picture.objects.all())


def _kept(run: CollectRun) -> list[manifest.Row]:
    return [row for row in manifest.read(run.folder) if row.event == "kept"]


def test_the_command_collects_for_the_review_and_the_queue_is_printed(settings: Settings) -> None:
    with BingStandIn() as bing:
        settings.BING_BASE_URL, settings.FETCH_ALLOW_PRIVATE = bing.url, frozenset({bing.pair})
        told = io.StringIO()
        Place.objects.filter(slug="petra").update(query="petra")
        arguments = ["--review", "--places", "petra", "--per-class", "1", "--sources", "bing", "--drawings"]
        call_command("collect", *arguments, stdout=told)
    assert "Petra: asked for 1, got 1." in told.getvalue()
    picture = Picture.objects.get()
    assert (picture.source, picture.status) == ("bing", "candidate")
    Picture.objects.update(thumbnail="x", usefulness=1.9)
    printed = io.StringIO()
    call_command("review_queue", stdout=printed)
    assert f"{picture.pk}  1.90  petra: " in printed.getvalue()
    assert f"{'petra':<40} {1:>10} {0:>12}" in printed.getvalue()
    with pytest.raises(CommandError, match="no place nowhere"):
        call_command("review_queue", "--place", "nowhere")
    with pytest.raises(CommandError, match="neither a FOLDER"):
        call_command("collect", "somewhere", *arguments)
