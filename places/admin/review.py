"""The review: a grid of pictures that curators decide on, by keyboard if they like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from crawler.sources import LABELS
from errors import UserError
from places import prelabelling, reviewing
from places.admin_site import staff
from places.models import Decision, Picture, Place
from places.reviewing import Queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django.contrib.auth.models import User

    from places.prelabelling import Said

Status = Picture.Status
ASK_ABOVE = 50  # pictures at one stroke
SUGGESTED = 20  # places
ALWAYS = 3  # guesses are offered, and further ones that are at all likely
LIKELY_FROM = 0.5
SOURCES = {**LABELS, "visitor": gettext_lazy("visitors"), "curator": gettext_lazy("curators")}
SHOWS = {
    "": gettext_lazy("most useful first"),
    "mislabelled": gettext_lazy("probably mislabelled"),
    "copies": gettext_lazy("near-copies side by side"),
    "wrong": gettext_lazy("likely wrong labels among the approved"),
}


@dataclass(frozen=True)
class Key:
    """One key, its button, and what it does: the only list of them; buttons, help and script are made from it.

    ``act`` is what the script does; ``value`` is the decision, where it is one. ``plain``: works without scripts.
    """

    key: str
    shown: str | Promise
    act: str
    label: str | Promise
    help: str | Promise
    value: str = ""
    plain: bool = False


KEYS = [
    Key("a", "A", "decide", gettext_lazy("Keep"), gettext_lazy("It shows the place that it is said to show"),
        Status.APPROVED, plain=True),
    Key("x", "X", "decide", gettext_lazy("Reject"), gettext_lazy("It is not wanted, and never comes back"),
        Status.REJECTED, plain=True),
    Key("n", "N", "decide", gettext_lazy("Not a place"), gettext_lazy("It shows no place; kept to train with"),
        Status.NOT_A_PLACE, plain=True),
    Key("s", "S", "decide", gettext_lazy("Skip"), gettext_lazy("Somebody else may decide"), Status.SKIPPED,
        plain=True),
    Key("m", "M", "place", gettext_lazy("Other place"), gettext_lazy("It shows another place, by its name")),
    Key("u", "U", "undo", gettext_lazy("Undo"), gettext_lazy("Take back what you decided last"), plain=True),
    Key(" ", gettext_lazy("Space"), "select", gettext_lazy("Select"),
        gettext_lazy("Select, to decide on several at once; with Shift and arrows a range")),
    Key("e", "E", "all", gettext_lazy("Select all"), gettext_lazy("Select every picture of the page, or none")),
    Key("Enter", gettext_lazy("Enter"), "large", gettext_lazy("Large"),
        gettext_lazy("See it large; there arrows go on, Enter or Escape closes")),
    Key("?", "?", "help", gettext_lazy("Help"), gettext_lazy("Show these keys")),
]  # fmt: skip


@dataclass(frozen=True)
class Guess:
    """One place that a picture may show."""

    slug: str
    name: str
    percent: int


@dataclass(frozen=True)
class Card:
    """One picture as the grid shows it."""

    picture: Picture
    said: Said | None
    guesses: list[Guess]
    decision: Decision | None

    @property
    def value(self) -> str:
        """What its form says it was seen as."""
        return f"{self.picture.pk}:{self.picture.status}:{self.picture.place_id or ''}"

    @property
    def percent(self) -> int:
        """How sure the model is, in per cent."""
        return round(100 * (self.picture.confidence or 0.0))

    @property
    def sureness(self) -> str:
        """How sure it is, in words."""
        confidence = self.picture.confidence or 0.0
        if confidence >= prelabelling.SURE_FROM:
            return _("sure")
        return _("likely") if confidence >= LIKELY_FROM else _("doubtful")

    @property
    def model_says(self) -> str:
        """What the model takes it for, in words; empty where it has not said."""
        picture = self.picture
        if picture.predicted is not None:
            return picture.predicted.shown_name
        thing = self.said["thing"] if self.said else ""
        others: dict[str, str] = {
            Picture.Kind.PLACE: _("a place that is gone"),
            Picture.Kind.UNKNOWN: _("none of our places"),
            Picture.Kind.NOT_A_PLACE: _("no place: {thing}").format(thing=thing) if thing else _("no place"),
        }
        return others.get(picture.predicted_kind, "")

    @property
    def disagrees(self) -> bool:
        """Whether the model takes it for something else than it is said to show."""
        picture = self.picture
        if picture.place_id is None or not picture.predicted_kind:
            return False
        return picture.predicted_id != picture.place_id

    @property
    def label(self) -> str:
        """What a screen reader calls it."""
        shows = self.picture.place.shown_name if self.picture.place else _("no label")
        said = _("nothing yet")
        if self.model_says:
            said = f"{self.model_says}, {self.sureness}, {self.percent} %"
        return _("{shows}. The model says: {said}").format(shows=shows, said=said)

    @property
    def group(self) -> str:
        """By what near-copies stand together."""
        return str(self.picture.copies or "")

    @property
    def decided(self) -> bool:
        """Whether a curator has decided on it."""
        return self.picture.status not in reviewing.UNDECIDED


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """Show a page of the queue; decide what a form or the script says."""
    if not request.user.has_perm("places.change_picture"):
        raise PermissionDenied
    if request.method == "POST":
        return _post(request)
    try:
        queue, problem = _queue(request), ""
        pictures, more = queue.page(request.GET.get("after", ""))
    except UserError as error:
        queue, problem, pictures, more = Queue(), error.message, [], ""
    cards = list(_cards(pictures))
    asked = {"status": queue.status, "place": queue.place.slug if queue.place else "", "source": queue.source,
             "show": queue.show}  # fmt: skip
    context = {
        **admin.site.each_context(request),
        "title": _("Review"),
        "is_nav_sidebar_enabled": False,  # the pictures have the whole width
        "queue": queue,
        "cards": cards,
        "problem": problem,
        "keys": KEYS,
        "strokes": reviewing.last_strokes(staff(request)),
        "statuses": _statuses(asked),
        "shows": [(name, words, _address({**asked, "show": name})) for name, words in SHOWS.items()],
        "sources": SOURCES,
        "more": _address({**asked, "after": more}) if more else "",
        "again": _address(asked),
    }
    return TemplateResponse(request, "admin/review.html", context)


def _queue(request: HttpRequest) -> Queue:
    """Return what is asked for. Raises UserError for a place that there is not."""
    names = ("status", "place", "source", "show")
    asked = {name: request.GET.get(name, "").replace("\x00", "")[:120] for name in names}
    return Queue(
        status=asked["status"] if asked["status"] in Status.values else Status.CANDIDATE,
        place=named(asked["place"]),
        source=asked["source"][:40],
        show=asked["show"] if asked["show"] in SHOWS else "",
    )


def named(text: str) -> Place | None:
    """Return the place that a curator wrote, by slug or name; None for nothing. Raises UserError."""
    name = text.replace("\x00", "").strip()[:120]
    if not name:
        return None
    current = Place.objects.current()
    found = current.filter(slug=name).first() or current.called(name).first()
    if found is None:
        raise UserError("no_place", "There is no place of this name: {name}", name=name)
    return found


def _address(asked: dict[str, str]) -> str:
    said = {name: value for name, value in asked.items() if value and (name, value) != ("status", Status.CANDIDATE)}
    return f"{reverse('admin:review')}{'?' if said else ''}{urlencode(said)}"


def _statuses(asked: dict[str, str]) -> list[tuple[str, Any, int, str]]:
    """Return each status with its name, how many there are, and where they are."""
    counts = reviewing.counts()
    return [
        (status.value, status.label, counts[status], _address({**asked, "status": status.value, "show": ""}))
        for status in Status
    ]


def _cards(pictures: Sequence[Picture]) -> Iterator[Card]:
    """Return pictures with what the model says and what was decided, in a few queries for all of them."""
    said = reviewing.answers(pictures)
    labels = {label for answer in said.values() for label, _probability in answer["guesses"]}
    places = Place.answering(labels)
    decisions = reviewing.decisions_on(pictures)
    for picture in pictures:
        answer = said.get(picture.pk)
        yield Card(picture, answer, _guesses(answer, places), decisions.get(picture.pk))


def _guesses(answer: Said | None, places: dict[str, Place | None]) -> list[Guess]:
    """Return the places that a key chooses, each once."""
    shares: dict[Place, float] = {}
    for label, probability in answer["guesses"] if answer else []:
        if (place := places.get(label)) is not None:
            shares[place] = shares.get(place, 0.0) + probability
    guesses = [Guess(place.slug, place.shown_name, round(100 * share)) for place, share in shares.items()]
    return [guess for rank, guess in enumerate(guesses) if rank < ALWAYS or guess.percent]


def _post(request: HttpRequest) -> HttpResponse:
    """Decide, or take back, and say what came of it: as JSON to the script, else on the page."""
    scripted = request.headers.get("Accept") == "application/json"
    try:
        if "undo" in request.POST:
            outcome = reviewing.take_back(_stroke(request), staff(request))
        else:
            seen, status, place = _asked(request)
            if len(seen) > ASK_ABOVE and "confirmed" not in request.POST:
                return _ask(request, len(seen), scripted=scripted)
            outcome = reviewing.settle(seen, status, place, staff(request))
    except UserError as error:
        if scripted:
            return JsonResponse({"error": error.message}, status=400)
        messages.error(request, error.message)
        return HttpResponseRedirect(request.get_full_path())
    if scripted:
        return JsonResponse(_told(outcome, staff(request)))
    _say(request, outcome)
    return HttpResponseRedirect(request.get_full_path())


def _asked(request: HttpRequest) -> tuple[list[Picture], str, Place | None]:
    """Return the pictures as the curator saw them, and what is decided on them. Raises UserError."""
    # Enter in the field for a place presses the first button.
    place = named(request.POST.get("slug", "") or request.POST.get("place", ""))
    status = request.POST.get("decide", "")
    if status == "place":
        status = Status.APPROVED
        if place is None:
            raise UserError("no_place", "Please say which place it shows.")
    if status not in {key.value for key in KEYS if key.act == "decide"}:
        raise UserError("bad_decision", "There is no such decision.")
    seen = list(_seen(request.POST.getlist("picture")))
    if not seen:
        raise UserError("no_pictures", "Please select the pictures first.")
    return seen, status, place


def _seen(values: Iterable[str]) -> Iterator[Picture]:
    """Read what the forms call their pictures: id, status and place as they were shown. Raises UserError."""
    split = [value.split(":") for value in values]
    try:
        said = [(UUID(pk), status, int(place) if place else None) for pk, status, place in split]
    except ValueError as error:
        raise UserError("bad_form", "This form cannot be read. Please load the page again.") from error
    places = Place.objects.in_bulk({place for _pk, _status, place in said if place})
    for pk, status, place in said:
        yield Picture(pk=pk, status=status, place=places.get(place) if place else None)


def _stroke(request: HttpRequest) -> list[Decision]:
    """Return the own decisions that are to be taken back. Raises UserError."""
    asked = request.POST["undo"]
    for stroke in reviewing.last_strokes(staff(request)):
        if str(stroke.batch) == asked:
            return stroke.decisions
    raise UserError("bad_form", "There is nothing to take back.")


def _ask(request: HttpRequest, count: int, *, scripted: bool) -> HttpResponse:
    """Ask whether so many are meant."""
    question = _("Decide on {count} pictures at once?").format(count=count)
    if scripted:
        return JsonResponse({"confirm": question}, status=409)
    fields = [(name, value) for name in ("picture", "decide", "place", "slug") for value in request.POST.getlist(name)]
    context = {**admin.site.each_context(request), "title": question, "fields": fields}
    return TemplateResponse(request, "admin/review_confirm.html", context)


def _told(outcome: reviewing.Outcome, user: User) -> dict[str, Any]:
    """Return what the script shows of an outcome."""
    done = [
        {
            "id": str(decision.picture_id),
            "value": f"{decision.picture_id}:{decision.to_status}:{decision.to_place_id or ''}",
            "told": _state(decision),
            "decided": decision.undoes_id is None,
        }
        for decision in outcome.done
    ]
    return {
        "done": done,
        "refused": [{"id": str(pk), "why": why} for pk, why in outcome.refused.items()],
        "said": _sentence(outcome),
        "strokes": [{"batch": str(stroke.batch), "told": stroke.told} for stroke in reviewing.last_strokes(user)],
    }


def _state(decision: Decision) -> str:
    status = str(Status(decision.to_status).label)
    named_too = decision.to_status == Status.APPROVED and decision.to_place is not None
    return f"{status}: {decision.to_place.shown_name}" if named_too and decision.to_place else status


def _sentence(outcome: reviewing.Outcome) -> str:
    count = len(outcome.done)
    said = ngettext("%(count)d picture done.", "%(count)d pictures done.", count) % {"count": count} if count else ""
    return " ".join([said, *sorted(set(outcome.refused.values()))]).strip()


def _say(request: HttpRequest, outcome: reviewing.Outcome) -> None:
    tell = messages.warning if outcome.refused else messages.success
    tell(request, _sentence(outcome))


@require_safe
def suggest(request: HttpRequest) -> HttpResponse:
    """Return places whose names have what is being typed."""
    if not request.user.has_perm("places.change_picture"):
        raise PermissionDenied
    text = request.GET.get("q", "").replace("\x00", "").strip()[:120]
    found = Place.objects.current().named(text).order_by("name")[:SUGGESTED] if text else []
    return JsonResponse({"places": [{"slug": place.slug, "name": place.shown_name} for place in found]})


PAGES = [("review/", show, "review"), ("review/places/", suggest, "review_places")]
