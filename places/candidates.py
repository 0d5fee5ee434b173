"""Collecting into the gallery: a run fetches pictures of some places, and each that is kept becomes a candidate.

start (admin, command) -> run (io worker, or the command itself) -> embed (search worker) -> review

A run writes its folder first (``crawler.collect``) and takes over what that holds, so it goes on after a kill where it
was. One runs at a time, since each has threads of its own; ``sweep`` starts the next one and finds lost ones.
"""

from __future__ import annotations

import itertools
import json
import logging
import shutil
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from crawler import manifest
from crawler.clean import Rules
from crawler.collect import Outcome, Plan, Progress, never, no_news
from crawler.near import DISTANCE
from crawler.politeness import USUAL, DenyList, Manners
from errors import UserError
from places import collecting, copies, denying, gallery, looks, storage
from places.models import CollectRun, Decision, Picture, Place
from places.models.picture import UNDECIDED
from places.sending import send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from django.contrib.auth.models import User

    from crawler.manifest import Row
    from crawler.offers import Finder

log = logging.getLogger(__name__)
State = CollectRun.State
UNWANTED = (Picture.Status.REJECTED, Picture.Status.NOT_A_PLACE)
COUNTED_EVERY_S = 1.0
BEAT_S = 4.0
LOST_AFTER = timedelta(seconds=20)
MOST_ATTEMPTS = 20
THREADS = 16
MOST_A_PLACE = 2000


def start(
    places: Sequence[Place], sources: Sequence[str], per_place: int, by: User | None, *, drawings: bool = False
) -> CollectRun:
    """Ask for so many pictures of each place; see ``go`` for having it done. Raises UserError for what cannot be."""
    if not places:
        raise UserError("no_places", "Please choose at least one place.")
    if not 1 <= per_place <= MOST_A_PLACE:
        raise UserError("bad_number", "Please ask for 1 to {most} pictures a place.", most=MOST_A_PLACE)
    names = list(sources) or list(collecting.sources())
    collecting.sources(names)
    with transaction.atomic():
        run = CollectRun.objects.create(sources=names, per_place=per_place, drawings=drawings, by=by)
        run.places.set(places)
    return run


def go(run: CollectRun) -> None:
    """Have a worker do it, or go on with it; where the queue is down, the sweep does that later."""
    CollectRun.objects.filter(pk=run.pk, state=State.STOPPED).update(
        state=State.QUEUED, stop_wanted=False, finished_at=None, error=""
    )
    _send(run.pk)


def stop(run: CollectRun) -> None:
    """Stop it soon; what it has stays."""
    CollectRun.objects.filter(pk=run.pk, state=State.QUEUED).update(state=State.STOPPED, finished_at=timezone.now())
    CollectRun.objects.filter(pk=run.pk, state=State.RUNNING).update(stop_wanted=True)


def sweep() -> None:
    """Queue the runs whose worker was lost, and start the next one when none is at work."""
    lost = CollectRun.objects.lost(timezone.now() - LOST_AFTER)
    lost.filter(stop_wanted=True).update(state=State.STOPPED, finished_at=timezone.now())
    lost.filter(attempts__gte=MOST_ATTEMPTS).update(
        state=State.FAILED, finished_at=timezone.now(), error="Its worker was lost again and again."
    )
    lost.update(state=State.QUEUED)
    _start_next()


def _start_next() -> None:
    waiting = CollectRun.objects.filter(state=State.QUEUED).order_by("created_at").values_list("pk", flat=True).first()
    if waiting is not None and not CollectRun.objects.filter(state=State.RUNNING).exists():
        _send(waiting)


def _send(pk: int) -> None:
    try:
        send("collect_pictures", pk)
    except UserError:
        log.warning("run %d waits for the sweep: the queue is down", pk)


def _decided_against() -> set[str]:
    """Return the hashes of what was rejected or called no place; once it is deleted, its decision alone knows it."""
    here = Picture.objects.filter(status__in=UNWANTED).values_list("content_hash", flat=True)
    gone = Decision.objects.filter(picture=None, to_status__in=UNWANTED, undone_at=None)
    return {*here, *gone.values_list("content_hash", flat=True)}


