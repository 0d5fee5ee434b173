"""The admin's pages on which a place ends: merged into another one, retired, or brought back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from errors import UserError
from places import merging
from places.admin_site import staff
from places.models import Place

CHANGE = "places.change_place"


class Into(forms.Form):
    """Which place another one is merged into."""

    into = forms.ModelChoiceField(queryset=Place.objects.none())

    def __init__(self, place: Place, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["into"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Place.objects.current().exclude(pk=place.pk)
        field.label = _("Merge into")


@require_http_methods(["GET", "HEAD", "POST"])
def merge(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the other place, say what merging would do, and do it when somebody agrees."""
    place = _asked(request, pk)
    asked = request.POST if request.method == "POST" else request.GET
    form = Into(place, asked if "into" in asked else None)
    plan = None
    if form.is_valid():
        try:
            if request.method == "POST":
                done = merging.merge(place, form.cleaned_data["into"], staff(request))
                messages.success(request, _("Merged. Its page leads here now: %(name)s") % {"name": done.place.name})
                return redirect("admin:places_place_change", done.into.pk)
            plan = merging.plan(place, form.cleaned_data["into"])
        except UserError as error:
            messages.error(request, error.message)
    return _page(request, "merge", place, form=form, plan=plan)


@require_http_methods(["GET", "HEAD", "POST"])
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what retiring means, and do it when somebody agrees."""
    return _agreed(request, pk, "retire", merging.retire)


@require_http_methods(["GET", "HEAD", "POST"])
def bring_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what bringing back means, and do it when somebody agrees."""
    return _agreed(request, pk, "back", merging.bring_back)


def _agreed(request: HttpRequest, pk: int, name: str, deed: Any) -> HttpResponse:
    place = _asked(request, pk)
    if request.method != "POST":
        return _page(request, name, place)
    try:
        deed(place, staff(request))
    except UserError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("Done: %(name)s") % {"name": place.name})
    return redirect("admin:places_place_change", pk)


def _asked(request: HttpRequest, pk: int) -> Place:
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    return get_object_or_404(Place.objects.select_related("merged_into"), pk=pk)


def _page(request: HttpRequest, name: str, place: Place, **context: Any) -> HttpResponse:
    titles = {"merge": _("Merge a place"), "retire": _("Retire a place"), "back": _("Bring a place back")}
    context |= {"place": place, "title": titles[name], "deed": name, "opts": Place._meta}
    return render(request, "admin/places/place/ending.html", {**admin.site.each_context(request), **context})
