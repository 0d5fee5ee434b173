"""The inbox: what visitors say and report, most urgent first, and what curators make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import nlargest
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet

from errors import UserError
from places import reporting, reviewing
from places.models import Feedback, Picture, Place, Report
from places.models.picture import UNDECIDED

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User

    from places.models.search import FeedbackQuerySet

KINDS = ("reports", "photos", "wrong", "right")
TAKEN_DOWN_HERE = "Taken down from the inbox, by who looked at the feedback."
LONGEST_BACK = 1000  # of what was handled; older things are in the export


@dataclass(frozen=True)
class Seen:
    """What somebody may see of the inbox, and what of it they asked for; an empty kind is all."""

    reports: bool = True
    feedback: bool = True
    kind: str = ""

    def lists(self) -> tuple[QuerySet[Report], FeedbackQuerySet]:
        """Return the rows of both kinds, waiting and handled, with all that is shown of them."""
        reports = Report.objects.select_related("picture__place", "web_picture", "closed_by")
        said = Feedback.objects.select_related("search", "answered", "place", "picture__place", "handled_by")
        # Vectors are long, and nothing is compared here.
        reports = reports.defer("picture__tone", "web_picture__tone")
        said = said.defer(*(f"search__{name}" for name in ("embedding", "style", "tone", "heat")), "picture__tone")
        narrowed = {
            "photos": said.exclude(picture=None),
            "wrong": said.filter(right=False),
            "right": said.filter(right=True),
            "reports": said.none(),
            "": said,
        }[self.kind]
        return (
            reports if self.reports and self.kind in ("", "reports") else reports.none(),
            narrowed if self.feedback else said.none(),
        )

    def waiting(self, start: int, count: int) -> list[Report | Feedback]:
        """Return ``count`` things that wait, from the ``start``-th on: reports, then feedback, most urgent first."""
        reports, said = self.lists()
        reports, said = reports.filter(state=Report.State.OPEN), said.waiting().urgent_first()
        first: list[Report | Feedback] = list(reports[start : start + count])
        if len(first) == count:
            return first
        before = 0 if first or not start else max(0, start - reports.count())
        return [*first, *said[before : before + count - len(first)]]

    def handled(self, start: int, count: int) -> list[Report | Feedback]:
        """Return ``count`` things that were seen to, the last first."""
        reports, said = self.lists()
        end = min(start + count, LONGEST_BACK)
        last = [
            *reports.exclude(closed_at=None).order_by("-closed_at")[:end],
            *said.exclude(handled_at=None).order_by("-handled_at")[:end],
        ]
        return nlargest(end, last, key=seen_to_at)[start:]

    def waiting_count(self) -> int:
        """Return how many things wait."""
        reports, said = self.lists()
        return reports.filter(state=Report.State.OPEN).count() + said.waiting().count()


def seen_to_at(item: Report | Feedback) -> datetime:
    """Return when something was closed."""
    at = item.closed_at if isinstance(item, Report) else item.handled_at
    assert at is not None
    return at


def approve(said: Feedback, place: Place | None, by: User) -> None:
    """Show the photo in the gallery, as ``place``. Raises UserError."""
    _photo_is(said, Picture.Status.APPROVED, place, by, Feedback.Outcome.APPROVED)


def make_candidate(said: Feedback, place: Place | None, by: User) -> None:
    """Leave the photo to the review, as a candidate for ``place``. Raises UserError."""
    _photo_is(said, Picture.Status.CANDIDATE, place, by, Feedback.Outcome.CANDIDATE)


def not_a_place(said: Feedback, place: Place | None, by: User) -> None:
    """Keep the photo as one that shows no place. Raises UserError."""
    _photo_is(said, Picture.Status.NOT_A_PLACE, None, by, Feedback.Outcome.NOT_A_PLACE)


def dismiss(said: Feedback, place: Place | None, by: User) -> None:
    """Close it; a photo that nobody has decided on is rejected. Raises UserError."""
    with transaction.atomic():
        picture = _claim(said, by, Feedback.Outcome.DISMISSED)
        if picture is not None and picture.status in UNDECIDED:
            _decide(picture, Picture.Status.REJECTED, None, by)


def take_down(said: Feedback, place: Place | None, by: User) -> None:
    """Take the photo down: gone everywhere, and never taken in again. Raises UserError."""
    with transaction.atomic():
        picture = _claim(said, by, Feedback.Outcome.TAKEN_DOWN)
        if picture is None:
            raise UserError("no_photo", "There is no photo to take down.")
        report = reporting.receive(reason=Report.Reason.OTHER, words=TAKEN_DOWN_HERE, about=picture)
        reporting.take_down(report, by=by)


def _photo_is(said: Feedback, status: str, place: Place | None, by: User, outcome: str) -> None:
    """Decide on the photo. Raises UserError, and then nothing has changed."""
    with transaction.atomic():
        picture = _claim(said, by, outcome)
        if picture is None:
            raise UserError("no_photo", "Its owner has taken the photo back.")
        _decide(picture, status, place, by)


def _decide(picture: Picture, status: str, place: Place | None, by: User) -> None:
    """Decide as the review does. Raises UserError with why that cannot be."""
    refused = reviewing.settle([picture], status, place, by).refused
    if picture.pk in refused:
        raise UserError("refused", refused[picture.pk])


def _claim(said: Feedback, by: User, outcome: str) -> Picture | None:
    """Close a waiting row, so that of two curators one decides, and return its photo. Raises UserError."""
    if not Feedback.objects.filter(pk=said.pk).settle(outcome, by):
        raise UserError("decided", "Somebody has seen to this already.")
    return Picture.objects.select_for_update(of=("self",)).filter(feedback=said).first()


def take_down_reported(report: Report, by: User) -> None:
    """Take down what a report is about. Raises UserError."""
    _undecided(report)
    reporting.take_down(report, by=by)


def take_down_whole_site(report: Report, by: User) -> None:
    """Take down what a report is about, and everything else from where it comes. Raises UserError."""
    _undecided(report)
    reporting.take_down(report, whole_site=True, by=by)


def dismiss_report(report: Report, by: User) -> None:
    """Close a report; nothing is taken down. Raises UserError."""
    if not report.close(Report.State.DISMISSED, by):
        _undecided(report)


def _undecided(report: Report) -> None:
    if not Report.objects.filter(pk=report.pk, state=Report.State.OPEN).exists():
        raise UserError("decided", "Somebody has seen to this already.")


def right_without_photo() -> FeedbackQuerySet:
    """Return what waits although there is nothing to do: answers that were right, without a photo."""
    return Feedback.objects.waiting().filter(right=True, picture=None)


def dismiss_right(by: User) -> int:
    """Close all feedback that says "right" and has no photo; return how many that was."""
    return right_without_photo().settle(Feedback.Outcome.DISMISSED, by)


OF_FEEDBACK: dict[str, Callable[[Feedback, Place | None, User], None]] = {
    "candidate": make_candidate,
    "approve": approve,
    "not_a_place": not_a_place,
    "dismiss": dismiss,
    "take_down": take_down,
}
OF_REPORTS: dict[str, Callable[[Report, User], None]] = {
    "take_down": take_down_reported,
    "take_down_whole_site": take_down_whole_site,
    "dismiss": dismiss_report,
}
