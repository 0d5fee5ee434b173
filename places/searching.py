"""The main job: a photo comes in, a worker says which place it is, pictures like it come back.

submit (web) -> fetch (io, only for addresses) -> recognise (search) -> find_similar (io)

Every step claims its row by a conditional update, so a message that comes twice does
nothing, and ``sweep`` sends again what a lost worker left behind.
"""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone
from PIL import Image

from crawler.fetch import Fetcher, check_url
from errors import UserError
from ml import picture
from ml.crop import Crop, cut, side_to_decode
from ml.header import inspect
from places import broker, gallery, looks, newcomers, storage
from places.models import Feedback, Search
from places.models.search import ENDED, OPEN, TOO_LATE, State
from places.recognising import recogniser
from places.sending import send

log = logging.getLogger(__name__)
ANSWER = (
    *("kind", "confidence", "place", "predictions", "objects_seen"),
    *("embedding", "style", "tone", "look", "heat"),
)


def submit(*, data: bytes | None = None, url: str = "", crop: Crop | None = None) -> tuple[Search, str]:
    """Take a photo's bytes, or its address, and queue the search; ``crop`` is the part to look at.

    Returns the search and its owner's token. Raises UserError with the code that the
    contract gives for what is wrong with the file, the address or the site.
    """
    if data is not None:
        inspect(data)
    else:
        check_url(url, settings.FETCH_ALLOW_PRIVATE)
    return _queue(Search(source_url="" if data is not None else url, crop=crop), data)


def submit_again(source: Search, crop: Crop | None, *, owner: bool) -> tuple[Search, str]:
    """Queue a new search of the photo that ``source`` keeps, or of a part of it; nothing is uploaded again.

    The copy goes when ``source`` would have gone. Returns and raises as ``submit``; ``gone`` without a photo.
    """
    try:
        data = storage.read(source.photo) if source.photo else None
    except FileNotFoundError:
        data = None
    if data is None:
        raise UserError("gone", "The photo of this search is not kept. Please send it again.")
    search = Search(crop=crop, expires_at=source.expires_at)
    if owner:
        search.gps_latitude, search.gps_longitude = source.gps_latitude, source.gps_longitude
    search.photo = storage.photo_name(search.pk)
    queued = _queue(search, data)
    if not Search.objects.filter(pk=source.pk, deleted_at=None).exists():
        _forget(search)  # it was deleted meanwhile, and that means its copies too
    return queued


def _queue(search: Search, data: bytes | None) -> tuple[Search, str]:
    """Store the row, with the photo when it is here already, and hand it to a worker."""
    if Search.objects.waiting().count() >= settings.MAX_WAITING:
        raise UserError("busy", "Many photos are waiting already. Please try again in half a minute.")
    storage.check_space()
    token = search.new_token()
    if data is not None:
        search.content_hash = hashlib.sha256(data).hexdigest()
        search.original = storage.save(storage.original_name(search.pk), data)
    try:
        if data is not None and search.photo:
            storage.save(search.photo, data)
        search.save(force_insert=True)
        _send(search)
    except (UserError, DatabaseError):
        storage.delete(search.original, search.photo)
        Search.objects.filter(pk=search.pk).delete()
        raise
    return search, token


def _send(search: Search) -> None:
    """Hand the search to the worker whose turn it is."""
    send("recognise" if search.original else "fetch", str(search.pk))


def wait(search: Search, seconds: float) -> Search:
    """Wait until ``search`` is answered, at most ``seconds``, and return it as it is then."""
    if search.state not in ENDED:
        broker.await_ring(str(search.pk), seconds)
        search.refresh_from_db(from_queryset=Search.objects.select_related("place", "model_version"))
    return search


