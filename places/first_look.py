"""The first look: a dozen places with openly licensed pictures, fetched once, as soon as there is a network.

begin (at each start) -> fetch (io): Wikimedia Commons names pictures -> judge (search): is it that place? -> gallery
"""

from __future__ import annotations

import contextlib
import logging
from datetime import timedelta
from itertools import islice
from uuid import uuid4

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db.models import Max
from django.utils import timezone
from redis.exceptions import LockError

from crawler.errors import FetchError
from crawler.fetch import Fetcher
from crawler.politeness import PASSING, USUAL, Manners, Polite, user_agent
from crawler.sources import Hit, Query
from crawler.sources.commons import Commons
from crawler.sources.licences import UNKNOWN
from errors import UserError
from ml import picture as pictures
from ml.header import inspect
from places import broker, denying, gallery, storage
from places.models import FirstPictures, ModelVersion, Picture, Place
from places.recognising import recogniser
from places.sending import send

log = logging.getLogger(__name__)
PLACES = (
    "eiffel-tower", "taj-mahal", "statue-of-liberty", "sydney-opera-house", "christ-the-redeemer", "pyramids-of-giza",
    "n-seoul-tower", "colosseum", "golden-gate-bridge", "machu-picchu", "st-basils-cathedral", "tokyo-skytree",
)  # fmt: skip
LOOKED_AT = 12  # pictures of a place at most, until enough of them are recognised
FOLDER = "first"
AT_MOST_S = 1200
JUDGED_WITHIN_S = 60
PAUSE, LONGEST_PAUSE = timedelta(minutes=10), timedelta(days=1)
# Who asks without having said whom to write to.
NOBODY = "private installation, asks for two dozen pictures once"


def begin() -> None:
    """Note which places want pictures; a pause that was under way ends, since the network may be there now."""
    if not settings.STARTER_PICTURES:
        return
    for place in Place.objects.current().filter(slug__in=PLACES):
        FirstPictures.objects.get_or_create(place=place)
    FirstPictures.objects.filter(done=False).update(next_at=timezone.now(), tries=0)


def fetch(manners: Manners = USUAL) -> None:
    """Fetch what is still wanted; without a network try again later, with growing pauses.

    One process at a time does this. When all is there, it costs one look into the database.
    """
    if not settings.STARTER_PICTURES or FirstPictures.due() is None or ModelVersion.serving_places() is None:
        return
    lock = broker.connection().lock("first-look", timeout=AT_MOST_S)
    if not lock.acquire(blocking=False):
        return
    try:
        _fetch_due(manners)
    except UserError as error:
        tries = FirstPictures.objects.filter(done=False).aggregate(most=Max("tries"))["most"] or 0
        pause = min(PAUSE * 2 ** min(tries, 10), LONGEST_PAUSE)
        FirstPictures.postpone(timezone.now() + pause)
        log.info("the first pictures wait %s: %s", pause, error)
    finally:
        with contextlib.suppress(LockError):
            lock.release()


def _fetch_due(manners: Manners) -> None:
    """Go from place to place. Raises UserError when source, network or recogniser is away."""
    storage.delete_older(FOLDER, timedelta(hours=1))
    agent = user_agent(settings.CRAWLER_CONTACT or NOBODY)
    fetcher = Fetcher(allow_private=settings.FETCH_ALLOW_PRIVATE, user_agent=agent)
    kept = settings.VAR_DIR / "log" / "pages"
    commons = Commons(fetcher, settings.COMMONS_BASE_URL, agent, manners=manners, kept=kept)
    polite = Polite(fetcher, manners, denying.denied())
    while (wanted := FirstPictures.due()) is not None:
        _fetch_for(wanted.place, commons, polite)
        FirstPictures.objects.filter(pk=wanted.pk).update(done=True)


def _fetch_for(place: Place, commons: Commons, polite: Polite) -> None:
    """Fill up a place's pictures, looking at a few of Commons' until enough show it."""
    shown = Picture.objects.filter(place=place, status=Picture.Status.APPROVED)
    if shown.count() >= settings.STARTER_PICTURES:
        return
    for hit in islice(commons.hits(Query(place.query, kind="photo")), LOOKED_AT):
        _try(place, hit, polite)
        if shown.count() >= settings.STARTER_PICTURES:
            return


def _try(place: Place, hit: Hit, polite: Polite) -> None:
    """Fetch one picture and have it judged. Raises UserError when network or recogniser is away."""
    known = Picture.objects.filter(place=place, page_url=hit.page_url)  # refused or taken down, too
    if hit.licence == UNKNOWN or not hit.page_url or known.exists():
        return
    try:
        body = polite.picture(hit.image_url, page=hit.page_url).body
        inspect(body)
    except UserError as error:
        if isinstance(error, FetchError) and error.code in PASSING:
            raise
        log.info("%s is left out: %s", hit.image_url, error)
        return
    about = {
        "title": hit.title, "source": Commons.name, "page_url": hit.page_url, "licence": hit.licence[:100],
        "author": hit.author[:200],
    }  # fmt: skip
    name = storage.save(f"{FOLDER}/{uuid4()}", body)
    send("judge_first_picture", name, place.slug, about)
    if not _judged(name):
        raise UserError("busy", "No search worker has looked at the first pictures.")


def _judged(name: str) -> bool:
    """Wait for a picture's verdict, no longer at a time than a connection to the broker may be silent."""
    turn_s = 6
    return any(broker.await_ring(f"{FOLDER}:{name}", turn_s) for _ in range(JUDGED_WITHIN_S // turn_s))


def judge(name: str, slug: str, about: dict[str, str]) -> None:
    """Take a fetched file into the gallery if the place that it was found for is what the model answers."""
    try:
        data = storage.read(name)
        image = pictures.decode(data)
        seen = recogniser()[0].recognise(image)
        if seen.kind == "place" and seen.predictions[0][0] == slug and not denying.denies_image(data, image):
            place = Place.objects.get(slug=slug)
            gallery.embed(gallery.take_in(data, place, status=Picture.Status.APPROVED, **about).pk)
    except (UserError, FileNotFoundError, Place.DoesNotExist, SoftTimeLimitExceeded) as error:
        log.info("a first picture of %s is left out: %s", slug, error)
    finally:
        storage.delete(name)
        broker.ring(f"{FOLDER}:{name}")
