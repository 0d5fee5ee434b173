"""Files by id: visitors' photos, the gallery, and pictures of the web that were fetched for a look."""

from __future__ import annotations

from uuid import UUID

from django.core.cache import cache
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from errors import UserError
from places import broker, database
from places.finding import ask_for, dead_key
from places.models import Picture, Search, WebPicture

app_name = "media"
LOOK_WITHIN_S = 8.0
LONG = "public, max-age=604800, immutable"


def jpeg(request: HttpRequest, name: str, pk: UUID, cached: str) -> HttpResponseBase:
    """Answer one of our re-encoded files, as a download when asked."""
    try:
        file = default_storage.open(name)
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(
        file, content_type="image/jpeg", filename=f"{pk}.jpg", as_attachment="download" in request.GET
    )
    response["Cache-Control"] = cached
    database.give_back()  # a client may take its time to read
    return response


@require_safe
def photo(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """A visitor's photo, for who holds its id."""
    search = get_object_or_404(Search, pk=pk)
    if search.gone:
        return HttpResponse("This photo was deleted.", status=410, content_type="text/plain")
    if not search.photo:
        raise Http404
    response = jpeg(request, search.photo, pk, "private, no-store")
    response["X-Robots-Tag"] = "noindex"
    return response


@require_safe
def picture(request: HttpRequest, pk: UUID, small: bool) -> HttpResponseBase:
    """A picture of the gallery; what is not approved is for staff."""
    found = get_object_or_404(Picture, pk=pk)
    approved = found.status == Picture.Status.APPROVED
    if not approved and not getattr(request.user, "is_staff", False):
        raise Http404
    return jpeg(request, found.thumbnail if small else found.image, pk, LONG if approved else "private, no-store")


@require_safe
def web_picture(request: HttpRequest, pk: UUID, small: bool) -> HttpResponseBase:
    """A picture that a source named, fetched by a worker when it is first looked at."""
    field = "thumbnail" if small else "image"
    found = get_object_or_404(WebPicture, pk=pk)
    try:
        if not getattr(found, field) and not cache.get(dead_key(pk, small)):
            ask_for(pk, small)
            broker.await_ring(f"web:{pk}:{field}", LOOK_WITHIN_S, broker.looking)
            found.refresh_from_db()
        if not getattr(found, field):
            return HttpResponseNotFound() if cache.get(dead_key(pk, small)) else later()
    except (UserError, RedisError):
        return later()
    return jpeg(request, getattr(found, field), pk, LONG)


def later() -> HttpResponse:
    """Say that the picture is not here yet."""
    return HttpResponse(
        "This picture is still being fetched.", status=503, content_type="text/plain", headers={"Retry-After": "2"}
    )


urlpatterns = [
    path("photos/<uuid:pk>.jpg", photo, name="photo"),
    path("pictures/<uuid:pk>.jpg", picture, {"small": False}, name="picture"),
    path("pictures/<uuid:pk>/thumbnail.jpg", picture, {"small": True}, name="picture_thumbnail"),
    path("web/<uuid:pk>.jpg", web_picture, {"small": False}, name="web_picture"),
    path("web/<uuid:pk>/thumbnail.jpg", web_picture, {"small": True}, name="web_thumbnail"),
]
