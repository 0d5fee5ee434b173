"""What several pages answer with: a search and its owner's cookie, that it is gone, that something is refused."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from places import searching
from places.models import Search


def cookie(search: Search) -> str:
    """Return the name of the cookie that says who sent a photo."""
    return f"owner_{search.pk}"


def owns(request: HttpRequest, search: Search) -> bool:
    """Whether who asks is who sent the photo."""
    return search.is_owner(request.COOKIES.get(cookie(search), ""))


def led_to(search: Search, token: str, came_from: str = "") -> HttpResponse:
    """Wait a little for a new search's answer and lead its owner to it; ``came_from`` is a place's slug."""
    searching.wait(search, settings.ANSWER_WITHIN_S)
    page = reverse("pages:search", args=[search.pk])
    came = f"?{urlencode({'place': came_from})}" if came_from else ""
    response = HttpResponse(status=303, headers={"Location": page + came})
    # Only its own page is told: many searches must not make every request heavier.
    response.set_cookie(
        cookie(search), token, path=page, max_age=settings.RETENTION_HOURS * 3600,
        httponly=True, samesite="Lax", secure=settings.HTTPS,
    )  # fmt: skip
    return response


def gone(request: HttpRequest, search: Search) -> HttpResponse:
    """Say that a search was deleted or has expired."""
    response = render(request, "gone.html", {"gone": search.pk}, status=410)
    response["X-Robots-Tag"] = "noindex"
    return response


def refused(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """Say in a sentence why something is not done."""
    return render(request, "refused.html", {"message": message}, status=status)
