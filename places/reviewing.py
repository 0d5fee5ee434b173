"""Review: what waits for a curator, in which order, what they decide, and taking that back.

Each decision is a row that stays. A decision is made on a picture as somebody saw it: where another curator was
quicker, nothing is overwritten and the answer says who decided what.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from errors import UserError
from ml.usefulness import MISLABELLED
from places import denying, prelabelling
from places.models import Decision, Embedding, Feedback, ModelVersion, Picture, Place
from places.models.picture import UNDECIDED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.contrib.auth.models import User

    from crawler.politeness import DenyList

__all__ = ["UNDECIDED", "Outcome", "Queue", "decide", "settle", "undo"]

Status = Picture.Status
SEEN_TO: dict[str, Feedback.Outcome] = {
    Status.APPROVED: Feedback.Outcome.APPROVED,
    Status.NOT_A_PLACE: Feedback.Outcome.NOT_A_PLACE,
    Status.REJECTED: Feedback.Outcome.DISMISSED,
}
A_PAGE = 60
MOST_BESIDE = 90  # near-copies, with all of their groups
UNDOABLE = 20  # strokes
_LOOKED_BACK = UNDOABLE * A_PAGE


class Outcome(NamedTuple):
    """What was decided, and of each other picture, by its id, why it was not."""

    done: list[Decision]
    refused: dict[UUID, str]


def decide(pictures: Sequence[Picture], to_status: str, place: Place | None, by: User | None) -> list[Decision]:
    """Decide on pictures as they were seen, and return what was done; ``settle`` says why others were not."""
    return settle(pictures, to_status, place, by).done


def settle(pictures: Sequence[Picture], to_status: str, place: Place | None, by: User | None) -> Outcome:
    """Decide on pictures as they were seen: approved ones show ``place``, or the place that they were seen with.

    Those that are rejected or skipped keep their place, those that are not a place lose it. Each is decided or refused
    by itself; what was taken down can only be rejected. Raises UserError ``bad_decision`` for a status that there is
    not.
    """
    if to_status not in Status.values:
        raise UserError("bad_decision", "There is no such decision.")
    batch, done, refused = uuid.uuid4(), [], {}
    deny = denying.denied() if to_status != Status.REJECTED else None
    seen = {picture.pk: picture for picture in pictures}
    with transaction.atomic():
        rows = _locked(list(seen))
        last = _last_decisions([row for row in rows.values() if row.status not in UNDECIDED])
        for pk, picture in seen.items():
            row = rows.get(pk)
            shows = _shown_place(picture, row, to_status, place)
            why = _refusal(picture, row, to_status, shows, deny, last)
            if not why and row is not None:
                made = _write(row, to_status, shows, by, batch=batch)
                why = "" if made else _has_it(row, shows)
                done += [made] if made else []
            if why:
                refused[pk] = why
        _close_feedback(done, to_status, by)
        prelabelling.weigh_again([made.picture_id for made in done if made.picture_id])
    return Outcome(done, refused)


def _close_feedback(done: Sequence[Decision], to_status: str, by: User | None) -> None:
    """What visitors said with a photo is seen to once a curator has decided on that."""
    if (outcome := SEEN_TO.get(to_status)) is not None:
        Feedback.objects.filter(picture__in=[decision.picture_id for decision in done]).settle(outcome, by)


def _locked(pks: list[UUID]) -> dict[UUID, Picture]:
    """Return the rows of pictures, held until the transaction ends, always in the same order."""
    rows = Picture.objects.select_for_update(of=("self",)).select_related("place").defer("tone")
    return {row.pk: row for row in rows.filter(pk__in=pks).order_by("pk")}


def _last_decisions(rows: Sequence[Picture]) -> dict[UUID | None, Decision]:
    """Return the last decision on each picture."""
    found = Decision.objects.filter(picture__in=rows).select_related("by", "to_place").order_by("at", "pk")
    return {decision.picture_id: decision for decision in found}


def _shown_place(seen: Picture, row: Picture | None, to_status: str, place: Place | None) -> Place | None:
    """Return which place a picture is said to show from now on."""
    if row is None or to_status == Status.NOT_A_PLACE:
        return None
    if to_status in (Status.REJECTED, Status.SKIPPED, Status.SECOND_LOOK):
        return row.place
    return place or seen.place


def _refusal(
    seen: Picture, row: Picture | None, to_status: str, shows: Place | None, deny: DenyList | None,
    last: dict[UUID | None, Decision],
) -> str:  # fmt: skip
    """Return why a picture cannot be decided on so; empty where it can."""
    if row is None:
        return _("This picture was deleted.")
    both_open = row.status in UNDECIDED and seen.status in UNDECIDED
    if not both_open and (row.status, row.place_id) != (seen.status, seen.place_id):
        return told(row, last.get(row.pk))
    if deny is not None and _taken_down(row, deny):
        return _("This picture was taken down.")
    if to_status != Status.APPROVED:
        return ""
    if shows is None:
        return _("Please say which place it shows.")
    if shows.retired_at is not None:
        return _("This place was retired.")
    return row.problem


def _taken_down(row: Picture, deny: DenyList) -> bool:
    look = None if row.look is None else row.look & denying.UNSIGNED
    return deny.denies_picture(row.content_hash, look) or denying.denies(deny, row.page_url)


def told(row: Picture, decision: Decision | None) -> str:
    """Say what a picture is already, and who decided that."""
    status, place = Status(row.status).label, row.place.shown_name if row.place else ""
    as_what = f"{status}, {place}" if place and row.status == Status.APPROVED else str(status)
    if decision is None or decision.by is None:
        return _("Already decided: {what}").format(what=as_what)
    return _("Already decided by {who}: {what}").format(who=decision.by.get_username(), what=as_what)


def _has_it(row: Picture, place: Place | None) -> str:
    if place is None:
        return _("The same picture is there already as one that shows no place. Reject this one.")
    return _("The same picture is there already. Reject this one. Place: {place}").format(place=place.shown_name)


def _write(
    row: Picture, to_status: str, place: Place | None, by: User | None, *, batch: UUID, undoes: Decision | None = None
) -> Decision | None:
    """Change a locked row and keep that as a decision; None where the place has the same picture already."""
    was = {"from_status": row.status, "from_place": row.place}
    row.status, row.place, row.prelabelled = to_status, place, False
    try:
        with transaction.atomic():
            row.save(update_fields=["status", "place", "prelabelled"])
    except IntegrityError:
        return None
    return Decision.objects.create(
        picture=row, content_hash=row.content_hash, by=by, to_status=to_status, to_place=place, batch=batch,
        undoes=undoes, **was,
    )  # fmt: skip


def undo(decisions: Sequence[Decision], by: User | None) -> list[Decision]:
    """Take decisions back, and return the rows that say so; see ``take_back`` for those that stand."""
    return take_back(decisions, by).done


def take_back(decisions: Sequence[Decision], by: User | None) -> Outcome:
    """Take decisions back where nothing was decided since; both rows stay."""
    batch, done, refused, deny = uuid.uuid4(), [], {}, denying.denied()
    with transaction.atomic():
        rows = _locked([decision.picture_id for decision in decisions if decision.picture_id])
        last = _last_decisions(list(rows.values()))
        for decision in decisions:
            row = rows.get(decision.picture_id) if decision.picture_id else None
            if row is None:
                continue
            if decision.from_status != Status.REJECTED and _taken_down(row, deny):
                refused[row.pk] = _("This picture was taken down.")
                continue
            stands = last.get(row.pk) == decision and (row.status, row.place_id) == (
                decision.to_status, decision.to_place_id,
            )  # fmt: skip
            back = decision.from_place and (decision.from_place.merged_into or decision.from_place)
            made = _write(row, decision.from_status, back, by, batch=batch, undoes=decision) if stands else None
            if made is None:
                refused[row.pk] = _has_it(row, back) if stands else told(row, last.get(row.pk))
                continue
            Decision.objects.filter(pk=decision.pk).update(undone_at=timezone.now())
            done.append(made)
        prelabelling.weigh_again([made.picture_id for made in done if made.picture_id])
    return Outcome(done, refused)


class Stroke(NamedTuple):
    """What a curator decided at one stroke and can take back."""

    batch: UUID
    decisions: list[Decision]

    @property
    def told(self) -> str:
        """What it was, in short."""
        first = self.decisions[0]
        place = first.to_place.shown_name if first.to_place and first.to_status == Status.APPROVED else ""
        what = f"{Status(first.to_status).label}{f', {place}' if place else ''}"
        return f"{what} ({len(self.decisions)})" if len(self.decisions) > 1 else str(what)


def last_strokes(by: User) -> list[Stroke]:
    """Return the last things that a curator decided and has not taken back, the latest first."""
    own = Decision.objects.filter(by=by, undone_at=None, undoes=None).order_by("-at", "-pk")
    strokes: dict[UUID, list[Decision]] = {}
    for decision in own.select_related("to_place", "from_place__merged_into")[:_LOOKED_BACK]:
        strokes.setdefault(decision.batch, []).append(decision)
    return [Stroke(batch, decisions) for batch, decisions in list(strokes.items())[:UNDOABLE]]


@dataclass(frozen=True)
class Queue:
    """Which pictures are reviewed. ``show``: empty, ``mislabelled`` (undecided ones that the model surely takes for
    something else), ``copies`` (near-copies side by side) or ``wrong`` (likely wrong labels among the approved ones).
    """  # noqa: D205

    status: str = Status.CANDIDATE
    place: Place | None = None
    source: str = ""
    show: str = ""

    def rows(self) -> QuerySet[Picture]:
        """Return all of them, those that no worker has read yet left out."""
        rows = Picture.objects.exclude(thumbnail="")
        if self.place is not None:
            rows = rows.filter(place=self.place)
        if self.source:
            rows = rows.filter(source=self.source)
        if self.show == "wrong":
            kept = Decision.objects.filter(
                picture=OuterRef("pk"), from_status=Status.APPROVED, to_status=Status.APPROVED, undone_at=None,
                from_place=F("to_place"), to_place=OuterRef("place"), undoes=None,
            )  # fmt: skip
            doubted = Q(usefulness__range=MISLABELLED) | Q(usefulness__gte=prelabelling.DISPUTED)
            return rows.filter(doubted & ~Exists(kept), status=Status.APPROVED)
        if self.show == "mislabelled":
            return rows.filter(status__in=UNDECIDED, usefulness__range=MISLABELLED)
        if self.show == "copies":
            return rows.filter(status__in=UNDECIDED, copies__isnull=False)
        return rows.filter(status=self.status)

    def page(self, after: str = "", count: int = A_PAGE) -> tuple[list[Picture], str]:
        """Return the next pictures after a key, most useful first, and the key of what follows; empty at the end.

        Near-copies come with all of their group, whatever was decided on the others. Raises UserError ``bad_key``.
        """
        rows = self.rows().select_related("place", "predicted").defer("tone")
        if self.show == "copies":
            return self._groups(rows, after, count)
        rows = rows.order_by("-usefulness", "pk")
        if after:
            usefulness, pk = _key(after, float)
            later = Q(usefulness__lt=usefulness) | Q(usefulness=usefulness, pk__gt=pk)
            rows = rows.filter(later, usefulness__lte=usefulness)
        page = list(rows[: count + 1])
        more = f"{page[count - 1].usefulness!r}_{page[count - 1].pk}" if len(page) > count else ""
        return page[:count], more

    def _groups(self, rows: QuerySet[Picture], after: str, count: int) -> tuple[list[Picture], str]:
        if after:
            rows = rows.filter(copies__gt=_key(f"0_{after}", float)[1])
        found = list(rows.order_by("copies", "pk").values_list("copies", flat=True)[: count + 1])
        groups = list(dict.fromkeys(found[:count]))
        members = Picture.objects.filter(copies__in=groups).exclude(thumbnail="")
        members = members.select_related("place", "predicted").defer("tone").order_by("copies", "pk")
        return list(members[:MOST_BESIDE]), str(groups[-1]) if len(found) > count else ""


def _key(text: str, number: Any) -> tuple[Any, UUID]:
    first, _sep, second = text.partition("_")
    try:
        return number(first), uuid.UUID(second)
    except ValueError as error:
        raise UserError("bad_key", "There is no such page.") from error


def counts() -> dict[str, int]:
    """Return how many pictures there are of each status."""
    found = dict(Picture.objects.order_by().values_list("status").annotate(Count("pk")))
    return {status: found.get(status, 0) for status in Status.values}


def answers(pictures: Sequence[Picture]) -> dict[UUID, prelabelling.Said]:
    """Return what the serving version says of pictures."""
    version = ModelVersion.serving_places()
    return prelabelling.answers_in(Embedding.objects.filter(picture__in=pictures, model_version=version))


def decisions_on(pictures: Sequence[Picture]) -> dict[UUID | None, Decision]:
    """Return the last decision on each of some pictures."""
    return _last_decisions(pictures)
