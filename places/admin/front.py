"""What waits for curators and operators, for the admin's front page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from places import reviewing
from places.admin import exports, inbox
from places.models import CollectRun, Picture, Promotion, TrainingRun

Who = User | AnonymousUser
Text = str | Promise


@dataclass(frozen=True)
class Task:
    """One thing to do: where, and how much of it waits; None where nothing is counted."""

    title: Text
    words: Text
    url: str
    count: int | None = None


def tasks(user: Who) -> list[Task]:
    """Return what somebody may see to, in the order of a curator's day."""
    return [task for makers in (_pictures, _inbox, _runs, _exports) for task in makers(user)]


def _pictures(user: Who) -> Iterator[Task]:
    if user.has_perm("places.change_picture"):
        waiting = reviewing.counts()
        url = reverse("admin:review")
        yield Task(_("Review"), _("candidates to look at"), url, waiting[Picture.Status.CANDIDATE])
        second = f"{url}?status={Picture.Status.SECOND_LOOK}"
        yield Task(_("Second look"), _("kept back by the gates"), second, waiting[Picture.Status.SECOND_LOOK])


def _inbox(user: Who) -> Iterator[Task]:
    if inbox.may_look(user):
        waiting = inbox.seen_by(user).waiting_count()
        yield Task(_("Inbox"), _("reports, and what visitors say"), reverse("admin:inbox"), waiting)


def _runs(user: Who) -> Iterator[Task]:
    if user.has_perm("places.view_collectrun"):
        at_work = CollectRun.objects.filter(state__in=(CollectRun.State.QUEUED, CollectRun.State.RUNNING)).count()
        yield Task(_("Collecting"), _("at work or waiting"), reverse("admin:collecting"), at_work)
    if user.has_perm("places.view_trainingrun"):
        at_work = TrainingRun.objects.filter(state__in=TrainingRun.OPEN).count()
        at_work += Promotion.objects.filter(state=Promotion.State.EMBEDDING).count()
        yield Task(_("Training"), _("at work or waiting"), reverse("admin:places_trainingrun_changelist"), at_work)


def _exports(user: Who) -> Iterator[Task]:
    if exports.allowed(user):
        yield Task(_("Export"), _("places, decisions, pictures, feedback"), reverse("admin:export"))
