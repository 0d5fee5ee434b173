"""Doors for people: read the request, call one function, show a page. They work without scripts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

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
from places.models import Feedback, Place, Search
from places.models.search import ENDED
from places.pages import explained, showing
from places.pages.answering import cookie, gone, led_to, owns, refused
from places.pages.arranging import arrange
from places.pages.comparing import came_from
from places.pages.parts import outline, sent_part
from places.pages.positions import own_position
from places.presenting import present

FACES = 12
LONGEST_URL = 2000
LONGEST_NAME = 200


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """Ask for a photo; take it from those whose browser runs no scripts."""
    if request.method != "POST":
        url = request.GET.get("url", "").replace("\x00", "")[:LONGEST_URL]
        return _form(request, url=url, confirm=bool(url))
    return limit(request) or _take_own(request)


def limit(request: HttpRequest) -> HttpResponse | None:
    """Set up receiving of a photo; return the refusal of one that announces to be too large."""
    uploads.limit(request)
    try:
        uploads.check_announced(request)
    except UserError as error:
        return _form(request, error=error)
    return None


def take(request: HttpRequest) -> HttpResponse:
    """Take a form's photo or address, and lead to its answer."""
    url = request.POST.get("url", "").strip()
    try:
        uploads.check_received(request)
        check_rate(request)
        data = uploads.read_one(request.FILES) if request.FILES or not url else None
        search, token = searching.submit(data=data, url="" if data is not None else url, crop=sent_part(request.POST))
    except UserError as error:
        return _form(request, url=url[:LONGEST_URL], error=error)
    return led_to(search, token, came_from=request.POST.get("place", ""))


# The token is looked for in what was received, so that is limited first.
_take_own = csrf_protect(take)


def _form(
    request: HttpRequest, *, url: str = "", confirm: bool = False, error: UserError | None = None
) -> HttpResponse:
    known = showing.recognised()
    context = {
        "url": url,
        "came_from": request.POST.get("place", ""),
        "confirm": confirm,
        "error": error.message if error else "",
        "usual": Search.objects.usual_seconds(),
        "faces": showing.cards(showing.mixed(known, FACES)),
        "count": known.count(),
    }
    response = render(request, "home.html", context, status=status_of(error.code) if error else 200)
    if error and (seconds := retry_after(error)):
        response["Retry-After"] = str(seconds)
    return response


@never_cache
@require_safe
def search(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a search as it is now; whoever has its address may look."""
    found = get_object_or_404(Search.objects.select_related("place", "model_version"), pk=pk)
    if found.gone:
        return gone(request, found)
    context = _answer(found, owns(request, found))
    context["similar"] = arrange(context["shown"]["similar"]["results"], request.GET)
    context["compared"] = came_from(found, request.GET.get("place", ""))
    response = render(request, "search.html", context)
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
        "heat": explained.heat(search) if shown["answer"] else None,
        "count": showing.recognised().count(),
        "owner": owner,
        "own": own_position(search, search.place if search.kind == "place" else None) if owner else None,
        "said": Feedback.objects.filter(search=search).select_related("place").first() if owner else None,
        "choices": showing.choices(shown["predictions"]) if owner else [],
        "usual": Search.objects.usual_seconds(),
        "outline": outline(search.crop),
    }


@require_POST
def give_feedback(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep what the owner says of the answer, and show it again."""
    found = get_object_or_404(Search.objects.select_related("place"), pk=pk)
    if found.gone:
        return gone(request, found)
    if not owns(request, found):
        return refused(request, 403, _("Only who sent the photo can say whether the answer is right."))
    try:
        feedback.give(
            found,
            right=request.POST.get("right") == "yes",
            slug=_slug_of(request.POST.get("place", "")),
            keep="keep" in request.POST,
        )
    except UserError as error:
        return refused(request, status_of(error.code), error.message)
    return HttpResponse(status=303, headers={"Location": reverse("pages:search", args=[pk]) + "#said"})


def _slug_of(name: str) -> str | None:
    """Return the slug of the place that somebody named, the name itself when there is none, None for no name."""
    name = name.replace("\x00", "").strip()[:LONGEST_NAME]
    if not name:
        return None
    named = Place.objects.current().called(name)
    return named.values_list("slug", flat=True).first() or name


@require_POST
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Delete the owner's photo and its answer at once; its page then says that it is gone."""
    found = get_object_or_404(Search, pk=pk)
    if found.gone:
        return gone(request, found)
    if not owns(request, found):
        return refused(request, 403, _("Only who sent the photo can delete it."))
    searching.delete(found)
    page = reverse("pages:search", args=[pk])
    response = HttpResponse(status=303, headers={"Location": page})
    response.delete_cookie(cookie(found), path=page)
    return response


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Say that there is nothing at an address."""
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say that something went wrong, with nothing that could go wrong again."""
    return HttpResponse(loader.render_to_string("500.html"), status=500)
