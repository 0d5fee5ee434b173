"""What the admin shows of each model."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from crawler.sources import LABELS
from errors import UserError
from ml.header import MAX_BYTES
from places import gallery, given, health, reviewing
from places.admin_site import HOW_TO_START, staff
from places.models import Decision, Feedback, Picture, Search
from places.uploads import too_large


def image(url: str, alt: str) -> SafeString:
    """Return a thumbnail."""
    return format_html('<img src="{}" alt="{}" class="thumbnail" loading="lazy">', url, alt)


BY_ID = ("id", "id__exact", "pk", "pk__exact")


class ReadOnly(admin.ModelAdmin[Any]):
    """Rows that tell what happened; nobody edits them."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Narrow a list by what it offers: an address could ask for columns that nobody is shown, letter by letter."""
        filters: list[Any] = [self.date_hierarchy, *self.list_filter]
        names = {each[0] if isinstance(each, tuple) else getattr(each, "parameter_name", each) for each in filters}
        offered = lookup in BY_ID or lookup.partition("__")[0] in names
        return offered and super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes."""
        return False


class PictureForm(forms.ModelForm[Picture]):
    """A file for a new picture, checked like a visitor's."""

    page_url = forms.URLField(required=False, max_length=2000, assume_scheme="https")
    file = forms.FileField(help_text=_("JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC, at most 10 MB"))

    class Meta:
        model = Picture
        fields = ["place", "title", "page_url", "licence", "author", "status"]
        # A list of all places to choose from would be long.
        widgets = {"place": AutocompleteSelect(Picture._meta.get_field("place"), admin.site)}

    def clean(self) -> dict[str, Any]:
        """Take the picture in, so that a bad file is an error of the form."""
        cleaned: dict[str, Any] = super().clean() or {}
        file = cleaned.get("file")
        if file is None or self.errors:
            return cleaned
        try:
            if file.size > MAX_BYTES:
                raise too_large()
            names = ("title", "page_url", "licence", "author")
            self.instance = gallery.take_in(file.read(), cleaned["place"], **{name: cleaned[name] for name in names})
        except UserError as error:
            self.add_error("file", error.message)
        return cleaned

    def _post_clean(self) -> None:
        """Skip the model's own checks: the row is stored already, and its hash found to be new."""


class SourceFilter(admin.SimpleListFilter):
    """Where pictures come from: what there can be, since asking what there is would read every row."""

    title = _("source")
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return names and labels."""
        return [("curator", _("curators")), (given.SOURCE, _("visitors")), *LABELS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Picture]) -> QuerySet[Picture]:
        """Narrow the list."""
        return queryset.filter(source=self.value()) if self.value() else queryset


class KindFilter(admin.SimpleListFilter):
    """What searches were answered with."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return kinds and labels."""
        return [(str(kind), label) for kind, label in Picture.Kind.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Search]) -> QuerySet[Search]:
        """Narrow the list."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Picture)
class PictureAdmin(admin.ModelAdmin[Picture]):
    """The gallery."""

    list_display = ["preview", "title", "place", "status", "source", "licence", "problem", "created_at"]
    list_display_links = ["preview", "title"]
    list_filter = ["status", SourceFilter]
    list_select_related = ["place"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["title", "place__name", "author"]
    autocomplete_fields = ["place"]
    # What a picture shows, and whether it is shown, is decided in the review, where that is kept.
    readonly_fields = [
        "preview", "place", "status", "width", "height", "source", "content_hash", "problem", "created_at",
    ]  # fmt: skip
    exclude = ["original"]
    actions = ["approve", "reject"]

    def get_form(self, request: HttpRequest, obj: Picture | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Ask for a file when a picture is added."""
        if obj is None:
            return PictureForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Picture | None = None) -> Any:
        """Show the file field for a new picture, everything for an old one."""
        if obj is None:
            return ["file", "place", "title", "page_url", "licence", "author", "status"]
        return super().get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Picture, form: Any, change: bool) -> None:
        """Store it, and have a new one embedded; say so when no worker is there to do it."""
        if change:
            super().save_model(request, obj, form, change)
            return
        if (status := form.cleaned_data["status"]) != obj.status:
            self._decide(request, [obj], status)
        transaction.on_commit(partial(gallery.have_read, obj))  # only then does a worker find the row
        if not health.worker_answers("search"):
            kept = _("The picture is kept and read as soon as one answers.")
            messages.warning(request, f"{HOW_TO_START['search']} {kept}")

    def delete_model(self, request: HttpRequest, obj: Picture) -> None:
        """Delete the files too."""
        gallery.remove(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Picture]) -> None:
        """Delete the files too."""
        for picture in queryset:
            gallery.remove(picture)

    @admin.display(description=_("picture"))
    def preview(self, picture: Picture) -> SafeString | str:
        """The thumbnail, or why there is none."""
        if picture.thumbnail:
            return image(reverse("media:picture_thumbnail", args=[picture.pk]), picture.title)
        return picture.problem or str(_("waits for a search worker"))

    @admin.action(description=_("Approve selected pictures"), permissions=["change"])
    def approve(self, request: HttpRequest, pictures: QuerySet[Picture]) -> None:
        """Show them in the gallery."""
        count = self._decide(request, pictures, Picture.Status.APPROVED)
        self.message_user(request, _("%(count)d approved.") % {"count": count})

    @admin.action(description=_("Reject selected pictures"), permissions=["change"])
    def reject(self, request: HttpRequest, pictures: QuerySet[Picture]) -> None:
        """Take them out of the gallery."""
        count = self._decide(request, pictures, Picture.Status.REJECTED)
        self.message_user(request, _("%(count)d rejected.") % {"count": count})

    @staticmethod
    def _decide(request: HttpRequest, pictures: Iterable[Picture], status: str) -> int:
        """Decide as the review does; say why it cannot be, and return how many were decided on."""
        done, refused = reviewing.settle(list(pictures), status, None, staff(request))
        for why in sorted(set(refused.values())):
            messages.error(request, why)
        return len(done)


