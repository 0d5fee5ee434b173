"""The deny-list: what was taken down, and therefore is neither shown nor fetched nor kept again."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Exists, OuterRef, QuerySet

from crawler.politeness import DenyList
from places import looks, storage
from places.models import Denied, Picture, Report, WebPicture

if TYPE_CHECKING:
    from PIL import Image

UNSIGNED = (1 << 64) - 1
log = logging.getLogger(__name__)
# One entry a line: a host, an address, a SHA-256 or a difference hash in hexadecimal.
FILE = "denied.txt"
_SHA256, _LOOK = re.compile(r"[0-9a-fA-F]{64}"), re.compile(r"[0-9a-fA-F]{16}")


def denied(path: Path | None = None) -> DenyList:
    """Return what takedowns forbid: the table, and the lines of ``path`` (by default ``VAR_DIR/denied.txt``)."""
    path = path or settings.VAR_DIR / FILE
    lines = path.read_text(encoding="utf-8").split() if path.is_file() else []
    hashes = {line for line in lines if _SHA256.fullmatch(line)}
    looks = {line for line in lines if _LOOK.fullmatch(line)}
    pages = {line for line in lines if "//" in line}
    listed: dict[str, set[str]] = {kind: set() for kind in Denied.Kind.values}
    for kind, value in _table():
        listed[kind].add(value)
    return DenyList(
        hosts=frozenset(set(lines) - hashes - looks - pages | listed[Denied.Kind.HOST]),
        pages=frozenset(pages | listed[Denied.Kind.PAGE]),
        hashes=frozenset(hashes | listed[Denied.Kind.SHA256]),
        looks=frozenset(int(look, 16) for look in looks | listed[Denied.Kind.LOOK]),
    )


def _table() -> list[tuple[str, str]]:
    try:
        return list(Denied.objects.values_list("kind", "value"))
    except DatabaseError:
        # Collecting by names needs no database otherwise.
        log.warning("there is no database: of the deny-list only %s is heeded", FILE)
        return []


def denies(deny: DenyList, *urls: str) -> bool:
    """Whether one of the addresses is denied; empty ones are not."""
    return any(deny.denies_url(url) for url in urls if url)


def allowed(pictures: Iterable[WebPicture]) -> list[WebPicture]:
    """Return those that may be shown."""
    deny = denied()
    return [picture for picture in pictures if not denies(deny, picture.image_url, picture.page_url)]


def denies_image(data: bytes, image: Image.Image) -> bool:
    """Whether a picture (RGB) is denied by its bytes as they came, or by its look."""
    deny = denied()
    return _denies_look(deny, looks.look(image)) or deny.denies_picture(hashlib.sha256(data).hexdigest())


def _denies_look(deny: DenyList, look: int | None) -> bool:
    """Whether a look as the database keeps it (``places.looks``) is denied, the hash being a blank one."""
    return look is not None and deny.denies_picture("", look & UNSIGNED)


def add(kind: str, value: str, report: Report | None = None) -> None:
    """Put one thing on the list; ``value`` is in its one spelling."""
    Denied.objects.get_or_create(kind=kind, value=value, defaults={"report": report})


def not_taken_down(pictures: QuerySet[Picture]) -> QuerySet[Picture]:
    """Return those whose hash is not on the list, where ``enforce`` has put all that is denied in whatever way."""
    return pictures.exclude(Exists(Denied.objects.filter(kind=Denied.Kind.SHA256, value=OuterRef("content_hash"))))


def enforce() -> int:
    """Hide what is here and on the list by address, hash or look; return how many pictures that were.

    The hash of each in the gallery, hidden before or not, is on the list from then on.
    """
    deny = denied()
    web = [
        picture for picture in WebPicture.objects.iterator()
        if denies(deny, picture.image_url, picture.page_url) or _denies_look(deny, picture.look)
    ]  # fmt: skip
    for picture in web:
        remove_web(picture)
    seen = Picture.objects.values_list("pk", "status", "page_url", "content_hash", "look").iterator()
    wrong = [
        (pk, status, digest) for pk, status, page, digest, look in seen
        if deny.denies_picture(digest) or denies(deny, page) or _denies_look(deny, look)
    ]  # fmt: skip
    fresh = {digest for _pk, _status, digest in wrong} - deny.hashes
    lines = [Denied(kind=Denied.Kind.SHA256, value=digest) for digest in fresh]
    Denied.objects.bulk_create(lines, batch_size=1000, ignore_conflicts=True)
    shown = [pk for pk, status, _digest in wrong if status != Picture.Status.REJECTED]
    return len(web) + Picture.objects.filter(pk__in=shown).update(status=Picture.Status.REJECTED)


def remove_web(picture: WebPicture) -> None:
    """Forget a picture of the web with its files."""
    picture.delete()
    storage.delete(picture.thumbnail, picture.image)