def fetch(pk: UUID) -> None:
    """Fetch the photo behind a search's address and pass it on to recognition."""
    search = Search.objects.claim_fetch(pk)
    if search is None:
        return
    try:
        body = Fetcher(allow_private=settings.FETCH_ALLOW_PRIVATE).picture(search.source_url).body
        inspect(body)
        original = storage.save(storage.original_name(search.pk), body)
    except UserError as error:
        _fail(search, error)
        return
    kept = Search.objects.filter(pk=pk, state=State.QUEUED, deleted_at=None).update(
        original=original, content_hash=hashlib.sha256(body).hexdigest(), started_at=None, sent_at=timezone.now()
    )
    if not kept:
        storage.delete(original)
        return
    search.refresh_from_db()
    try:
        _send(search)
    except UserError:
        log.warning("%s waits for the sweep: the queue is down", search.pk)


@dataclass
class Stopwatch:
    """Milliseconds since it was made or last read."""

    since: float

    @classmethod
    def start(cls) -> Stopwatch:
        """Start measuring."""
        return cls(time.perf_counter())

    def lap(self) -> float:
        """Return milliseconds since the last lap."""
        now = time.perf_counter()
        passed, self.since = now - self.since, now
        return round(passed * 1000, 1)


def recognise(pk: UUID) -> None:
    """Say which place a search's photo shows, wake who waits, and ask for similar pictures."""
    search = Search.objects.claim(pk)
    if search is None:
        return
    watch = Stopwatch.start()
    original = search.original
    try:
        data = storage.read(original)
        image = picture.decode(data, _side(data, search.crop))
        part = cut(image, search.crop)
        decode_ms = watch.lap()
        known_ms = _answer(search, part)
        search.timings = {"decode": decode_ms, "recognise": known_ms or watch.lap()}
        # What is looked at again was kept without metadata; its position came with the row.
        found = picture.gps(data) or (search.gps_latitude, search.gps_longitude)
        search.gps_latitude, search.gps_longitude = found
        if not search.photo:
            search.photo = storage.save(storage.photo_name(search.pk), picture.to_jpeg(image))
    except UserError as error:
        _fail(search, error)
    except SoftTimeLimitExceeded:
        _fail(search, UserError("too_complex", "This picture takes too long to read. Please send a simpler one."))
    except FileNotFoundError:
        _fail(search, UserError("internal", "The photo was lost on our side. Please send it again."))
    else:
        _finish(search)
    storage.delete(original)


def _side(data: bytes, crop: Crop | None) -> int:
    """Return the long side to decode at, in pixels."""
    return picture.MAX_SIDE if crop is None else side_to_decode(inspect(data), crop, picture.MAX_SIDE)


def _answer(search: Search, image: Image.Image) -> float | None:
    """Fill in the answer, or the one that the same part got before from the same version and the same new places.

    Returns what recognising took then, in milliseconds: nobody learns that the photo was sent before.
    """
    model, version = recogniser()
    since = newcomers.current(version).since
    known = (
        Search.objects.filter(content_hash=search.content_hash, model_version=version, state=State.DONE)
        .filter(started_at__gte=since)
        .filter(Q(crop__isnull=True) if search.crop is None else Q(crop=search.crop))
        .exclude(style=None)
        .first()
    )
    search.model_version = version
    if known is not None:
        for name in ANSWER:
            setattr(search, name, getattr(known, name))
        return float(known.timings["recognise"])
    seen = model.recognise(image)
    said = newcomers.predict(model, version, seen)
    search.kind, search.confidence, search.place = said.kind, said.confidence, said.place
    search.predictions = [[slug, round(p, 6)] for slug, p in said.predictions]
    search.objects_seen = [[label, wordnet_id, round(p, 6)] for label, wordnet_id, p in seen.objects]
    search.embedding, search.style = seen.embedding.tolist(), seen.style.tolist()
    search.tone, search.look = looks.signature(image)
    search.heat = seen.heat.astype(float).round(2).tolist() if said.taught and seen.heat is not None else None
    return None


