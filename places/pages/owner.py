"""Doors of the operator's pages: privacy, contact, reports, robots.txt."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

from errors import UserError
from places import reporting
from places.doors import check_report_rate, retry_after, status_of
from places.models import Picture, WebPicture
from places.pages.forms import ContactForm, ReportForm
from places.pages.pictures import find

# Answers are their senders' own. Pages say "noindex" as well, for those who follow a link to one.
ROBOTS = """User-agent: *
Disallow: /s/
Disallow: /media/photos/
Disallow: /report/
Disallow: /pictures/web/
Disallow: /api/v1/searches/
Disallow: /admin/
Disallow: /*?url=
"""


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Say what is kept, for how long, and who gets to see what."""
    return render(request, "privacy.html", {"kept": settings})


@require_http_methods(["GET", "HEAD", "POST"])
def contact(request: HttpRequest) -> HttpResponse:
    """Say who runs the site; take a question, or the wish to have something taken down."""
    form = ContactForm(request.POST or None, initial={"address": request.GET.get("address", "")[:2000]})
    return _write(request, form, "contact.html")


@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, kind: str, pk: UUID) -> HttpResponse:
    """Take a report about one picture."""
    about = find(kind, pk)
    return _write(request, ReportForm(request.POST or None), "report.html", kind, about)


def _write(
    request: HttpRequest, form: ReportForm, template: str, kind: str = "", about: Picture | WebPicture | None = None
) -> HttpResponse:
    """Show a form, or keep what it says."""
    error, status = None, 200
    if request.method == "POST":
        try:
            if _keep(request, form, about):
                return HttpResponseRedirect(reverse("pages:received"), status=303)
            status = 400
        except UserError as refused:
            error, status = refused, status_of(refused.code)
    context = {"form": form, "kind": kind, "about": about, "error": error.message if error else ""}
    response = render(request, template, context, status=status)
    if kind:
        response["X-Robots-Tag"] = "noindex"
    if error and (seconds := retry_after(error)):
        response["Retry-After"] = str(seconds)
    return response


def _keep(request: HttpRequest, form: ReportForm, about: Picture | WebPicture | None) -> bool:
    """Keep a form that is in order; programs are told the same and nothing is kept. Raises SlowDown."""
    if form.from_a_program:
        return True
    if not form.is_valid():
        return False
    check_report_rate(request)
    told = {name: value for name, value in form.cleaned_data.items() if name != "website"}
    reporting.receive(**told, about=about)
    return True


@require_safe
def received(request: HttpRequest) -> HttpResponse:
    """Thank whoever wrote."""
    return render(request, "received.html")


@require_safe
@cache_control(public=True, max_age=3600)
def robots(request: HttpRequest) -> HttpResponse:
    """Tell search engines what is not theirs."""
    return HttpResponse(ROBOTS, content_type="text/plain; charset=utf-8")
