"""The first look's two parts of the first page: pictures to try, and what staff have to see to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crawler.sources import LABELS
from places import health
from places.models import FirstPictures, ModelVersion, Picture, Report, WebQuery
from places.pages import showing

register = template.Library()
TO_TRY = 6


@register.inclusion_tag("parts/try_one.html")
def try_one() -> dict[str, Any]:
    """Offer pictures of the gallery to search with, of as many places as there are; nothing without pictures."""
    shown = Picture.objects.filter(place=OuterRef("pk"), status=Picture.Status.APPROVED).exclude(thumbnail="")
    newest = Subquery(shown.order_by("-created_at").values("pk")[:1])
    places = showing.recognised().annotate(newest=newest).exclude(newest=None)
    chosen = [place.newest for place in showing.mixed(places, TO_TRY)]  # type: ignore[attr-defined]
    found = Picture.objects.in_bulk(chosen)
    return {"pictures": [found[pk] for pk in chosen if pk in found]}


@dataclass(frozen=True)
class Item:
    """One line of the staff's list: whether it is well, what there is to say, and where to see to it."""

    well: bool
    words: str
    url: str


@register.inclusion_tag("parts/checklist.html")
def checklist() -> dict[str, Any]:
    """List for staff what the site has and what it lacks."""
    return {"items": [_model(), *_workers(), _places(), _pictures(), *_sources(), _reports(), _operator()]}


def _model() -> Item:
    version = ModelVersion.serving_places()
    words = _("Model: %(name)s") % {"name": version} if version else _("No model serves: run `manage.py load_starter`.")
    return Item(version is not None, words, reverse("admin:places_modelversion_changelist"))


def _workers() -> list[Item]:
    told = {"search": _("Worker for photos"), "io": _("Worker for addresses and the web")}
    answering = {queue: health.worker_answers(queue) for queue in told}
    says = {True: _("answers"), False: _("does not answer")}
    front = reverse("admin:index")
    return [Item(answering[queue], f"{name}: {says[answering[queue]]}", front) for queue, name in told.items()]


def _places() -> Item:
    known = showing.recognised().count()
    words = ngettext("%(n)d place is recognised", "%(n)d places are recognised", known) % {"n": known}
    return Item(known > 0, words, reverse("admin:places_place_changelist"))


def _pictures() -> Item:
    shown = Picture.objects.filter(status=Picture.Status.APPROVED).count()
    waiting = Picture.objects.filter(status=Picture.Status.CANDIDATE).count()
    words = ngettext("%(n)d picture in the gallery", "%(n)d pictures in the gallery", shown) % {"n": shown}
    if waiting:
        words += ", " + ngettext("%(n)d waits for a curator", "%(n)d wait for a curator", waiting) % {"n": waiting}
    return Item(shown > 0, words, reverse("admin:places_picture_changelist"))


def _sources() -> list[Item]:
    """Say how Bing's last answer was, and how far the first pictures are."""
    last = WebQuery.objects.filter(source="bing").order_by("-fetched_at").first()
    state = last.state if last else ""
    words = {
        "": _("not asked yet"), "ok": _("answers"), "none": _("answers"), "blocked": _("refuses us"),
        "unreachable": _("cannot be reached"), "changed": _("is not understood any more"),
        "misconfigured": _("is not set up"),
    }  # fmt: skip
    items = [Item(state in ("", "ok", "none"), f"{LABELS['bing']}: {words.get(state, state)}", reverse("admin:index"))]
    waiting, total = FirstPictures.objects.filter(done=False), FirstPictures.objects.count()
    if settings.STARTER_PICTURES and total:
        tried = waiting.filter(tries__gt=0).exists()
        done = total - waiting.count()
        said = words["unreachable"] if tried else _("first pictures of %(done)d places of %(total)d") % {
            "done": done, "total": total,
        }  # fmt: skip
        items.append(Item(not tried, f"{LABELS['commons']}: {said}", reverse("admin:places_picture_changelist")))
    return items


def _reports() -> Item:
    waiting = Report.objects.filter(state=Report.State.OPEN).count()
    words = ngettext("%(n)d report waits", "%(n)d reports wait", waiting) % {"n": waiting}
    return Item(not waiting, words, reverse("admin:places_report_changelist") + "?state__exact=open")


def _operator() -> Item:
    named = bool(settings.OPERATOR_NAME and settings.CONTACT_EMAIL)
    says = {
        True: _("The privacy page says who runs this site"),
        False: _("The privacy page names nobody: set OPERATOR_NAME and CONTACT_EMAIL"),
    }
    return Item(named, says[named], reverse("pages:privacy"))
