"""The admin's pages for spreadsheets of places: what would change, the change itself, and the places to take away."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from errors import UserError
from places import people, spreadsheets
from places.admin_site import staff
from places.models import Place
from places.place_rows import COLUMNS

# More takes longer than a page may.
LIMITS = spreadsheets.Limits(rows=10_000, size=10 * 2**20, unpacked=100 * 2**20)
KEPT_S = 3600  # how long a sheet waits for somebody to agree
SALT = "places.import"
KINDS = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "csv": "text/csv"}


class Sheet(forms.Form):
    """A spreadsheet."""

    file = forms.FileField(
        label=gettext_lazy("Spreadsheet"), help_text=gettext_lazy(".xlsx, or .csv in UTF-8, at most 10 MB")
    )


@require_http_methods(["GET", "HEAD", "POST"])
def take(request: HttpRequest) -> HttpResponse:
    """Ask for a sheet, say what it would change, and change it when somebody agrees."""
    if not request.user.has_perms(["places.add_place", "places.change_place"]):
        raise PermissionDenied
    if "agreed" in request.POST:
        return _write(request)
    form = Sheet(request.POST or None, request.FILES or None)
    report = token = None
    if form.is_valid():
        path = _keep(form.cleaned_data["file"])
        try:
            report = spreadsheets.run(path, write=False, limits=LIMITS)
        except UserError as error:
            form.add_error("file", error.message)
        if report is None or report.wrong or not (report.new or report.changed):
            shutil.rmtree(path.parent)
        else:
            token = signing.dumps([path.parent.name, path.name, report.digest, staff(request).pk], salt=SALT)
    context = {"form": form, "report": report, "token": token, "columns": COLUMNS, "most": LIMITS.rows}
    return _page(request, **context)


def _write(request: HttpRequest) -> HttpResponse:
    """Take over the sheet that somebody has seen the changes of; it must still be those."""
    try:
        folder, name, digest, pk = signing.loads(request.POST["agreed"], salt=SALT, max_age=KEPT_S)
        path = _folder() / str(UUID(folder)) / name
        if pk != staff(request).pk or not path.is_file():
            raise UserError("gone", "This spreadsheet is not here any more. Please choose it again.")
        report = spreadsheets.run(path, staff(request), write=True, expected=digest, limits=LIMITS)
    except (UserError, signing.BadSignature) as error:
        gone = _("This spreadsheet is not here any more. Please choose it again.")
        messages.error(request, error.message if isinstance(error, UserError) else gone)
        return redirect("admin:places_place_import")
    shutil.rmtree(path.parent, ignore_errors=True)
    told = _("Imported: %(new)d new, %(changed)d changed.") % {"new": report.new, "changed": report.changed}
    messages.success(request, told)
    return redirect("admin:places_place_changelist")


@require_safe
def give(request: HttpRequest, kind: str) -> HttpResponse | FileResponse:
    """Send all current places as .xlsx or .csv."""
    if not request.user.has_perm("places.view_place"):
        raise PermissionDenied
    if kind not in KINDS:
        raise Http404
    people.log(staff(request), None, f"Exported the places as .{kind}.")
    return sent(Place.objects.current(), kind)


def sent(places: QuerySet[Place], kind: str) -> FileResponse:
    """Return places as a file to keep."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"places.{kind}"
        spreadsheets.export(path, places)
        file = path.open("rb")  # stays readable until it is closed
    name = f"places-{timezone.now():%Y-%m-%d}.{kind}"
    return FileResponse(file, as_attachment=True, filename=name, content_type=KINDS[kind])


def _folder() -> Path:
    folder: Path = settings.VAR_DIR / "imports"
    return folder


def _keep(file: UploadedFile[bytes]) -> Path:
    """Keep a sheet for a while, and forget those that nobody agreed to."""
    for old in _folder().glob("*"):
        if time.time() - old.stat().st_mtime > KEPT_S:
            shutil.rmtree(old, ignore_errors=True)
    path = _folder() / str(uuid4()) / get_valid_filename(Path(file.name or "sheet").name)
    path.parent.mkdir(parents=True)
    path.write_bytes(file.read())
    return path


def _page(request: HttpRequest, **context: Any) -> HttpResponse:
    context |= {"title": _("Import places"), "opts": Place._meta}
    return render(request, "admin/places/place/import.html", {**admin.site.each_context(request), **context})
