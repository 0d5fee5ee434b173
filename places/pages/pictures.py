"""One picture's page: what is known of it, and the pictures most like it."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from redis.exceptions import RedisError

from errors import UserError
from places import denying, fetching, ranking, searching, storage
from places.doors import check_rate, status_of
from places.models import ModelVersion, Picture, WebPicture
from places.pages.answering import led_to, refused
from places.pages.arranging import arrange
from places.presenting import present_like, present_picture


@require_safe
def picture(request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
    """Show a picture of the gallery, or one of the web that is kept, with pictures like it."""
    found = find(kind, pk)
    asked = ranking.by_picture(found, ModelVersion.serving_places())
    results = [present_like(like) for like in ranking.nearest(asked, but=found.pk)]
    context = {
        "found": present_picture(found),
        "place": found.place if isinstance(found, Picture) and found.place and not found.place.retired_at else None,
        "similar": arrange(results, request.GET),
        "unseen": asked.embedding is None,
    }
    if asked.embedding is None and isinstance(found, WebPicture):
        _have_looked_at(found)
    response = render(request, "picture.html", context)
    if kind == "web":
        response["X-Robots-Tag"] = "noindex"
    return response


def find(kind: str, pk: UUID) -> Picture | WebPicture:
    """Return a picture that may be shown. Raises Http404."""
    found: Picture | WebPicture | None = None
    if kind == "gallery":
        approved = Picture.objects.filter(status=Picture.Status.APPROVED).exclude(image="")
        found = approved.select_related("place").filter(pk=pk).first()
    elif kind == "web":
        found = next(iter(denying.allowed(WebPicture.objects.filter(pk=pk).select_related("query"))), None)
    if found is None:
        raise Http404
    return found


def _have_looked_at(found: WebPicture) -> None:
    """Have a picture of the web fetched and embedded soon."""
    try:
        fetching.ask_for(found.pk, small=True)
    except (UserError, RedisError):
        pass  # whoever reloads the page asks again


@require_POST
def search_by(request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
    """Search by a picture of ours as if it were a visitor's photo."""
    found = find(kind, pk)
    name = found.image or found.thumbnail
    try:
        check_rate(request)
        search, token = searching.submit(data=storage.read(name) if name else b"")
    except FileNotFoundError:
        return refused(request, 404, _("This picture is not here any more."))
    except UserError as error:
        return refused(request, status_of(error.code), error.message)
    return led_to(search, token)
