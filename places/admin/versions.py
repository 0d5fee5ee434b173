"""Versions of the model: what each is worth, which serves, promotion and roll-back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from errors import UserError
from places import health, promoting
from places.admin.filed import filed
from places.admin.models import ReadOnly
from places.admin.training import beside
from places.admin_site import HOW_TO_START, staff
from places.models import ModelVersion, Promotion
from places.models.model_version import TRAINED


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnly):
    """Which models there are, and which serves."""

    list_display = ["name", "version", "kind", "state", "places", "accuracy", "megabytes", "milliseconds", "created_at"]
    list_display_links = ["name", "version"]
    list_filter = ["kind", "serving"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        """Take the trainings along, which know size and speed."""
        return super().get_queryset(request).prefetch_related("runs")

    @admin.display(description=gettext_lazy("state"), ordering="serving")
    def state(self, version: ModelVersion) -> str:
        """Whether it serves, or can."""
        if version.serving:
            return _("serves")
        return _("retired") if version.retired_at else _("ready")

    @admin.display(description=gettext_lazy("places"))
    def places(self, version: ModelVersion) -> str:
        """How many places it knows."""
        return str(len(version.labels) - 2) if version.kind == ModelVersion.Kind.PLACES else "–"

    @admin.display(description=gettext_lazy("first answer right"))
    def accuracy(self, version: ModelVersion) -> str:
        """Of its own photos that were held out."""
        share = version.metrics.get("val", {}).get("top_1")
        return "–" if share is None else f"{share:.1%}"

    @admin.display(description=gettext_lazy("MB"))
    def megabytes(self, version: ModelVersion) -> str:
        """What it takes on disk, if it was measured here."""
        return self._cost(version, "megabytes")

    @admin.display(description=gettext_lazy("ms a picture"))
    def milliseconds(self, version: ModelVersion) -> str:
        """How long it computes, if that was measured here."""
        return self._cost(version, "compute_ms")

    def _cost(self, version: ModelVersion, key: str) -> str:
        costs = [run.outcome["cost"]["new"][key] for run in version.runs.all() if run.outcome]
        return f"{costs[0]:.1f}" if costs else "–"

    def get_urls(self) -> list[Any]:
        """Put our own addresses before Django's."""
        view, name = self.admin_site.admin_view, "places_modelversion"
        own = [
            path("<int:pk>/promote/", view(require_POST(self.promote)), name=f"{name}_promote"),
            path("<int:pk>/retire/", view(require_POST(self.retire)), name=f"{name}_retire"),
            path("<int:pk>/report/<path:name>", view(require_safe(self.report)), name=f"{name}_report"),
            path("roll-back/", view(require_POST(self.roll_back)), name=f"{name}_roll_back"),
            path("cancel/", view(require_POST(self.cancel)), name=f"{name}_cancel"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one version, and what may be done with it."""
        version = get_object_or_404(ModelVersion, pk=int(object_id) if object_id.isdecimal() else 0)
        if not self.has_view_permission(request, version):
            raise PermissionDenied
        run = version.runs.order_by("-created_at").first()
        is_places = version.kind == ModelVersion.Kind.PLACES
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "version": version, "title": str(version),
            "run": run, "beside": beside(run) if run else {}, "accuracy": self.accuracy(version),
            "places": self.places(version), "is_places": is_places, "promotion": promotion_told(),
            "back": Promotion.way_back(version) if version.serving else None, "last": last_of(version),
            "history": Promotion.objects.select_related("version", "before", "by")[:12] if is_places else [],
            "may_change": request.user.has_perm("places.change_modelversion"),
            "can_retire": version.path.startswith(TRAINED) and not version.serving,
        }  # fmt: skip
        return TemplateResponse(request, "admin/training_version.html", context)

    def promote(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have a version serve, once the pictures are embedded with it."""
        version = get_object_or_404(ModelVersion, pk=pk)
        done = self._do(request, version, lambda user: promoting.promote(version, user))
        if Promotion.open() is not None and not health.worker_answers("search"):
            messages.warning(request, HOW_TO_START["search"])
        return done

    def retire(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Delete a version's files."""
        version = get_object_or_404(ModelVersion, pk=pk)
        return self._do(request, version, lambda user: promoting.retire(version, user))

    def roll_back(self, request: HttpRequest) -> HttpResponse:
        """Have the version before serve again."""
        return self._do(request, ModelVersion.serving_places(), promoting.roll_back)

    def cancel(self, request: HttpRequest) -> HttpResponse:
        """Leave everything as it is."""
        going_on = Promotion.open()
        if going_on is None:
            return self._do(request, ModelVersion.serving_places(), lambda _: None)
        return self._do(request, going_on.version, lambda user: promoting.cancel(going_on, user))

    def _do(self, request: HttpRequest, version: ModelVersion | None, deed: Callable[[Any], object]) -> HttpResponse:
        """Do it for those who may; say what stands in the way. Come back to the page of the version it was about."""
        if not request.user.has_perm("places.change_modelversion"):
            raise PermissionDenied
        try:
            told = deed(staff(request))
            version = told if isinstance(told, ModelVersion) else version
        except UserError as error:
            messages.error(request, error.message)
        return HttpResponseRedirect(
            reverse("admin:places_modelversion_change", args=[version.pk])
            if version
            else reverse("admin:places_modelversion_changelist")
        )

    def report(self, request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
        """Serve the report that came with a version."""
        version = get_object_or_404(ModelVersion, pk=pk)
        if not self.has_view_permission(request, version):
            raise PermissionDenied
        folder = version.report_folder
        if folder is None:
            raise Http404
        return filed(folder, name)


def promotion_told() -> dict[str, Any]:
    """Return how far the promotion is that is going on; nothing when there is none."""
    going_on = Promotion.open()
    if going_on is None:
        return {}
    left = promoting.left(going_on)
    total = max(going_on.total, left)
    return {"row": going_on, "version": going_on.version, "done": total - left, "total": total}


def last_of(version: ModelVersion) -> Promotion | None:
    """Return the last promotion of a version, if that failed: its page says why."""
    last = version.promotions.order_by("-created_at").first()
    return last if last is not None and last.state == Promotion.State.FAILED else None
