"""Doors to the places: all of them, and one."""

from __future__ import annotations

from itertools import chain

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from places.models import Picture, Place
from places.pages import showing
from places.presenting import present_picture

LONGEST_QUERY = 200
PICTURES_A_PAGE = 24
MANY_PICTURES = 12  # from so many on, one may search them by words


def _words(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\x00", "").strip()[:LONGEST_QUERY]


@require_safe
def places(request: HttpRequest) -> HttpResponse:
    """Show every place on a map and by continent, or those of a region, or with the asked words in a name."""
    query, region = _words(request, "q"), _words(request, "in")
    found = showing.by_continent(Place.objects.current().named(query).within(region))
    context = {
        "query": query,
        "region": region,
        "regions": showing.regions(),
        "cards": showing.cards(chain.from_iterable(found.values())),
        "count": showing.recognised().count(),
    }
    return render(request, "places.html", context)


@require_safe
def place(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one place: what it is, where it is, what is near, its pictures; and take a photo to compare with it."""
    found = get_object_or_404(Place.objects.select_related("merged_into"), slug=slug)
    if found.retired_at is not None:
        return _elsewhere(request, found)
    query = _words(request, "q")
    approved = Picture.objects.filter(place=found, status=Picture.Status.APPROVED).exclude(thumbnail="")
    total = approved.count()
    asked = approved.filter(title__icontains=query) if query else approved
    page = Paginator(asked, PICTURES_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "place": found,
        "names": showing.other_names(found),
        "nearby": found.nearby(),
        "recognised": showing.recognised().filter(pk=found.pk).exists(),
        "page": page,
        "pictures": [present_picture(picture) for picture in page],
        "query": query,
        "total": total,
        "many": total > MANY_PICTURES,
    }
    return render(request, "place.html", context)


def _elsewhere(request: HttpRequest, place: Place) -> HttpResponse:
    """Lead to the place that a merged one became; say that a retired one is gone.

    Browsers may not remember the way for ever: a curator can bring the place back.
    """
    if place.merged_into is not None:
        return redirect("pages:place", place.merged_into.slug)
    return render(request, "place_gone.html", {"place": place}, status=410)
