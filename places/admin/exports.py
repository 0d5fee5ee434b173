"""Exports: a page that offers them, and the files, written while they are sent."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from places import exporting, people
from places.admin_site import staff

SAYS = {
    "places": gettext_lazy("Places, with names, position, collections and the hexadecimal index."),
    "decisions": gettext_lazy("Decisions of curators: who, when, from what, to what."),
    "manifest": gettext_lazy("Pictures of the gallery: source, page, licence, author, hash, status, who decided."),
    "feedback": gettext_lazy("Feedback of visitors and what became of it, without their searches."),
}


def allowed(user: User | AnonymousUser) -> dict[str, exporting.Table]:
    """Return the tables that somebody may have."""
    return {name: table for name, table in exporting.TABLES.items() if user.has_perm(table.permission)}


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Offer what there is."""
    tables = allowed(request.user)
    if not tables:
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": _("Export"),
        "tables": [(name, SAYS[name], exporting.FORMATS) for name in tables],
    }
    return TemplateResponse(request, "admin/export.html", context)


@require_safe
def table(request: HttpRequest, name: str, kind: str) -> StreamingHttpResponse:
    """Send one table."""
    if name not in exporting.TABLES or kind not in exporting.FORMATS:
        raise Http404
    if name not in allowed(request.user):
        raise PermissionDenied
    people.log(staff(request), None, f"export {name}.{kind}")
    return _sent(exporting.text(exporting.TABLES[name], kind), exporting.FORMATS[kind], f"{name}.{kind}")


@require_safe
def everything(request: HttpRequest) -> StreamingHttpResponse:
    """Send all that somebody may have, as one file."""
    tables = allowed(request.user)
    if not tables:
        raise PermissionDenied
    people.log(staff(request), None, f"export {', '.join(tables)}")
    return _sent(exporting.archive(tables), exporting.ZIP, "export.zip")


def _sent(parts: Iterable[bytes], content_type: str, name: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(parts, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{timezone.now():%Y-%m-%d}-{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


PAGES = [
    ("export/", show, "export"),
    ("export/all.zip", everything, "export_all"),
    ("export/<slug:name>.<slug:kind>", table, "export_table"),
]