def refused(places: Sequence[Place]) -> DenyList:
    """Return what must not be collected: taken down, rejected by look or bytes, or here already for these places."""
    deny = denying.denied()
    unwanted = Picture.objects.filter(status__in=UNWANTED)
    hashes = _decided_against() | {*Picture.objects.filter(place__in=places).values_list("content_hash", flat=True)}
    known = unwanted.values_list("look", flat=True)
    seen = [look for look in known if look is not None and copies.tells(look)]
    both = {look & denying.UNSIGNED for each in seen for look in (each, looks.mirrored(each))}
    return DenyList(deny.hosts, deny.pages, deny.hashes | hashes, deny.looks | both, near=DISTANCE)


def run(
    pk: int,
    *,
    asked: Mapping[str, Finder] | None = None,
    manners: Manners = USUAL,
    on_progress: Callable[[Progress], None] = no_news,
    should_stop: Callable[[], bool] = never,
) -> Outcome | None:
    """Do a run that waits, or what is left of it; None when it is not to be had now. Raises UserError when it fails.

    ``asked`` are the sources, by default those that the run names.
    """
    claimed = CollectRun.objects.claim(pk)
    if claimed is None:
        return None
    try:
        places = list(claimed.places.order_by("slug"))
        storage.check_space()
        sources = collecting.sources(claimed.sources, manners) if asked is None else asked
        watch = _Watch(claimed, places, on_progress, should_stop)
        with _beating(claimed):
            outcome = collecting.collect_into(
                claimed.folder,
                collecting.of_places(places),
                sources,
                plan=Plan(claimed.per_place, THREADS),
                rules=Rules(photos_only=not claimed.drawings),
                unwanted=refused(places),
                manners=manners,
                on_progress=watch.note,
                should_stop=watch.should_stop,
            )
            watch.end(outcome)
    except UserError as error:
        if error.code != "in_use":  # by a worker that was thought lost: the sweep tries again
            _end(claimed, State.FAILED, error=str(error)[:300])
        raise
    finally:
        _start_next()
    return outcome


def _ours(run: CollectRun) -> Any:
    """Return the row as long as it is this worker's."""
    return CollectRun.objects.filter(pk=run.pk, state=State.RUNNING, attempts=run.attempts)


def _end(run: CollectRun, state: str, **values: Any) -> None:
    _ours(run).update(state=state, finished_at=timezone.now(), **values)


