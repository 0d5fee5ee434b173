"""Serving reports: pages that were written by training, as files, to those who may look."""

from __future__ import annotations

import re
from pathlib import Path

from django.http import FileResponse, Http404
from django.http.response import HttpResponseBase

TYPES = {
    "report.html": "text/html; charset=utf-8",
    "comparison.html": "text/html; charset=utf-8",
    "report.json": "application/json",
    "comparison.json": "application/json",
    "answers.csv": "text/csv; charset=utf-8",
    "confusion.png": "image/png",
}
NAME = re.compile(r"(?:(?P<folder>\w[\w.-]*)/)?(?P<file>[a-z]+\.[a-z]+)")
# A report carries its own style and its pictures, and a stricter policy of its own; both have to allow a thing.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)


def filed(folder: Path, name: str) -> HttpResponseBase:
    """Return one of a report's files in ``folder``, or in a folder right below; raises Http404 for anything else."""
    found = NAME.fullmatch(name)
    if found is None or found["file"] not in TYPES:
        raise Http404
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise Http404
    response = FileResponse(
        open(path, "rb"),  # noqa: SIM115  (the response closes it)
        content_type=TYPES[found["file"]],
        as_attachment=path.suffix == ".csv",
        filename=path.name,
    )
    response["Content-Security-Policy"] = POLICY
    response["Cache-Control"] = "private, no-store"
    return response