@admin.register(Search)
class SearchAdmin(ReadOnly):
    """What was asked, and what was answered."""

    list_display = ["photo_preview", "created_at", "state", "kind", "place", "percent", "error_code", "similar_state"]
    list_display_links = ["created_at"]
    list_filter = ["state", KindFilter, "similar_state"]
    list_select_related = ["place"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["place__name", "=error_code"]
    date_hierarchy = "created_at"
    fields = [
        "photo_preview", "id", "created_at", "started_at", "finished_at", "expires_at", "deleted_at", "state",
        "attempts", "error_code", "error_message", "kind", "place", "percent", "predictions", "objects_seen",
        "model_version", "timings", "similar_state", "similar_query", "similar_note",
    ]  # fmt: skip
    readonly_fields = ["photo_preview", "percent"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Search]:
        """Leave out the vectors: they are long, and nobody reads them."""
        return super().get_queryset(request).defer("embedding", "style", "tone", "heat", "similar_results")

    @admin.display(description=_("photo"))
    def photo_preview(self, search: Search) -> SafeString | str:
        """The photo, until it is deleted."""
        if not search.photo or search.gone:
            return "–"
        return image(reverse("media:photo", args=[search.pk]), str(_("the visitor's photo")))

    @admin.display(description=_("confidence"), ordering="confidence")
    def percent(self, search: Search) -> str:
        """The calibrated confidence."""
        return "–" if search.confidence is None else f"{search.confidence:.0%}"


@admin.register(Feedback)
class FeedbackAdmin(ReadOnly):
    """What visitors said."""

    list_display = ["created_at", "right", "answered", "place", "kept", "outcome", "handled_by"]
    list_filter = ["right", "kept", "outcome"]
    list_select_related = ["answered", "place", "handled_by"]
    list_per_page = 50
    show_full_result_count = False
    fields = ["created_at", "right", "answered", "place", "kept", "picture", "outcome", "handled_at", "handled_by"]


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    """Who decided what of which picture, and when."""

    list_display = ["at", "picture", "from_status", "from_place", "to_status", "to_place", "by", "undone_at"]
    list_filter = ["to_status"]
    list_select_related = ["picture", "from_place", "to_place", "by"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["=by__username", "to_place__name", "=content_hash"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Decision]:
        """Leave out the vector of the picture."""
        return super().get_queryset(request).defer("picture__tone")
