"""Pictures of the web: io workers fetch their files through our one door, search workers look at them.

What was fetched and embedded is kept as long as the source's answer, so the next search for the same place ranks it
from memory. A file is also fetched when somebody looks at it.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from redis.exceptions import RedisError

from crawler.errors import FetchError
from crawler.fetch import Fetcher, Limits
from errors import UserError
from ml import picture as pictures
from places import broker, denying, gallery, looks, storage
from places.models import ModelVersion, WebEmbedding, WebPicture
from places.recognising import recogniser
from places.sending import send

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml.recognise import Recogniser

log = logging.getLogger(__name__)
LOOKING = Limits(connect=3, first_byte=4, total=7)
DEAD_KEPT_S = 600
FETCHING_AT_MOST_S = 20
AT_ONCE = 4  # thumbnails of one query; beside them visitors' own looks
_decoding = threading.BoundedSemaphore(2)  # a large picture takes memory: not in every thread at once


def collect(pks: Sequence[UUID]) -> None:
    """Have the thumbnails fetched that are not here yet, so that search workers can embed them."""
    absent = WebPicture.objects.filter(pk__in=pks, thumbnail="").order_by("position").values_list("pk", flat=True)
    try:
        wanted = [str(pk) for pk in absent if not cache.get(dead_key(pk, small=True))]
        if wanted and cache.add(f"collecting:{wanted[0]}", 1, timeout=FETCHING_AT_MOST_S):
            for lane in range(min(AT_ONCE, len(wanted))):
                send("fetch_thumbnails", wanted[lane::AT_ONCE])
    except (UserError, RedisError):
        log.warning("%d thumbnails are not fetched: the queue is down", len(pks))


def fetch_thumbnails(pks: Sequence[str]) -> None:
    """Fetch the first of some thumbnails and queue the others behind whatever else waits."""
    first, *others = pks
    if cache.add(_fetching_key(UUID(first), small=True), 1, timeout=FETCHING_AT_MOST_S):
        fetch(UUID(first), small=True)
    if others:
        send("fetch_thumbnails", others)


def fetch(pk: UUID, small: bool) -> None:
    """Fetch a web picture's thumbnail or full image, keep it re-encoded, and wake who waits for it."""
    picture = WebPicture.objects.filter(pk=pk).first()
    if picture is None:
        return
    field = "thumbnail" if small else "image"
    try:
        if not getattr(picture, field):
            name = storage.save(f"web/{pk}{'-small' if small else ''}.jpg", _fetch_jpeg(picture, small))
            if not WebPicture.objects.filter(pk=pk).update(**{field: name}):
                storage.delete(name)
            elif small:
                send("embed_web_picture", str(pk))
    except UserError as error:
        if error.code != "queue_down":
            cache.set(dead_key(pk, small), error.code, timeout=DEAD_KEPT_S)
        if error.code == "opted_out":
            denying.remove_web(picture)
    finally:
        broker.ring(f"web:{pk}:{field}")


def ask_for(pk: UUID, small: bool) -> None:
    """Have an io worker fetch a web picture, unless it is being fetched. Raises UserError ``queue_down``."""
    if cache.add(_fetching_key(pk, small), 1, timeout=FETCHING_AT_MOST_S):
        send("fetch_web_picture", str(pk), small, expires=FETCHING_AT_MOST_S)


def dead_key(pk: UUID, small: bool) -> str:
    """Return the cache key that says a web picture could not be fetched lately."""
    return f"dead:{pk}:{'thumbnail' if small else 'image'}"


def _fetching_key(pk: UUID, small: bool) -> str:
    return f"fetching:{pk}:{small}"


def _fetch_jpeg(picture: WebPicture, small: bool) -> bytes:
    """Return a re-encoded JPEG; an original that has vanished falls back on the source's thumbnail."""
    fetcher = Fetcher(allow_private=settings.FETCH_ALLOW_PRIVATE, limits=LOOKING)
    urls = [picture.thumb_url, picture.image_url] if small else [picture.image_url, picture.thumb_url]
    urls = [url for url in urls if url]
    for url in urls[:-1]:
        try:
            return _jpeg(fetcher.picture(url).body, small)
        except UserError as error:
            log.info("web picture %s: %s, trying its other address", picture.pk, error.code)
    return _jpeg(fetcher.picture(urls[-1]).body, small)


def _jpeg(body: bytes, small: bool) -> bytes:
    side = gallery.THUMBNAIL_SIDE if small else pictures.MAX_SIDE
    with _decoding:
        image = pictures.decode(body, max_side=side)
        if denying.denies_image(body, image):
            raise FetchError("opted_out")
        return pictures.to_jpeg(image, max_side=side)


def embed(pk: UUID, loaded: tuple[Recogniser, ModelVersion] | None = None) -> None:
    """Place a web picture among others, by its thumbnail, as ``loaded`` sees it, else the model that serves."""
    picture = WebPicture.objects.filter(pk=pk).exclude(thumbnail="").first()
    if picture is None:
        return
    model, version = loaded or recogniser()
    try:
        image = pictures.decode(storage.read(picture.thumbnail))
    except (UserError, FileNotFoundError):
        WebPicture.objects.filter(pk=pk).update(thumbnail="")  # to be fetched again when it is wanted
        return
    seen = model.embed(image)
    WebPicture.objects.filter(pk=pk).update(**looks.signature(image)._asdict())
    values = {"vector": seen.embedding.tolist(), "style": seen.style.tolist()}
    try:
        WebEmbedding.objects.update_or_create(picture=picture, model_version=version, defaults=values)
    except IntegrityError:
        log.info("web picture %s was forgotten meanwhile", pk)


def lacking(version: ModelVersion) -> QuerySet[WebPicture]:
    """Return the kept pictures that ``version`` has not embedded."""
    since = timezone.now() - timedelta(days=settings.QUERY_KEPT_DAYS)
    seen = WebEmbedding.objects.filter(picture=OuterRef("pk"), model_version=version)
    return WebPicture.objects.filter(~Exists(seen), query__fetched_at__gt=since).exclude(thumbnail="")


def send_missing() -> int:
    """Queue kept pictures whose message was lost, or that a new model has not seen; return how many."""
    version = ModelVersion.serving_places()
    try:
        if version is None or broker.connection().llen("embed"):
            return 0
        waiting = list(lacking(version).values_list("pk", flat=True))
        for pk in waiting:
            send("embed_web_picture", str(pk))
    except (UserError, RedisError):
        log.warning("pictures of the web wait to be embedded: the queue is down")
        return 0
    return len(waiting)
