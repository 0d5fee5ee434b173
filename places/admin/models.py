"""What the admin shows of each model."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from errors import UserError
from ml.header import MAX_BYTES
from places import gallery, health
from places.admin_site import HOW_TO_START
from places.models import Attraction, Collection, Feedback, ModelVersion, Picture, Place, Search
from places.uploads import too_large


def image(url: str, alt: str) -> SafeString:
    """Return a thumbnail."""
    return format_html('<img src="{}" alt="{}" class="thumbnail" loading="lazy">', url, alt)


class ReadOnly(admin.ModelAdmin[Any]):
    """Rows that tell what happened; nobody edits them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes."""
        return False


@admin.register(Collection)
class CollectionAdmin(admin.ModelAdmin[Collection]):
    """Sets of places."""

    list_display = ["name", "slug"]


class AttractionInline(admin.TabularInline[Attraction, Place]):
    """Things near a place."""

    model = Attraction
    extra = 0


@admin.register(Place)
class PlaceAdmin(admin.ModelAdmin[Place]):
    """Places, with one picture each."""

    list_display = ["thumbnail", "name", "local_name", "country", "city", "pictures", "recognised"]
    list_display_links = ["name"]
    list_filter = ["collections", "continent", "country"]
    search_fields = ["name", "name_ko", "local_name", "slug"]
    filter_horizontal = ["collections"]
    inlines = [AttractionInline]
    labels: set[str] = set()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Place]:
        """Count the pictures in the same query."""
        self.labels = ModelVersion.recognised_slugs()
        approved = Count("pictures", filter=Q(pictures__status=Picture.Status.APPROVED))
        return super().get_queryset(request).annotate(picture_count=approved).prefetch_related("pictures")

    def get_readonly_fields(self, request: HttpRequest, obj: Place | None = None) -> list[str]:
        """The slug never changes once it is there: models answer with it."""
        return ["slug"] if obj else []

    @admin.display(description="")
    def thumbnail(self, place: Place) -> SafeString | str:
        """One approved picture."""
        shown = [p for p in place.pictures.all() if p.status == Picture.Status.APPROVED and p.thumbnail]
        return image(reverse("media:picture_thumbnail", args=[shown[0].pk]), place.name) if shown else "–"

    @admin.display(ordering="picture_count")
    def pictures(self, place: Place) -> int:
        """How many approved pictures."""
        return int(place.picture_count)  # type: ignore[attr-defined]

    @admin.display(boolean=True)
    def recognised(self, place: Place) -> bool:
        """Whether the serving model answers with it."""
        return place.slug in self.labels


class PictureForm(forms.ModelForm[Picture]):
    """A file for a new picture, checked like a visitor's."""

    page_url = forms.URLField(required=False, max_length=2000, assume_scheme="https")
    file = forms.FileField(help_text=_("JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC, at most 10 MB"))

    class Meta:
        model = Picture
        fields = ["place", "title", "page_url", "licence", "author", "status"]

    def clean(self) -> dict[str, Any]:
        """Take the picture in, so that a bad file is an error of the form."""
        cleaned: dict[str, Any] = super().clean() or {}
        file = cleaned.get("file")
        if file is None or self.errors:
            return cleaned
        try:
            if file.size > MAX_BYTES:
                raise too_large()
            names = ("title", "page_url", "licence", "author", "status")
            self.instance = gallery.take_in(file.read(), cleaned["place"], **{name: cleaned[name] for name in names})
        except UserError as error:
            self.add_error("file", error.message)
        return cleaned

    def _post_clean(self) -> None:
        """Skip the model's own checks: the row is stored already, and its hash found to be new."""


@admin.register(Picture)
class PictureAdmin(admin.ModelAdmin[Picture]):
    """The gallery."""

    list_display = ["preview", "title", "place", "status", "source", "licence", "problem", "created_at"]
    list_display_links = ["preview", "title"]
    list_filter = ["status", "source", "place"]
    list_select_related = ["place"]
    list_per_page = 50
    search_fields = ["title", "place__name", "author"]
    autocomplete_fields = ["place"]
    readonly_fields = ["preview", "width", "height", "source", "content_hash", "problem", "created_at"]
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
        transaction.on_commit(gallery.send_missing)  # only then does a worker find the row
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
        return picture.problem or "waits for a search worker"

    @admin.action(description=_("Approve selected pictures"))
    def approve(self, request: HttpRequest, pictures: QuerySet[Picture]) -> None:
        """Show them in the gallery."""
        self.message_user(
            request, _("%(count)d approved.") % {"count": pictures.update(status=Picture.Status.APPROVED)}
        )

    @admin.action(description=_("Reject selected pictures"))
    def reject(self, request: HttpRequest, pictures: QuerySet[Picture]) -> None:
        """Take them out of the gallery."""
        self.message_user(
            request, _("%(count)d rejected.") % {"count": pictures.update(status=Picture.Status.REJECTED)}
        )


@admin.register(Search)
class SearchAdmin(ReadOnly):
    """What was asked, and what was answered."""

    list_display = ["photo_preview", "created_at", "state", "kind", "place", "percent", "error_code", "similar_state"]
    list_display_links = ["created_at"]
    list_filter = ["state", "kind", "error_code", "similar_state", "place"]
    list_select_related = ["place"]
    list_per_page = 50
    date_hierarchy = "created_at"
    fields = [
        "photo_preview", "id", "created_at", "started_at", "finished_at", "expires_at", "deleted_at", "state",
        "attempts", "error_code", "error_message", "kind", "place", "percent", "predictions", "objects_seen",
        "model_version", "timings", "similar_state", "similar_query", "similar_note",
    ]  # fmt: skip
    readonly_fields = ["photo_preview", "percent"]

    @admin.display(description="photo")
    def photo_preview(self, search: Search) -> SafeString | str:
        """The photo, until it is deleted."""
        if not search.photo or search.gone:
            return "–"
        return image(reverse("media:photo", args=[search.pk]), "the visitor's photo")

    @admin.display(description="confidence", ordering="confidence")
    def percent(self, search: Search) -> str:
        """The calibrated confidence."""
        return "–" if search.confidence is None else f"{search.confidence:.0%}"


@admin.register(Feedback)
class FeedbackAdmin(ReadOnly):
    """What visitors said."""

    list_display = ["created_at", "right", "answered", "place", "kept"]
    list_filter = ["right", "kept"]
    list_select_related = ["answered", "place"]


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnly):
    """Which models there are, and which serves."""

    list_display = ["name", "version", "kind", "serving", "created_at"]
    list_filter = ["kind", "serving"]