@contextmanager
def _beating(run: CollectRun) -> Iterator[None]:
    """Say every few seconds that this worker is at it: reading a large folder again takes longer than that."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_S):
            try:
                _ours(run).update(heartbeat=timezone.now())
            except DatabaseError:
                log.warning("run %d cannot say that it goes on: the database is away", run.pk)
        connection.close()  # this thread's own

    thread = threading.Thread(target=beat, daemon=True, name=f"heartbeat of run {run.pk}")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _Watch:
    """Keeps the row up to date while a run collects, takes pictures over, and hears whether it is to stop."""

    def __init__(
        self, run: CollectRun, places: Sequence[Place], tell: Callable[[Progress], None], wish: Callable[[], bool]
    ) -> None:
        self._run, self._tell, self._wish = run, tell, wish
        self._intake = Intake(run, places)
        self._stopped = False
        self._counted = 0.0

    def should_stop(self) -> bool:
        """Whether somebody wants it to stop, or another worker has it."""
        return self._stopped or self._wish()

    def note(self, progress: Progress) -> None:
        """Take over what is new and say how it goes."""
        self._tell(progress)
        if time.monotonic() - self._counted < COUNTED_EVERY_S:
            return
        self._counted = time.monotonic()
        self._intake.follow()
        counts = {**asdict(progress), **self._intake.counts()}
        on = _ours(self._run).filter(stop_wanted=False).update(counts=counts)
        if not on:
            # What it has counted is worth keeping even so.
            _ours(self._run).update(counts=counts)
            self._stopped = True
        self._stop_when_full()

    def _stop_when_full(self) -> None:
        try:
            storage.check_space()
        except UserError as error:
            _ours(self._run).update(error=error.message[:300])
            self._stopped = True

    def end(self, outcome: Outcome) -> None:
        """Take over the rest and say what became of it."""
        self._intake.follow()
        kept = sum(result.kept for result in outcome.results)
        self._run.refresh_from_db(fields=["counts"])
        counts = {**self._run.counts, **self._intake.counts(), "kept": kept, "left_s": None}
        counts["sentences"] = [result.sentence for result in outcome.results]
        _end(self._run, State.STOPPED if outcome.stopped else State.DONE, counts=counts)
        if not outcome.stopped:
            self._intake.clear()


class Intake:
    """Reads a run's manifest as it grows, and makes candidates of what is kept."""

    def __init__(self, run: CollectRun, places: Sequence[Place]) -> None:
        self._run = run
        self._places = {place.slug: place for place in places}
        self._taken = {*Picture.objects.filter(run=run).exclude(original="", image="").values_list(
            "place__slug", "content_hash"
        )}  # fmt: skip
        # A run that goes on reads of what was kept before, and curators may have decided on that since.
        self._unwanted = _decided_against()
        self._read = 0  # bytes of the manifest
        self._waiting: dict[str, Row] = {}  # kept pictures by file, not here yet
        self._hashes: dict[str, str] = {}
        self._kept: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many were kept of each place, and dropped for each reason."""
        return {"places": dict(self._kept), "reasons": dict(self._reasons)}

    def follow(self) -> None:
        """Take over what has been added to the manifest."""
        for row in self._rows():
            if row.event == "kept":
                self._kept[row.folder] += 1
                self._waiting[row.file], self._hashes[row.file] = row, row.sha256
                continue
            self._reasons[row.reason] += 1
            if row.event == "withdrawn":
                self._kept[row.folder] -= 1
                self._withdraw(row)
        for file, row in list(self._waiting.items()):
            if (self._run.folder / file).is_file():  # it gets its name a moment after its row
                self._take(row)
                del self._waiting[file]

    def _rows(self) -> list[Row]:
        """Return the rows that are whole and new."""
        path = self._run.folder / manifest.NAME
        with path.open("rb") as file:
            file.seek(self._read)
            whole, newline, _torn = file.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        names = manifest.FIELDS
        said = (json.loads(line) for line in whole.splitlines())
        return [manifest.Row(**{name: value for name, value in each.items() if name in names}) for each in said]

    def _take(self, row: Row) -> None:
        place = self._places.get(row.folder)
        if place is None or row.sha256 in self._unwanted or (row.folder, row.sha256) in self._taken:
            return
        self._taken.add((row.folder, row.sha256))
        data = (self._run.folder / row.file).read_bytes()
        about = {
            "title": row.title[:300], "source": row.source[:40], "licence": (row.licence or "unknown")[:100],
            "author": row.author[:200], "page_url": row.page if len(row.page) <= 2000 else "",
        }  # fmt: skip
        try:
            picture = gallery.take_in(data, place, content_hash=row.sha256, run=self._run, **about)
        except UserError as error:
            found = self._torn(place, row) if error.code == "duplicate" else None
            if found is None:
                log.info("%s of run %d is not taken: %s", row.file, self._run.pk, error)
                return
            picture = found
            picture.original.save("", ContentFile(data))
        gallery.have_read(picture)

    def _torn(self, place: Place, row: Row) -> Picture | None:
        """Return the picture's row if it was written and its file was not."""
        rows = Picture.objects.filter(run=self._run, place=place, content_hash=row.sha256, original="", image="")
        rows.update(problem="")
        return rows.first()

    def _withdraw(self, row: Row) -> None:
        """Take a picture back that another place claims too."""
        self._waiting.pop(row.file, None)
        hashed = self._hashes.get(row.file, "")
        ours = Picture.objects.filter(run=self._run, place=self._places.get(row.folder), content_hash=hashed)
        with transaction.atomic():  # nobody decides on one while it goes
            for picture in ours.filter(status__in=UNDECIDED).select_for_update().order_by("pk"):
                gallery.remove(picture)

    def clear(self) -> None:
        """Delete the files that the gallery has now; what was dropped and why stays."""
        for slug in self._places:
            shutil.rmtree(self._run.folder / slug, ignore_errors=True)


def dropped(run: CollectRun, count: int = 60) -> list[Row]:
    """Return what was dropped last, the latest first."""
    path = run.folder / manifest.NAME
    if not path.is_file():
        return []
    rows = (row for row in manifest.read(run.folder) if row.event != "kept")
    return list(itertools.islice(reversed(list(rows)), count))


def forget(run: CollectRun) -> None:
    """Delete a run with its folder; pictures and decisions stay."""
    shutil.rmtree(run.folder, ignore_errors=True)
    run.delete()