def _finish(search: Search) -> None:
    """Write the answer and wake who waits, unless the search was deleted or given to another worker meanwhile."""
    search.state, search.finished_at = State.DONE, timezone.now()
    search.timings["total"] = round((search.finished_at - search.created_at).total_seconds() * 1000, 1)
    names = [
        *("state", "finished_at", "timings", "photo", "model_version", "gps_latitude", "gps_longitude"),
        *ANSWER,
    ]
    ours = Search.objects.filter(pk=search.pk, state=State.RUNNING, attempts=search.attempts, deleted_at=None)
    written = ours.update(original="", **{name: getattr(search, name) for name in names})
    broker.ring(str(search.pk))
    if written:
        _ask_for_similar(search)
    elif not Search.objects.filter(pk=search.pk, deleted_at=None).exists():
        storage.delete(search.photo)


def _ask_for_similar(search: Search) -> None:
    try:
        send("find_similar", str(search.pk))
    except UserError as error:
        Search.objects.filter(pk=search.pk).update(similar_state=State.FAILED, similar_note=str(error))


def _fail(search: Search, error: UserError) -> None:
    search.fail(error)
    broker.ring(str(search.pk))


def delete(search: Search) -> None:
    """Forget a search at once because its owner wants it, its copies too, and take back the photo if it was given."""
    try:
        kept = hashlib.sha256(storage.read(search.photo)).hexdigest() if search.photo else ""
    except FileNotFoundError:
        kept = ""
    _withdraw(search)
    # Those that were asked of the photo we kept have its hash and its end; who deletes such a copy deletes no other.
    if kept and kept != search.content_hash:
        for copy in Search.objects.filter(content_hash=kept, expires_at=search.expires_at, deleted_at=None):
            _withdraw(copy)


def _withdraw(search: Search) -> None:
    gallery.withdraw(search)
    _forget(search)


def _forget(search: Search) -> None:
    """Forget files, position and answer."""
    search.forget()
    Feedback.objects.filter(search=search).update(search=None)
    drawn = storage.drawn_names(search.pk)
    storage.delete(storage.original_name(search.pk), storage.photo_name(search.pk), *drawn)


def sweep() -> None:
    """Send again what waits or runs for over a minute; give up what was lost too often.

    A worker killed in mid-work loses its message for minutes; this is what saves its search.
    """
    now = timezone.now()
    stuck = now - timedelta(seconds=settings.STUCK_AFTER_S)
    running = Search.objects.filter(state=State.RUNNING, started_at__lt=stuck)
    for search in running.filter(attempts__gte=settings.MAX_ATTEMPTS):
        _fail(search, UserError("internal", "We could not read this photo. Please try another one."))
        storage.delete(search.original)
    running.filter(attempts__lt=settings.MAX_ATTEMPTS).update(state=State.QUEUED, sent_at=stuck - timedelta(seconds=1))
    waiting = Search.objects.waiting().filter(sent_at__lt=stuck)
    waiting.filter(original="", started_at__lt=stuck).update(started_at=None)
    for search in waiting.order_by("created_at"):
        Search.objects.filter(pk=search.pk).update(sent_at=now)
        _send(search)
    late = Search.objects.filter(state=State.DONE, finished_at__lt=now - timedelta(seconds=settings.SIMILAR_WITHIN_S))
    late.filter(similar_state__in=OPEN).update(similar_state=State.FAILED, similar_note=TOO_LATE)


def purge() -> int:
    """Delete photos past their time, and rows that need not say 'gone' any more; return how many."""
    now = timezone.now()
    expired = Search.objects.filter(expires_at__lte=now, deleted_at=None)
    count = 0
    for search in expired.iterator():
        _forget(search)
        count += 1
    for folder in (storage.ORIGINALS, storage.PHOTOS):
        storage.delete_older(folder, timedelta(hours=settings.RETENTION_HOURS))
    Search.objects.filter(deleted_at__lte=now - timedelta(days=settings.GONE_FOR_DAYS)).delete()
    return count
