"""Places, what is near them, and collections of them."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from errors import UserError
from places import merging, nearby, newcomers
from places.admin import place_pages, place_sheets
from places.admin.models import image
from places.admin_site import staff
from places.countries import CODES, code_of
from places.models import Alias, Attraction, Collection, Picture, Place
from places.models.place import PlaceQuerySet
from places.place_rows import CONTINENTS, SLUG, check_slug
from places.templatetags.shown import distance

MOST_AT_ONCE = 50  # places that OpenStreetMap is asked about by one press
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def language_tag(text: str) -> None:
    """Raise ValidationError for what is no BCP 47 tag."""
    if not _LANGUAGE.fullmatch(text):
        raise ValidationError(_("This is not a language tag such as fr or zh-Hans."))


class CollectionForm(forms.ModelForm[Collection]):
    """A collection with its places."""

    places = forms.ModelMultipleChoiceField(
        queryset=Place.objects.current(), required=False, label=_("places"),
        widget=FilteredSelectMultiple(_("places"), is_stacked=False),
    )  # fmt: skip

    class Meta:
        model = Collection
        fields = ["name", "slug"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["places"] = self.instance.places.current()


@admin.register(Collection)
class CollectionAdmin(admin.ModelAdmin[Collection]):
    """Sets of places."""

    form = CollectionForm
    list_display = ["name", "slug", "count"]
    fields = ["name", "slug", "places"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        """Count the places in the same query."""
        return super().get_queryset(request).annotate(place_count=Count("places"))

    def get_prepopulated_fields(self, request: HttpRequest, obj: Collection | None = None) -> dict[str, Any]:
        """Only a new one's slug follows its name."""
        return {} if obj else dict(self.prepopulated_fields)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Keep which places it has; retired ones, which are not offered, stay."""
        super().save_related(request, form, formsets, change)
        retired = form.instance.places.exclude(retired_at=None)
        form.instance.places.set([*form.cleaned_data["places"], *retired])

    @admin.display(description=_("places"), ordering="place_count")
    def count(self, collection: Collection) -> int:
        """How many places."""
        return int(collection.place_count)  # type: ignore[attr-defined]


class AliasForm(forms.ModelForm[Alias]):
    """One other name."""

    language = forms.CharField(
        required=False, max_length=20, validators=[language_tag], label=_("language"),
        widget=forms.TextInput(attrs={"list": "languages", "size": 10, "aria-label": _("language")}),
    )  # fmt: skip


class Labelled:
    """Says in each field of a table's row what it is: Django's own tables have headings only."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Name the field for those who do not see the heading."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None:
            field.widget.attrs.setdefault("aria-label", db_field.verbose_name)
        return field


class AliasInline(Labelled, admin.TabularInline[Alias, Place]):
    """What a place is called too."""

    model = Alias
    form = AliasForm
    extra = 1


class AttractionInline(Labelled, admin.TabularInline[Attraction, Place]):
    """Things near a place."""

    model = Attraction
    extra = 0
    fields = ["name", "kind", "latitude", "longitude", "source", "far"]
    readonly_fields = ["far"]

    @admin.display(description=_("distance"))
    def far(self, thing: Attraction) -> str:
        """How far from the place."""
        return distance(thing.place.distance_to(thing.latitude, thing.longitude)) if thing.pk else "–"


class PlaceForm(forms.ModelForm[Place]):
    """A place, with what spreadsheets are checked for too."""

    country = forms.CharField(
        max_length=60, label=_("country"), help_text=_("Two letters (ISO 3166-1), such as KR, or a name that we know.")
    )
    continent = forms.ChoiceField(
        choices=[("", "–"), *((name, name) for name in CONTINENTS)], required=False, label=_("continent")
    )

    class Meta:
        model = Place
        fields = "__all__"

    def clean_country(self) -> str:
        """Take the two letters, or a name that we know."""
        given = str(self.cleaned_data["country"]).strip()
        code = given.upper() if given.upper() in CODES else code_of(given)
        if not code:
            raise ValidationError(_("There is no such country. Please give its two letters (ISO 3166-1)."))
        return code

    def clean_slug(self) -> str:
        """Take what is safe in an address and as a folder's name."""
        slug = str(self.cleaned_data["slug"])
        if not SLUG.fullmatch(slug):
            raise ValidationError(_("Small letters, digits and hyphens only, please."))
        try:
            check_slug(slug)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return slug


