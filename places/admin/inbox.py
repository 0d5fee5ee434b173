"""The inbox's page: what visitors say and report, and what to do with each."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from errors import UserError
from places import given, inbox, people
from places.admin_site import staff
from places.models import Feedback, Place, Report, Search
from places.models.picture import UNDECIDED

A_PAGE = 30
SHOWN = {
    "": gettext_lazy("everything"),
    "reports": gettext_lazy("reports"),
    "photos": gettext_lazy("with a photo"),
    "wrong": gettext_lazy("wrong"),
    "right": gettext_lazy("right"),
}


@dataclass(frozen=True)
class Entry:
    """One thing of the inbox as the page shows it; ``photo`` is an address, or empty."""

    item: Report | Feedback
    photo: str = ""
    whole: str = ""
    place: Place | None = None
    undecided: bool = False
    search: Search | None = None
    deeds: frozenset[str] = field(default_factory=frozenset)

    @property
    def report(self) -> Report | None:
        """The report, if it is one."""
        return self.item if isinstance(self.item, Report) else None

    @property
    def names(self) -> list[str]:
        """Places that it may show: as the visitor says, and as we answered."""
        said = self.item
        known = [] if isinstance(said, Report) else [self.place, said.place, said.answered]
        return list(dict.fromkeys(place.shown_name for place in known if place is not None))

    @property
    def key(self) -> str:
        """What its form calls it."""
        return f"{'report' if self.report else 'feedback'}-{self.item.pk}"


def may_look(user: User | AnonymousUser) -> bool:
    """Whether somebody sees anything of the inbox."""
    return user.has_perm("places.view_report") or user.has_perm("places.view_feedback")


def seen_by(user: User | AnonymousUser, kind: str = "") -> inbox.Seen:
    """Return the part of the inbox that somebody may see."""
    reports, feedback = user.has_perm("places.view_report"), user.has_perm("places.view_feedback")
    return inbox.Seen(reports, feedback, kind if kind in SHOWN else "")


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """Show what waits, or what was seen to; do what a form asks and come back."""
    if not may_look(request.user):
        raise PermissionDenied
    if request.method == "POST":
        _do(request)
        return HttpResponseRedirect(request.get_full_path())
    seen, handled = seen_by(request.user, request.GET.get("kind", "")), "handled" in request.GET
    page = _number(request.GET.get("page", ""))
    find = seen.handled if handled else seen.waiting
    items = find((page - 1) * A_PAGE, A_PAGE + 1)
    context = {
        **admin.site.each_context(request),
        "title": _("Inbox"),
        "entries": [entry(item) for item in items[:A_PAGE]],
        "handled": handled,
        "kinds": [(kind, words, _address(kind, handled)) for kind, words in SHOWN.items()],
        "kind": seen.kind,
        "waiting": seen_by(request.user).waiting_count(),
        "quick": seen.feedback and _may(request, "feedback") and inbox.right_without_photo().count(),
        "may": {"report": _may(request, "report"), "feedback": _may(request, "feedback")},
        "earlier": _address(seen.kind, handled, page - 1) if page > 1 else "",
        "later": _address(seen.kind, handled, page + 1) if len(items) > A_PAGE else "",
        "effect": given.effect() if seen.feedback else None,
    }
    return TemplateResponse(request, "admin/inbox.html", context)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 10**6 else 1


def _address(kind: str, handled: bool, page: int = 1) -> str:
    asked = {"kind": kind, "handled": "1" if handled else "", "page": str(page) if page > 1 else ""}
    return f"{reverse('admin:inbox')}?{urlencode({name: value for name, value in asked.items() if value})}"


def entry(item: Report | Feedback) -> Entry:
    """Return what the page shows of a report or of what a visitor said."""
    if isinstance(item, Report):
        return _of_report(item)
    picture, search = item.picture, item.search if item.search is not None and not item.search.gone else None
    undecided = picture is not None and picture.status in UNDECIDED
    photo = whole = ""
    if picture is not None and picture.thumbnail:
        photo = reverse("media:picture_thumbnail", args=[picture.pk])
        whole = reverse("media:picture", args=[picture.pk])
    elif search is not None and search.photo:
        photo = whole = reverse("media:photo", args=[search.pk])
    deeds = {"candidate", "approve", "not_a_place"} if undecided else set()
    deeds |= {"dismiss", "take_down"} if picture is not None else {"dismiss"}
    place = (picture.place if picture is not None else None) or item.place
    return Entry(item, photo, whole, place, undecided, search, frozenset(deeds))


def _of_report(report: Report) -> Entry:
    deeds = frozenset({"dismiss", "take_down", "take_down_whole_site"})
    if report.picture is not None and report.picture.thumbnail:
        pk = report.picture.pk
        small, whole = reverse("media:picture_thumbnail", args=[pk]), reverse("media:picture", args=[pk])
        return Entry(report, small, whole, report.picture.place, deeds=deeds)
    if report.web_picture is not None:
        small = reverse("media:web_thumbnail", args=[report.web_picture.pk])
        return Entry(report, small, small, deeds=deeds)
    return Entry(report, deeds=deeds)


def _may(request: HttpRequest, kind: str) -> bool:
    return request.user.has_perm(f"places.change_{kind}")


def _do(request: HttpRequest) -> None:
    """Do what a form asks, and say what became of it."""
    deed, key = request.POST.get("deed", ""), request.POST.get("item", "")
    kind, _dash, pk = key.partition("-")
    if kind not in ("report", "feedback") or not _may(request, kind):
        raise PermissionDenied
    try:
        if deed == "dismiss_right":
            count = inbox.dismiss_right(staff(request))
            told = ngettext("%(count)d is dismissed.", "%(count)d are dismissed.", count) % {"count": count}
        else:
            told = _do_one(request, kind, int(pk) if pk.isascii() and pk.isdigit() else 0, deed)
    except UserError as error:
        messages.error(request, error.message)
    else:
        people.log(staff(request), None, f"{key}: {deed}")
        messages.success(request, told)


def _do_one(request: HttpRequest, kind: str, pk: int, deed: str) -> str:
    """Do one deed and return what to say. Raises UserError."""
    if kind == "report":
        of_reports = inbox.OF_REPORTS.get(deed)
        if of_reports is None:
            raise UserError("bad_form", "There is nothing of this name to do.")
        report = get_object_or_404(Report.objects.select_related("picture", "web_picture"), pk=pk)
        of_reports(report, staff(request))
        return _("Done: %(what)s") % {"what": report.get_state_display()}
    of_feedback = inbox.OF_FEEDBACK.get(deed)
    if of_feedback is None:
        raise UserError("bad_form", "There is nothing of this name to do.")
    said = get_object_or_404(Feedback.objects.select_related("place"), pk=pk)
    of_feedback(said, _named(request.POST.get("place", "")), staff(request))
    said.refresh_from_db()
    return _("Done: %(what)s") % {"what": said.get_outcome_display()}


def _named(text: str) -> Place | None:
    """Return the place that a curator wrote; None for nothing. Raises UserError."""
    name = text.replace("\x00", "").strip()
    if not name:
        return None
    found = Place.objects.current().called(name).first()
    if found is None:
        raise UserError("no_place", "There is no place of this name: {name}", name=name[:120])
    return found


PAGES = [("inbox/", show, "inbox")]
