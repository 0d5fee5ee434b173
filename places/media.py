"""Files by id: visitors' photos, the gallery, and pictures of the web that were fetched for a look."""

from __future__ import annotations

from uuid import UUID

from django.core.cache import cache
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from errors import UserError
from ml.bundle import BundleError
from places import broker, database, denying, explaining, storage
from places.fetching import ask_for, dead_key
from places.models import ModelVersion, Picture, Search, WebPicture

app_name = "media"
LOOK_WITHIN_S = 8.0
LONG = "public, max-age=604800, immutable"
# A picture's file never changes, but what is taken down has to be gone from everybody's screen: it is asked for again
# after five minutes, which costs an answer without a body.
FOR_A_WHILE = "public, max-age=300, must-revalidate"


def jpeg(request: HttpRequest, name: str, pk: UUID, cached: str, content_type: str = "image/jpeg") -> HttpResponseBase:
    """Answer one of our own files, a JPEG mostly, as a download when asked; a client may have it already."""
    etag = f'"{name}"' if cached == FOR_A_WHILE else ""
    if etag and (known := get_conditional_response(request, etag=etag)) is not None:
        return _marked(known, cached, etag)
    try:
        file = default_storage.open(name)
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(
        file,
        content_type=content_type,
        filename=f"{pk}.{name.rpartition('.')[2]}",
        as_attachment="download" in request.GET,
    )
    database.give_back()  # a client may take its time to read
    return _marked(response, cached, etag)


def _marked(response: HttpResponseBase, cached: str, etag: str) -> HttpResponseBase:
    response["Cache-Control"] = cached
    if etag:
        response["ETag"] = etag
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
def explained(request: HttpRequest, pk: UUID, drawing: str) -> HttpResponseBase:
    """How the network saw a visitor's photo, for who holds its id; drawn when it is first looked at."""
    search = get_object_or_404(Search.objects.select_related("model_version"), pk=pk)
    if search.gone:
        return HttpResponse("This photo was deleted.", status=410, content_type="text/plain")
    try:
        drawn = explaining.drawn(search, drawing) if drawing in storage.DRAWN and search.photo else None
    except UserError as error:
        return HttpResponse(error.message, status=503, content_type="text/plain", headers={"Retry-After": "30"})
    if drawn is None:
        raise Http404
    response = jpeg(request, drawn.name, pk, "private, no-store", drawn.content_type)
    response["X-Robots-Tag"] = "noindex"
    return response


@require_safe
def kernels(request: HttpRequest, pk: int) -> HttpResponse:
    """What the first layer of a model looks for."""
    version = get_object_or_404(ModelVersion, pk=pk)
    try:
        drawn = explaining.kernels(version.folder)
    except BundleError as error:
        raise Http404 from error
    if drawn is None:
        raise Http404
    return HttpResponse(drawn, content_type="image/png", headers={"Cache-Control": LONG})


@require_safe
def picture(request: HttpRequest, pk: UUID, small: bool) -> HttpResponseBase:
    """A picture of the gallery; what is not approved is for staff."""
    found = get_object_or_404(Picture, pk=pk)
    approved = found.status == Picture.Status.APPROVED
    if not approved and not getattr(request.user, "is_staff", False):
        raise Http404
    cached = FOR_A_WHILE if approved else "private, no-store"
    return jpeg(request, found.thumbnail if small else found.image, pk, cached)


@require_safe
def web_picture(request: HttpRequest, pk: UUID, small: bool) -> HttpResponseBase:
    """A picture that a source named, fetched by a worker when it is first looked at."""
    field = "thumbnail" if small else "image"
    found = get_object_or_404(WebPicture, pk=pk)
    if not denying.allowed([found]):
        raise Http404
    try:
        if not getattr(found, field) and not cache.get(dead_key(pk, small)):
            ask_for(pk, small)
            broker.await_ring(f"web:{pk}:{field}", LOOK_WITHIN_S, broker.looking)
            found.refresh_from_db()
        if not getattr(found, field):
            return HttpResponseNotFound() if cache.get(dead_key(pk, small)) else later()
    except (UserError, RedisError):
        return later()
    return jpeg(request, getattr(found, field), pk, FOR_A_WHILE)


def later() -> HttpResponse:
    """Say that the picture is not here yet."""
    return HttpResponse(
        "This picture is still being fetched.", status=503, content_type="text/plain", headers={"Retry-After": "2"}
    )


urlpatterns = [
    path("photos/<uuid:pk>.jpg", photo, name="photo"),
    path("searches/<uuid:pk>/<str:drawing>", explained, name="explained"),
    path("models/<int:pk>/kernels.png", kernels, name="kernels"),
    path("pictures/<uuid:pk>.jpg", picture, {"small": False}, name="picture"),
    path("pictures/<uuid:pk>/thumbnail.jpg", picture, {"small": True}, name="picture_thumbnail"),
    path("web/<uuid:pk>.jpg", web_picture, {"small": False}, name="web_picture"),
    path("web/<uuid:pk>/thumbnail.jpg", web_picture, {"small": True}, name="web_thumbnail"),
]
