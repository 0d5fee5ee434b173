"""Users, the trail of what they did, and the page for those who guessed too often."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from places import people
from places.admin.models import ReadOnly
from places.admin_site import staff

admin.site.unregister(User)


@admin.register(User)
class PeopleAdmin(UserAdmin[User]):
    """Users. Operators look after curators only, so that nobody gives themselves more than they have."""

    list_display = ["username", "email", "is_active", "is_staff", "roles", "last_login"]
    list_filter = ["is_staff", "is_superuser", "is_active", "groups"]
    narrow = [
        (None, {"fields": ["username", "password"]}),
        (_("Personal info"), {"fields": ["first_name", "last_name", "email"]}),
        (_("Permissions"), {"fields": ["is_active", "is_staff", "groups"]}),
        (_("Important dates"), {"fields": ["last_login", "date_joined"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out of an operator's form what makes a superuser."""
        whole = super().get_fieldsets(request, obj)
        return whole if obj is None or staff(request).is_superuser else self.narrow

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether this user may be changed: by operators only who is a curator, or nothing yet; not they themselves."""
        allowed = super().has_change_permission(request, obj)
        if not allowed or obj is None or obj.pk is None or staff(request).is_superuser:
            return allowed
        others = obj.groups.exclude(name=people.CURATORS)
        return not (obj.is_superuser or others.exists() or obj.user_permissions.exists())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether this user may be deleted, with everything the trail says of them: by superusers only."""
        return staff(request).is_superuser and super().has_delete_permission(request, obj)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer operators the curators' group alone."""
        if db_field.name == "groups" and not staff(request).is_superuser:
            kwargs["queryset"] = Group.objects.filter(name=people.CURATORS)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Fetch the groups of all that are listed at once."""
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=_("groups"))
    def roles(self, user: User) -> str:
        """Which groups they are in."""
        return ", ".join(group.name for group in user.groups.all()) or "–"


@admin.register(LogEntry)
class TrailAdmin(ReadOnly):
    """Who did what, and when."""

    list_display = ["action_time", "user", "what", "about", "content_type"]
    list_display_links = None
    list_filter = ["action_flag", ("content_type", admin.RelatedOnlyFieldListFilter), "user"]
    list_select_related = ["user", "content_type"]
    search_fields = ["object_repr", "change_message", "user__username"]
    date_hierarchy = "action_time"
    list_per_page = 50

    @admin.display(description=_("what"))
    def what(self, entry: LogEntry) -> str:
        """The deed in words."""
        return entry.get_change_message() or str(entry.get_action_flag_display())

    @admin.display(description=_("about"))
    def about(self, entry: LogEntry) -> SafeString | str:
        """What it was done to, linked while it is there to be linked."""
        url = None if entry.is_deletion() else entry.get_admin_url()
        return format_html('<a href="{}">{}</a>', url, entry.object_repr) if url else entry.object_repr or "–"


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: Any) -> HttpResponse:
    """Say that too many wrong passwords came, and when to try again."""
    minutes = round(settings.AXES_COOLOFF_TIME * 60)
    context = {**admin.site.each_context(request), "minutes": minutes, "login_url": reverse("admin:login")}
    page = render(request, "admin/locked_out.html", context, status=429)
    page["Retry-After"] = str(minutes * 60)
    return page