class Listed(admin.SimpleListFilter):
    """Whether places are listed; those that are, unless somebody asks for others."""

    title = _("listed")
    parameter_name = "listed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the others."""
        return [("retired", _("retired")), ("all", _("all"))]

    def choices(self, changelist: Any) -> Any:
        """Name the usual choice for what it is."""
        for choice in super().choices(changelist):
            usual = choice["query_string"] == changelist.get_query_string(remove=[self.parameter_name])
            yield choice | {"display": _("listed")} if usual else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow."""
        if self.value() == "retired":
            return queryset.exclude(retired_at=None)
        return queryset if self.value() == "all" else queryset.filter(retired_at=None)


@admin.register(Place)
class PlaceAdmin(admin.ModelAdmin[Place]):
    """Places, with one picture each."""

    form = PlaceForm
    list_display = ["thumbnail", "name", "local_name", "country", "city", "pictures", "recognised", "near"]
    list_display_links = ["name"]
    list_filter = [Listed, "collections", "continent", "country"]
    search_fields = ["name"]
    filter_horizontal = ["collections"]
    inlines = [AliasInline, AttractionInline]
    prepopulated_fields = {"slug": ["name"]}
    actions = ["fill_nearby", "retire", "bring_back", "export"]
    change_form_template = "admin/places/place/change.html"
    change_list_template = "admin/places/place/list.html"
    fieldsets = [
        (None, {"fields": ["name", "slug", "name_ko", "local_name", "local_language", "collections"]}),
        (_("About it"), {"fields": ["country", "city", "continent", "query", "description", "description_ko"]}),
        (_("Where it lies"), {"fields": [("latitude", "longitude")]}),
    ]
    labels: set[str] = set()

    def get_urls(self) -> list[URLPattern]:
        """Add the pages for ending places, and for spreadsheets."""
        view = self.admin_site.admin_view
        own = [
            path("<int:pk>/merge/", view(place_pages.merge), name="places_place_merge"),
            path("<int:pk>/retire/", view(place_pages.retire), name="places_place_retire"),
            path("<int:pk>/back/", view(place_pages.bring_back), name="places_place_back"),
            path("import/", view(place_sheets.take), name="places_place_import"),
            path("export/<str:kind>/", view(place_sheets.give), name="places_place_export"),
        ]
        return [*own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Place]:
        """Look up each shown place's pictures in the same query, and no other place's."""
        self.labels = newcomers.recognised()
        approved = Picture.objects.filter(place=OuterRef("pk"), status=Picture.Status.APPROVED).order_by()
        count = approved.values("place").annotate(n=Count("pk")).values("n")
        newest = approved.exclude(thumbnail="").order_by("-created_at").values("pk")[:1]
        return (
            super()
            .get_queryset(request)
            .annotate(picture_count=Coalesce(Subquery(count), Value(0)), newest=Subquery(newest))
        )

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Look for words in any of the names; who chooses a place for something is offered current ones."""
        found: PlaceQuerySet = queryset.named(search_term.replace("\x00", ""))
        return (found.current() if request.path.endswith("/autocomplete/") else found), False

    def get_readonly_fields(self, request: HttpRequest, obj: Place | None = None) -> list[str]:
        """The slug never changes once it is there: models answer with it."""
        return ["slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Place | None = None) -> dict[str, Any]:
        """Only a new place's slug follows its name."""
        return {} if obj else dict(self.prepopulated_fields)

    def has_delete_permission(self, request: HttpRequest, obj: Place | None = None) -> bool:
        """Nobody deletes: models answer with its slug, and its pictures would go. It can be retired."""
        return False

    @admin.display(description="")
    def thumbnail(self, place: Place) -> SafeString | str:
        """One approved picture."""
        newest = place.newest  # type: ignore[attr-defined]
        return image(reverse("media:picture_thumbnail", args=[newest]), place.name) if newest else "–"

    @admin.display(ordering="picture_count", description=_("pictures"))
    def pictures(self, place: Place) -> int:
        """How many approved pictures."""
        return int(place.picture_count)  # type: ignore[attr-defined]

    @admin.display(boolean=True, description=_("recognised"))
    def recognised(self, place: Place) -> bool:
        """Whether the serving model answers with it."""
        return place.slug in self.labels

    @admin.display(ordering="nearby_state", description=_("near, from OpenStreetMap"))
    def near(self, place: Place) -> str:
        """What came of asking OpenStreetMap."""
        return str(place.get_nearby_state_display()) or "–"

    @admin.action(description=_("Fill in what is near from OpenStreetMap"), permissions=["change"])
    def fill_nearby(self, request: HttpRequest, places: QuerySet[Place]) -> None:
        """Have a worker ask."""
        chosen = list(places[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            told = gettext("At most %(n)d places at a time, please: OpenStreetMap's servers are run by volunteers.")
            self.message_user(request, told % {"n": MOST_AT_ONCE}, messages.ERROR)
            return
        try:
            count = nearby.ask(chosen, staff(request))
        except UserError as error:
            self.message_user(request, error.message, messages.ERROR)
            return
        told = ngettext("%(n)d place is being asked for.", "%(n)d places are being asked for.", count)
        self.message_user(request, f"{told % {'n': count}} {gettext('What came of it stands in the list.')}")

    @admin.action(description=_("Retire: list them nowhere, delete nothing"), permissions=["change"])
    def retire(self, request: HttpRequest, places: QuerySet[Place]) -> None:
        """Retire each that is not."""
        self._end(request, places, merging.retire)

    @admin.action(description=_("Bring back: list them again"), permissions=["change"])
    def bring_back(self, request: HttpRequest, places: QuerySet[Place]) -> None:
        """List each again."""
        self._end(request, places, merging.bring_back)

    def _end(self, request: HttpRequest, places: QuerySet[Place], deed: Any) -> None:
        for place in places:
            try:
                deed(place, staff(request))
            except UserError as error:
                self.message_user(request, error.message, messages.WARNING)
            else:
                self.message_user(request, gettext("Done: %(name)s") % {"name": place.name})

    @admin.action(description=_("Export as a spreadsheet"), permissions=["view"])
    def export(self, request: HttpRequest, places: QuerySet[Place]) -> Any:
        """Send them as .xlsx."""
        return place_sheets.sent(Place.objects.filter(pk__in=places.values("pk")), "xlsx")
