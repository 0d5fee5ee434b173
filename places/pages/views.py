"""Doors for people: read the request, call one function, show a page. They work without scripts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template import loader
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from errors import UserError
from places import feedback, searching, uploads
from places.doors import check_rate, retry_after, status_of
from places.models import Feedback, Picture, Place, Search
from places.models.search import ENDED
from places.pages import showing
from places.presenting import present

FACES = 12
LONGEST_URL = 2000
LONGEST_QUERY = 200
GALLERY_PICTURES = 24


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """Ask for a photo; take it from those whose browser runs no scripts."""
    if request.method != "POST":
        return _form(request, url=request.GET.get("url", "")[:LONGEST_URL])
    uploads.limit(request)
    try:
        uploads.check_announced(request)
    except UserError as error:
        return _form(request, error=error)
    return _take(request)


@csrf_protect
def _take(request: HttpRequest) -> HttpResponse:
    """Take the form's photo or address. The token is checked here, once receiving is limited."""
    url = request.POST.get("url", "").strip()
    try:
        uploads.check_received(request)
        check_rate(request)
        data = uploads.read_one(request.FILES) if request.FILES or not url else None
        search, token = searching.submit(data=data, url="" if data is not None else url)
    except UserError as error:
        return _form(request, url=url[:LONGEST_URL], error=error)
    searching.wait(search, settings.ANSWER_WITHIN_S)
    page = reverse("pages:search", args=[search.pk])
    response = HttpResponse(status=303, headers={"Location": page})
    # Only its own page is told: many searches must not make every request heavier.
    response.set_cookie(
        _cookie(search), token, path=page, max_age=settings.RETENTION_HOURS * 3600,
        httponly=True, samesite="Lax", secure=settings.HTTPS,
    )  # fmt: skip
    return response


def _form(request: HttpRequest, *, url: str = "", error: UserError | None = None) -> HttpResponse:
    known = showing.recognised()
    context = {
        "url": url,
        "error": error.message if error else "",
        "faces": showing.cards(showing.mixed(known, FACES)),
        "count": known.count(),
    }
    response = render(request, "home.html", context, status=status_of(error.code) if error else 200)
    if error and (seconds := retry_after(error)):
        response["Retry-After"] = str(seconds)
    return response


def _cookie(search: Search) -> str:
    return f"owner_{search.pk}"


def _owns(request: HttpRequest, search: Search) -> bool:
    return search.is_owner(request.COOKIES.get(_cookie(search), ""))


@never_cache
@require_safe
def search(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a search as it is now; whoever has its address may look."""
    found = get_object_or_404(Search.objects.select_related("place", "model_version"), pk=pk)
    if found.gone:
        return _gone(request)
    response = render(request, "search.html", _answer(found, _owns(request, found)))
    response["X-Robots-Tag"] = "noindex"
    return response


def _answer(search: Search, owner: bool) -> dict[str, Any]:
    shown = present(search, owner=owner)
    return {
        "shown": shown,
        "place": search.place,
        "expires_at": search.expires_at,
        "open": shown["state"] not in ENDED or shown["similar"]["state"] not in ENDED,
        "band": showing.band(shown["answer"]),
        "guesses": showing.guesses(shown["predictions"]),
        "count": showing.recognised().count(),
        "owner": owner,
        "said": Feedback.objects.filter(search=search).select_related("place").first() if owner else None,
        "choices": Place.objects.all() if owner else [],
    }


def _gone(request: HttpRequest) -> HttpResponse:
    response = render(request, "gone.html", status=410)
    response["X-Robots-Tag"] = "noindex"
    return response


@require_POST
def give_feedback(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep what the owner says of the answer, and show it again."""
    found = get_object_or_404(Search.objects.select_related("place"), pk=pk)
    if found.gone:
        return _gone(request)
    if not _owns(request, found):
        return _refused(request, 403, _("Only who sent the photo can say whether the answer is right."))
    try:
        feedback.give(
            found,
            right=request.POST.get("right") == "yes",
            slug=request.POST.get("place") or None,
            keep="keep" in request.POST,
        )
    except UserError as error:
        return _refused(request, status_of(error.code), error.message)
    return HttpResponse(status=303, headers={"Location": reverse("pages:search", args=[pk]) + "#said"})


@require_POST
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Delete the owner's photo and its answer at once; its page then says that it is gone."""
    found = get_object_or_404(Search, pk=pk)
    if found.gone:
        return _gone(request)
    if not _owns(request, found):
        return _refused(request, 403, _("Only who sent the photo can delete it."))
    searching.delete(found)
    page = reverse("pages:search", args=[pk])
    response = HttpResponse(status=303, headers={"Location": page})
    response.delete_cookie(_cookie(found), path=page)
    return response


@require_safe
def places(request: HttpRequest) -> HttpResponse:
    """Show every place by continent, or those with the asked words in one of their names."""
    query = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_QUERY]
    groups = showing.by_continent(Place.objects.named(query))
    continents = {continent: showing.cards(group) for continent, group in groups.items()}
    context = {"query": query, "continents": continents, "count": showing.recognised().count()}
    return render(request, "places.html", context)


@require_safe
def place(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one place: what it is, where it is, what is near, and its pictures."""
    found = get_object_or_404(Place, slug=slug)
    pictures = Picture.objects.filter(place=found, status=Picture.Status.APPROVED).exclude(thumbnail="")
    context = {
        "place": found,
        "nearby": found.nearby(),
        "recognised": showing.recognised().filter(pk=found.pk).exists(),
        "pictures": pictures[:GALLERY_PICTURES],
    }
    return render(request, "place.html", context)


def _refused(request: HttpRequest, status: int, message: str) -> HttpResponse:
    return render(request, "refused.html", {"message": message}, status=status)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Say that there is nothing at an address."""
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say that something went wrong, with nothing that could go wrong again."""
    return HttpResponse(loader.render_to_string("500.html"), status=500)
