"""Reports: somebody wants a picture gone, or to say something; staff take it down or not."""

from __future__ import annotations

import contextlib
import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from crawler.sources.base import clean_link
from places import denying, storage
from places.models import Denied, Picture, Report, WebPicture

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# Bits of a look; with fewer, or more, it would stand for every empty sky.
FEW_EDGES = 6
# Our own addresses of a picture: its file, its page, the form to report it.
_OURS = re.compile(
    r"/(?:media/(?:pictures|(?P<file>web))|(?:pictures|report)/(?:gallery|(?P<page>web)))/(?P<pk>[0-9a-f-]{36})\b"
)


def receive(
    *, reason: str, words: str = "", email: str = "", address: str = "", about: Picture | WebPicture | None = None
) -> Report:
    """Keep what somebody wrote; an address that is one of our own pictures' is understood."""
    about = about or _at(address)
    image_url = about.image_url if isinstance(about, WebPicture) else ""
    return Report.objects.create(
        picture=about if isinstance(about, Picture) else None,
        web_picture=about if isinstance(about, WebPicture) else None,
        reason=reason,
        words=words,
        email=email,
        address=address,
        image_url=image_url if len(image_url) <= 2000 else "",
    )


def _at(address: str) -> Picture | WebPicture | None:
    found = _OURS.search(address)
    try:
        pk = UUID(found["pk"]) if found else None
    except ValueError:
        return None
    if found is None or pk is None:
        return None
    if found["file"] or found["page"]:
        return WebPicture.objects.filter(pk=pk).first()
    return Picture.objects.filter(pk=pk).first()


def take_down(report: Report, *, whole_site: bool = False, by: User | None = None) -> int:
    """Hide what ``report`` is about everywhere at once, and see that it never comes back; return how many were hidden.

    ``whole_site`` denies everything of the hosts that the pictures came from.
    """
    link = "" if _OURS.search(report.address) else clean_link(report.address)
    gallery, web = _gallery(report, link), _web(report, link)
    both: list[Picture | WebPicture] = [*gallery, *web]
    with transaction.atomic():
        pages = {link, report.image_url, *(picture.image_url for picture in web)} - {""}
        for url in pages:
            denying.add(Denied.Kind.PAGE, url, report)
        if whole_site:
            for url in (pages | {picture.page_url for picture in both}) - {""}:
                denying.add(Denied.Kind.HOST, str(urlsplit(url).hostname), report)
        for picture in gallery:
            denying.add(Denied.Kind.SHA256, picture.content_hash, report)
        for each in both:
            _deny_look_and_files(each, report)
        Picture.objects.filter(pk__in=[picture.pk for picture in gallery]).update(status=Picture.Status.REJECTED)
        report.close(Report.State.TAKEN_DOWN, by)
    for found in web:
        denying.remove_web(found)
    return len(gallery) + len(web) + denying.enforce()


def _gallery(report: Report, link: str) -> list[Picture]:
    by_page = Q(page_url=link) if link else Q(pk=None)
    return list(Picture.objects.filter(Q(pk=report.picture_id) | by_page))


def _web(report: Report, link: str) -> list[WebPicture]:
    by_address = Q(image_url=link) | Q(page_url=link) if link else Q(pk=None)
    return list(WebPicture.objects.filter(Q(pk=report.web_picture_id) | by_address))


def _deny_look_and_files(picture: Picture | WebPicture, report: Report) -> None:
    """Deny what a picture looks like, once a worker has looked at it, and what we made of it."""
    look = (picture.look or 0) & denying.UNSIGNED
    if FEW_EDGES <= look.bit_count() <= 64 - FEW_EDGES:
        denying.add(Denied.Kind.LOOK, f"{look:016x}", report)
    for name in filter(None, (picture.image, picture.thumbnail)):
        with contextlib.suppress(FileNotFoundError):
            denying.add(Denied.Kind.SHA256, hashlib.sha256(storage.read(name)).hexdigest(), report)


def forget_old() -> None:
    """Delete what people wrote when its time is over; the deny-list stays."""
    kept = timezone.now() - timedelta(days=settings.REPORTS_KEPT_DAYS)
    Report.objects.filter(created_at__lt=kept).delete()
