"""What people ask to have taken down, and the deny-list."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from places import denying, people, reporting
from places.admin.models import ReadOnly, image
from places.admin_site import staff
from places.models import Denied, Report


@admin.register(Report)
class ReportAdmin(ReadOnly):
    """Reports, and what to do with them."""

    list_display = ["created_at", "preview", "reason", "in_short", "link", "email", "state"]
    list_filter = ["state", "reason"]
    list_select_related = ["picture", "web_picture"]
    search_fields = ["address", "words", "email"]
    fields = [
        "preview", "reason", "words", "address", "link", "email", "created_at", "state", "closed_at", "closed_by",
    ]  # fmt: skip
    readonly_fields = ["preview", "link"]
    actions = ["take_down", "take_down_whole_site", "dismiss"]

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Whether somebody may decide on reports."""
        return bool(request.user.has_perm("places.change_report"))

    @admin.display(description=_("picture"))
    def preview(self, report: Report) -> SafeString | str:
        """The picture that it is about, while it is here."""
        if report.picture is not None:
            return image(reverse("media:picture_thumbnail", args=[report.picture.pk]), report.picture.title)
        if report.web_picture is not None:
            return image(reverse("media:web_thumbnail", args=[report.web_picture.pk]), report.web_picture.title)
        return "–"

    @admin.display(description=_("in their words"))
    def in_short(self, report: Report) -> str:
        """How it begins."""
        return report.words[:120]

    @admin.display(description=_("where"))
    def link(self, report: Report) -> SafeString | str:
        """The address that they gave, or the page that the picture comes from; only web addresses are links."""
        about = report.picture or report.web_picture
        address = report.address or (about.page_url if about else "")
        if not address.startswith(("http://", "https://")):
            return address or "–"
        return format_html('<a href="{}" rel="noopener noreferrer nofollow">{}</a>', address, address[:80])

    @admin.action(description=_("Take down: hide it everywhere and never show it again"), permissions=["close"])
    def take_down(self, request: HttpRequest, reports: QuerySet[Report]) -> None:
        """Hide what they are about."""
        self._log(request, reports, "Taken down.")
        self._tell(request, sum(reporting.take_down(report, by=staff(request)) for report in reports))

    @admin.action(description=_("Take down, and everything else from where it comes"), permissions=["close"])
    def take_down_whole_site(self, request: HttpRequest, reports: QuerySet[Report]) -> None:
        """Hide what they are about, and its hosts."""
        self._log(request, reports, "Taken down, with everything else from where it comes.")
        self._tell(request, sum(reporting.take_down(report, whole_site=True, by=staff(request)) for report in reports))

    @admin.action(description=_("Dismiss: nothing is taken down"), permissions=["close"])
    def dismiss(self, request: HttpRequest, reports: QuerySet[Report]) -> None:
        """Close them."""
        self._log(request, reports, "Dismissed.")
        for report in reports:
            report.close(Report.State.DISMISSED, staff(request))

    @staticmethod
    def _log(request: HttpRequest, reports: QuerySet[Report], what: str) -> None:
        for report in reports:
            people.log(staff(request), report, what)

    def _tell(self, request: HttpRequest, count: int) -> None:
        told = ngettext("%(count)d picture was hidden.", "%(count)d pictures were hidden.", count)
        self.message_user(request, told % {"count": count})


@admin.register(Denied)
class DeniedAdmin(admin.ModelAdmin[Denied]):
    """The deny-list; lines are added and deleted, never changed."""

    list_display = ["value", "kind", "created_at", "report"]
    list_filter = ["kind"]
    search_fields = ["value"]
    fields = ["kind", "value"]

    def has_change_permission(self, request: HttpRequest, obj: Denied | None = None) -> bool:
        """Nobody changes."""
        return False

    def save_model(self, request: HttpRequest, obj: Denied, form: Any, change: bool) -> None:
        """Keep the line, and hide what it names at once."""
        super().save_model(request, obj, form, change)
        denying.enforce()
