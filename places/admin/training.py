"""Trainings: starting one, watching it, and the new version beside the one that serves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from errors import UserError
from places import material, training
from places.admin.filed import filed
from places.admin.models import ReadOnly
from places.admin_site import staff
from places.models import Collection, Place, TrainingRun

STEPS = {
    training.TRAINING: gettext_lazy("Training"),
    training.REPORTING: gettext_lazy("Writing the report"),
    training.COMPARING: gettext_lazy("Comparing with the version that serves"),
}
PHASES = {
    "reading": gettext_lazy("reading the photos"),
    "features": gettext_lazy("computing what the frozen layers see"),
    "head": gettext_lazy("training the head"),
    "tail": gettext_lazy("fine-tuning the last layers"),
    "export": gettext_lazy("writing the bundle"),
    "eight_bits": gettext_lazy("making the 8-bit model"),
    "looking": gettext_lazy("asking about photos that were held out"),
    "changing": gettext_lazy("asking about photos that were changed a little"),
}
FIGURES = {
    "loss": gettext_lazy("loss"),
    "val_loss": gettext_lazy("loss, held out"),
    "val_accuracy": gettext_lazy("accuracy, held out"),
}


class TrainForm(forms.Form):
    """What to train."""

    collection = forms.ModelChoiceField(
        Collection.objects.all(), required=False, label=gettext_lazy("Collection"),
        empty_label=gettext_lazy("all places"),
    )  # fmt: skip
    leave_out = forms.BooleanField(
        required=False, label=gettext_lazy("Leave out places with too few approved pictures"),
        help_text=gettext_lazy("Their pictures then teach what a place looks like that the model does not know."),
    )  # fmt: skip
    agreed = forms.BooleanField(
        required=False, label=gettext_lazy("Also train on undecided pictures that the model agrees with"),
        help_text=gettext_lazy("Where it is as sure as for a pre-label that they show what they were collected for."),
    )  # fmt: skip
    quick = forms.BooleanField(
        required=False, label=gettext_lazy("A quick try"),
        help_text=gettext_lazy("Minutes rather than an hour: no fine-tuning, no 8-bit model; a little less accurate."),
    )  # fmt: skip


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnly):
    """Trainings; each has a page that shows how far it is."""

    list_display = ["id", "subject_", "state", "quick", "started_at", "finished_at", "by", "model_version"]
    list_display_links = ["id", "subject_"]
    list_filter = ["state"]
    list_select_related = ["collection", "by", "model_version"]
    change_list_template = "admin/training_list.html"

    @admin.display(description=gettext_lazy("what"), ordering="collection")
    def subject_(self, run: TrainingRun) -> str:
        """The collection, or every place."""
        return run.subject

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether somebody may start one; not by Django's own form."""
        return False

    def get_urls(self) -> list[Any]:
        """Put our own pages before Django's."""
        view = self.admin_site.admin_view
        own = [
            path("train/", view(self.train), name="places_trainingrun_train"),
            path("<int:pk>/cancel/", view(require_POST(self.cancel)), name="places_trainingrun_cancel"),
            path("<int:pk>/go-on/", view(require_POST(self.go_on)), name="places_trainingrun_go_on"),
            path(
                "<int:pk>/comparison/<path:name>", view(require_safe(self.comparison)),
                name="places_trainingrun_comparison",
            ),
        ]  # fmt: skip
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Offer to start one, to those who may."""
        may = request.user.has_perm("places.add_trainingrun")
        return super().changelist_view(request, {"may_train": may, **(extra_context or {})})

    def train(self, request: HttpRequest) -> HttpResponse:
        """Ask what to train, and start."""
        if not request.user.has_perm("places.add_trainingrun"):
            raise PermissionDenied
        form = TrainForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
        if request.method == "POST" and form.is_valid():
            try:
                run = training.start(by=staff(request), **form.cleaned_data)
                return HttpResponseRedirect(page_of(run))
            except UserError as error:
                form.add_error(None, error.message)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "form": form, "title": _("Train a model"),
            "fewest": material.FEWEST,
        }  # fmt: skip
        return TemplateResponse(request, "admin/training_start.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show how far a training is, or what came of it."""
        found = TrainingRun.objects.select_related("collection", "by", "model_version")
        run = get_object_or_404(found, pk=int(object_id) if object_id.isdecimal() else 0)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "run": run,
            "title": _("Training {number}").format(number=run.pk), "progress": told(run), "beside": beside(run),
            "may_change": request.user.has_perm("places.change_trainingrun"),
            "comparison": "comparison.html" if (run.folder / "comparison" / "comparison.html").is_file() else "",
        }  # fmt: skip
        return TemplateResponse(request, "admin/training_run.html", context)

    def cancel(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop one."""
        return self._do(request, pk, training.cancel)

    def go_on(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Continue one that failed or was cancelled."""
        return self._do(request, pk, training.go_on)

    def _do(self, request: HttpRequest, pk: int, deed: Any) -> HttpResponse:
        if not request.user.has_perm("places.change_trainingrun"):
            raise PermissionDenied
        run = get_object_or_404(TrainingRun, pk=pk)
        try:
            deed(run, staff(request))
        except UserError as error:
            messages.error(request, error.message)
        return HttpResponseRedirect(page_of(run))

    def comparison(self, request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
        """Serve the comparison that a training ended with."""
        run = get_object_or_404(TrainingRun, pk=pk)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        return filed(run.folder / "comparison", name)


def page_of(run: TrainingRun) -> str:
    """Return the address of a training's page."""
    return reverse("admin:places_trainingrun_change", args=[run.pk])


def told(run: TrainingRun) -> dict[str, Any]:
    """Return in words how far a training is; what is not known is left out."""
    values = run.progress
    figures = [
        (words, f"{value:.1%}" if name == "val_accuracy" else f"{value:.3f}")
        for name, words in FIGURES.items()
        if (value := values.get("figures", {}).get(name)) is not None
    ]
    return {
        **values,
        "step": STEPS.get(values.get("step", ""), ""),
        "phase": PHASES.get(values.get("phase", ""), ""),
        "left": duration(values["left_s"]) if "left_s" in values else "",
        "figures": figures,
        "cancelling": run.is_open and run.cancel_wanted,
    }


def duration(seconds: float) -> str:
    """Return how long that is, roughly, in words."""
    if seconds < 90:
        return _("%(count)d s") % {"count": max(1, round(seconds))}
    if seconds < 90 * 60:
        return _("%(count)d min") % {"count": round(seconds / 60)}
    return _("%(count)d h") % {"count": round(seconds / 3600)}


ROWS = {
    "all": gettext_lazy("All photos that were held out"),
    "both": gettext_lazy("Of these, photos that both versions can answer"),
    "places": gettext_lazy("Photos of places"),
    "others": gettext_lazy("Photos of unknown places and of no place"),
    "visitors": gettext_lazy("Photos that visitors gave"),
    "rest": gettext_lazy("All other photos"),
}


def beside(run: TrainingRun) -> dict[str, Any]:
    """Return the new version beside the old one as the page shows it; nothing before it has ended."""
    found = run.outcome
    if not found:
        return {}
    names = dict(Place.objects.filter(slug__in=_slugs(found)).values_list("slug", "name"))
    names |= {material.UNKNOWN: _("unknown place"), material.NOT_A_PLACE: _("not a place")}
    rows = [(words, _shares(found["rows"][key], found["compared"])) for key, words in ROWS.items()]
    classes = [
        {**each, "name": names.get(each["name"], each["name"]), **_shares(each, each["known"])}
        for each in found["classes"]
    ]
    return {
        **found,
        "rows": [(words, row) for words, row in rows if row["photos"]],
        "lost": [each for each in classes if each["change"] < 0],
        "gained": [each for each in reversed(classes) if each["change"] > 0],
        "confusions": [
            {**each, "truth": names.get(each["truth"], each["truth"]), "said": names.get(each["said"], each["said"])}
            for each in found["confusions"]
        ],
    }


def _slugs(found: dict[str, Any]) -> set[str]:
    pairs = {slug for each in found["confusions"] for slug in (each["truth"], each["said"])}
    return pairs | {each["name"] for each in found["classes"]}


def _shares(row: dict[str, int], compared: bool) -> dict[str, Any]:
    """Return a row's counts with shares in per cent; ``change`` in points."""
    old, new = (row[key] / row["photos"] if row["photos"] else 0.0 for key in ("old", "new"))
    return {
        "photos": row["photos"],
        "old": f"{old:.1%}" if compared else "–",
        "new": f"{new:.1%}",
        "change": round((new - old) * 100, 1),
        "compared": compared,
    }
