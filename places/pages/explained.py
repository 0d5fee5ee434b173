"""Doors behind an answer: how the network saw the photo, and the photo beside a guess."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from places import explaining
from places.models import Place, Search
from places.models.search import State
from places.pages import comparing, showing
from places.presenting import present


@never_cache
@require_safe
def sees(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what the network's first layer makes of a photo, where it looked, and how sure it is of what."""
    search = get_object_or_404(Search.objects.select_related("place", "model_version"), pk=pk)
    if search.gone or search.state != State.DONE:
        return _to_its_page(search)
    shown = present(search)
    context = {
        "shown": shown,
        "place": search.place,
        "band": showing.band(shown["answer"]),
        "guesses": showing.guesses(shown["predictions"]),
        "eye": explaining.eye_of(search.model_version) if search.photo else None,
        "heat": heat(search),
        "model": search.model_version,
    }
    return _hidden(render(request, "sees.html", context))


@never_cache
@require_safe
def compare(request: HttpRequest, pk: UUID, slug: str) -> HttpResponse:
    """Show a photo beside a place's pictures."""
    search = get_object_or_404(Search.objects.select_related("place", "model_version"), pk=pk)
    if search.gone or search.state != State.DONE:
        return _to_its_page(search)
    compared = comparing.compare(search, get_object_or_404(Place.objects.current(), slug=slug))
    return _hidden(render(request, "compare.html", {"shown": present(search), "compared": compared}))


def heat(search: Search) -> dict[str, Any] | None:
    """Return the address of an answer's heat map and where it is hot in words, None where none is offered."""
    if search.kind != "place" or search.place is None or not search.photo:
        return None
    words = explaining.looked(search)
    return {"url": reverse("media:explained", args=[search.pk, "heat.png"]), "words": words} if words else None


def _to_its_page(search: Search) -> HttpResponse:
    """Lead to the search's own page, which says why there is nothing to explain."""
    return HttpResponse(status=303, headers={"Location": reverse("pages:search", args=[search.pk])})


def _hidden(response: HttpResponse) -> HttpResponse:
    response["X-Robots-Tag"] = "noindex"
    return response
