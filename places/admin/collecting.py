"""Collecting from the admin: begin, watch, stop and go on; what was kept, what was dropped and why."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crawler import sources as services
from crawler.ledger import THUMBNAILS
from errors import UserError
from places import candidates, collecting, people
from places.admin_site import staff
from places.models import Collection, CollectRun, Place

LISTED = 30
_DIGEST = re.compile(r"[0-9a-f]{64}")
REASONS = {
    "too_small": gettext_lazy("too small"),
    "too_odd": gettext_lazy("too long and narrow"),
    "not_a_photo": gettext_lazy("drawings, maps and pages of text"),
    "same_file": gettext_lazy("exact copies"),
    "near_copy": gettext_lazy("near-copies"),
    "in_two_classes": gettext_lazy("found for two places"),
    "denied": gettext_lazy("here already, rejected or taken down"),
    "opted_out": gettext_lazy("the owner asks programs not to use it"),
}


class BeginForm(forms.Form):
    """What to collect."""

    collection = forms.ModelChoiceField(
        Collection.objects.all(), required=False, label=gettext_lazy("All places of the collection"), empty_label="–"
    )
    places = forms.ModelMultipleChoiceField(
        Place.objects.none(), required=False, label=gettext_lazy("Places"),
        widget=forms.SelectMultiple(attrs={"size": 12}),
    )  # fmt: skip
    sources = forms.MultipleChoiceField(
        label=gettext_lazy("Sources"), widget=forms.CheckboxSelectMultiple, required=False
    )
    per_place = forms.IntegerField(
        label=gettext_lazy("Pictures a place"), initial=50, min_value=1, max_value=candidates.MOST_A_PLACE
    )
    drawings = forms.BooleanField(label=gettext_lazy("Keep drawings, maps and pages of text too"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        available = collecting.sources()
        self.fields["places"].queryset = Place.objects.current()  # type: ignore[attr-defined]
        self.fields["sources"].choices = [(name, services.LABELS[name]) for name in available]  # type: ignore[attr-defined]
        self.fields["sources"].initial = list(available)

    def wanted(self) -> list[Place]:
        """Return the chosen places, each once."""
        chosen = set(self.cleaned_data["places"])
        if self.cleaned_data["collection"] is not None:
            chosen |= set(Place.objects.current().filter(collections=self.cleaned_data["collection"]))
        return sorted(chosen, key=lambda place: place.slug)


def _needs(request: HttpRequest, deed: str) -> None:
    if not request.user.has_perm(f"places.{deed}_collectrun"):
        raise PermissionDenied


@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest) -> HttpResponse:
    """Show the runs, and begin one."""
    _needs(request, "add" if request.method == "POST" else "view")
    named = Place.objects.current().filter(slug__in=request.GET.getlist("place"))
    form = BeginForm(request.POST or None, initial={"places": named})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            run = candidates.start(
                form.wanted(), said["sources"], said["per_place"], staff(request), drawings=said["drawings"]
            )
        except UserError as error:
            form.add_error(None, error.message)
        else:
            people.log(staff(request), run, "Collecting begun.")
            candidates.go(run)
            return HttpResponseRedirect(reverse("admin:collect_run", args=[run.pk]))
    context = {
        **admin.site.each_context(request),
        "title": _("Collecting"),
        "form": form,
        "may_begin": request.user.has_perm("places.add_collectrun"),
        "runs": CollectRun.objects.select_related("by").prefetch_related("places")[:LISTED],
        "left_out": services.left_out({name: str(getattr(settings, name, "")) for name in services.SETTINGS}).values(),
    }
    return TemplateResponse(request, "admin/collecting.html", context)


@require_safe
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how a run goes."""
    _needs(request, "view")
    run = get_object_or_404(CollectRun.objects.select_related("by"), pk=pk)
    counts = run.counts
    other = CollectRun.objects.filter(state=CollectRun.State.RUNNING).exclude(pk=pk).first() if run.open else None
    context = {
        **admin.site.each_context(request),
        "title": _("Collecting: run {number}").format(number=pk),
        "run": run,
        "counts": counts,
        "other": other,
        "wanted": run.per_place * run.places.count(),
        "places": [(place, counts.get("places", {}).get(place.slug, 0)) for place in run.places.all()],
        "reasons": [(REASONS.get(name, name.replace("_", " ")), count) for name, count in _most(counts)],
        "dropped": [(row, REASONS.get(row.reason, row.reason.replace("_", " "))) for row in candidates.dropped(run)],
        "per_minute": round(60 * counts.get("rate", 0.0), 1),
        "left": _duration(counts.get("left_s")),
        "may_change": request.user.has_perm("places.change_collectrun"),
    }
    return TemplateResponse(request, "admin/collect_run.html", context)


def _duration(seconds: float | None) -> str:
    """Return how long something takes, as roughly as it is known; empty for None."""
    if seconds is None:
        return ""
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    return ngettext("%(n)d hour", "%(n)d hours", round(minutes / 60)) % {"n": round(minutes / 60)}


def _most(counts: dict[str, Any]) -> list[tuple[str, int]]:
    return sorted(counts.get("reasons", {}).items(), key=lambda item: -item[1])


@require_safe
def state(request: HttpRequest, pk: int) -> HttpResponse:
    """Say how a run goes, to the page's script."""
    _needs(request, "view")
    run = get_object_or_404(CollectRun, pk=pk)
    return JsonResponse({"state": run.state, "open": run.open, "counts": run.counts, "error": run.error})


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a run, or go on with it."""
    _needs(request, "change")
    run = get_object_or_404(CollectRun, pk=pk)
    if "stop" in request.POST:
        candidates.stop(run)
        people.log(staff(request), run, "Collecting stopped.")
        messages.success(request, _("It stops; what it has stays."))
    else:
        candidates.go(run)
        people.log(staff(request), run, "Collecting continued.")
        messages.success(request, _("It goes on where it was."))
    return HttpResponseRedirect(reverse("admin:collect_run", args=[pk]))


@require_safe
def dropped(request: HttpRequest, pk: int, digest: str) -> HttpResponseBase:
    """A thumbnail of what a run has dropped."""
    _needs(request, "view")
    path = get_object_or_404(CollectRun, pk=pk).folder / THUMBNAILS / digest
    if not _DIGEST.fullmatch(digest) or not path.is_file():
        raise Http404
    return FileResponse(path.open("rb"), content_type="image/jpeg", headers={"Cache-Control": "private, max-age=300"})


PAGES = [
    ("collecting/", overview, "collecting"),
    ("collecting/<int:pk>/", one, "collect_run"),
    ("collecting/<int:pk>/state/", state, "collect_state"),
    ("collecting/<int:pk>/change/", change, "collect_change"),
    ("collecting/<int:pk>/dropped/<str:digest>.jpg", dropped, "collect_dropped"),
]
