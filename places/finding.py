"""Finding pictures like the one that was sent: the gallery at once, the web when it can be reached."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from crawler.fetch import Fetcher, Limits
from crawler.politeness import USUAL
from crawler.sources.base import Hit, Page, note
from crawler.sources.bing import Bing
from crawler.sources.service import keep
from places import broker, denying, fetching, gallery, ranking, storage
from places.models import Search, WebPicture, WebQuery
from places.models.search import ENDED, TOO_LATE, State

log = logging.getLogger(__name__)
SOURCE = Bing.name
WEB_COUNT = 35
# Two tries, and the pause between them, end before similar pictures have to.
ASKING = Limits(connect=3, first_byte=5, total=6)
ASKING_AT_MOST_S = 15
WAIT_AT_MOST_S = 4
QUERIES_KEPT_DAYS = 30
# Kept in English, told in the reader's language (places.wording).
EMPTY_GALLERY = gettext_noop("The gallery has no pictures of this yet.")
UNKNOWN_PLACE = gettext_noop("Nothing is searched on the web for a place that is not known.")
BUSY = gettext_noop("Bing is being asked for other photos just now, so there are no more pictures.")


def find_similar(pk: UUID) -> None:
    """Fill in the pictures like a recognised photo and end the search's second half."""
    search = Search.objects.claim_similar(pk)
    if search is None:
        return
    query = _query(search)
    own = _from_gallery(search)
    open_row = Search.objects.filter(pk=pk, deleted_at=None).exclude(similar_state__in=ENDED)
    # The gallery's are there whatever becomes of the web's.
    open_row.update(similar_query=query, similar_results=own)
    if query:
        found, note = ask_web(query)
    else:
        found, note = [], UNKNOWN_PLACE
    if not own and not (query and found):
        note = f"{EMPTY_GALLERY} {note}".strip()
    results = own + [{"web": str(web_pk)} for web_pk in found]
    open_row.update(similar_state=State.DONE, similar_note=note, similar_results=results)
    # Those that are not here yet come without a score; the next search for the same words has them all.
    fetching.collect(found)


def _query(search: Search) -> str:
    """Return the words to search the web by: never the photo, and nothing for an unknown place."""
    if search.kind == "place" and search.place is not None:
        return search.place.query
    if search.kind == "not_a_place" and search.objects_seen:
        return str(search.objects_seen[0][0])
    return ""


def _from_gallery(search: Search) -> list[dict[str, str]]:
    if search.embedding is None or search.model_version is None or search.kind == "not_a_place":
        return []
    found = gallery.neighbours(search.embedding, search.model_version, place=search.place, count=ranking.COUNT)
    return [{"picture": str(near.picture.pk)} for near in found]


def ask_web(text: str) -> tuple[list[UUID], str]:
    """Return the pictures that Bing has for ``text``, from memory when it was asked lately, and a note.

    One question at a time; an unreachable or unwilling Bing is left alone for some minutes.
    """
    if (known := _remembered(text)) is not None:
        return known
    lock = broker.connection().lock(f"asking:{SOURCE}", timeout=ASKING_AT_MOST_S, blocking_timeout=WAIT_AT_MOST_S)
    try:
        with lock:
            if (known := _remembered(text)) is not None:
                return known
            fetcher = Fetcher(allow_private=settings.FETCH_ALLOW_PRIVATE, limits=ASKING)
            manners = replace(USUAL, counts=settings.REQUESTS_DIR)
            return _remember(text, Bing(fetcher, settings.BING_BASE_URL, manners=manners).search(text, WEB_COUNT))
    except redis.RedisError:
        return [], BUSY


def _down_key() -> str:
    return f"source:{SOURCE}:{settings.BING_BASE_URL}"


def _remembered(text: str) -> tuple[list[UUID], str] | None:
    query = WebQuery.objects.filter(source=SOURCE, text=text).first()
    if query is not None and query.fresh:
        return list(query.pictures.values_list("pk", flat=True)), note(query.state, Bing.label)
    state = cache.get(_down_key())
    if state is None:
        return None
    # What is known from before is better than nothing while the source is away.
    old = list(query.pictures.values_list("pk", flat=True)) if query else []
    return old, note(state, Bing.label)


def _remember(text: str, page: Page) -> tuple[list[UUID], str]:
    """Keep a page's pictures, or for how long not to ask again."""
    state = "none" if page.state == "end" and not page.hits else "ok" if page.hits else page.state
    if state not in ("ok", "none"):
        wait_s = max(settings.UNREACHABLE_KEPT_S, page.retry_after or 0)
        cache.set(_down_key(), state, timeout=min(wait_s, 86_400))
        log.warning("%s is %s for %r: %s", SOURCE, state, text, page.reason)
    if page.body:
        keep(settings.VAR_DIR / "log" / "pages", SOURCE, page.body)
    with transaction.atomic():
        query, _ = WebQuery.objects.update_or_create(
            source=SOURCE, text=text, defaults={"state": state, "fetched_at": timezone.now()}
        )
        if state == "ok":
            _replace(query, page.hits)
    return list(query.pictures.values_list("pk", flat=True)), note(state, Bing.label)


def _replace(query: WebQuery, hits: list[Hit]) -> None:
    """Store ``hits`` as the query's pictures; those it had keep their ids and files."""
    deny = denying.denied()
    hits = [hit for hit in hits if not denying.denies(deny, hit.image_url, hit.page_url)]
    keys = [hit.key[:200] for hit in hits]
    gone = query.pictures.exclude(key__in=keys)
    for picture in gone:
        transaction.on_commit(partial(storage.delete, picture.thumbnail, picture.image))
    gone.delete()
    for position, hit in enumerate(hits):
        WebPicture.objects.update_or_create(
            query=query,
            key=hit.key[:200],
            defaults={
                "position": position,
                "title": hit.title,
                "image_url": hit.image_url,
                "thumb_url": hit.thumb_url or "",
                "page_url": hit.page_url or "",
                "width": hit.width,
                "height": hit.height,
                "licence": hit.licence,
            },
        )


def end_late(search: Search) -> Search:
    """Fail the second half of ``search`` when its time is over, so that no client polls for ever."""
    if search.state != State.DONE or search.similar_state in ENDED or search.finished_at is None:
        return search
    if timezone.now() - search.finished_at < timedelta(seconds=settings.SIMILAR_WITHIN_S):
        return search
    Search.objects.filter(pk=search.pk).exclude(similar_state__in=ENDED).update(
        similar_state=State.FAILED, similar_note=TOO_LATE
    )
    search.refresh_from_db()
    return search


def forget_old_queries() -> None:
    """Delete what sources answered a month ago, with the files."""
    old = WebQuery.objects.filter(fetched_at__lt=timezone.now() - timedelta(days=QUERIES_KEPT_DAYS))
    for picture in WebPicture.objects.filter(query__in=old).exclude(thumbnail="", image="").iterator():
        storage.delete(picture.thumbnail, picture.image)
    old.delete()
