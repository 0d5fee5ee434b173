"""More ways to ask than the first page's form: again, of a part, from other programs; and what was asked before."""

from __future__ import annotations

import re
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from errors import UserError
from places import searching
from places.doors import check_rate, status_of
from places.models import Search
from places.pages import views
from places.pages.answering import gone, led_to, owns, refused
from places.pages.parts import sent_part

ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)


@require_POST
def again(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Search by the photo of an earlier search, or by a part of it, without sending it again."""
    source = get_object_or_404(Search, pk=pk)
    if source.gone:
        return gone(request, source)
    try:
        check_rate(request)
        crop = None if "whole" in request.POST else sent_part(request.POST)
        search, token = searching.submit_again(source, crop, owner=owns(request, source))
    except UserError as error:
        return refused(request, status_of(error.code), error.message)
    return led_to(search, token)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def share(request: HttpRequest) -> HttpResponse:
    """Take what a phone's share sheet sends to the installed page.

    A share sheet has no token of ours. What stands in for it: browsers say ``none`` of requests that no page
    caused, and no page can make them say so. An address only leads to the page that asks for a press.
    """
    if request.method != "POST":
        return HttpResponseRedirect(reverse("pages:home"))
    if request.headers.get("Sec-Fetch-Site") != "none":
        return refused(request, 403, _("This address is for a phone’s share sheet. Please choose the photo here."))
    if error := views.limit(request):
        return error
    shared = " ".join(request.POST.get(name, "") for name in ("url", "text", "title"))
    if not request.FILES and (address := ADDRESS.search(shared)):
        return HttpResponseRedirect(f"{reverse('pages:home')}?{urlencode({'url': address[0]})}", status=303)
    return views.take(request)


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """Show what this device keeps of its searches. The list is drawn by a script: the site does not have it."""
    return render(request, "history.html")


@require_safe
def manifest(request: HttpRequest) -> JsonResponse:
    """Describe the page to browsers that can install it and share photos to it."""
    icon = {"src": static("img/mark.svg"), "type": "image/svg+xml", "sizes": "any"}
    target = {
        "action": reverse("pages:share"),
        "method": "POST",
        "enctype": "multipart/form-data",
        "params": {
            "title": "title", "text": "text", "url": "url", "files": [{"name": "image", "accept": ["image/*"]}],
        },
    }  # fmt: skip
    described = {
        "name": _("Where is this?"),
        "short_name": _("Where is this?"),
        "id": reverse("pages:home"),
        "start_url": reverse("pages:home"),
        "scope": reverse("pages:home"),
        "display": "standalone",
        "background_color": "#fbfaf8",
        "theme_color": "#0f766e",
        "icons": [icon],
        "share_target": target,
    }
    return JsonResponse(described, content_type="application/manifest+json")
