"""What visitors say of an answer."""

import contextlib
from typing import Any

from django.db import IntegrityError, transaction

from errors import UserError
from places import gallery, given, prelabelling, storage
from places.models import Feedback, Picture, Place, Search
from places.models.picture import UNDECIDED
from places.models.search import State


def give(search: Search, *, right: bool, slug: str | None, keep: bool) -> Feedback:
    """Keep what the owner says; with their consent the photo becomes a candidate for the curators.

    Raises UserError ``bad_form`` for a place that is not ours or an answer that is not there yet.
    """
    if search.state != State.DONE:
        raise UserError("bad_form", "There is no answer yet. Please wait for it first.")
    place = search.place if right else None
    if slug:
        place = None if "\x00" in slug else Place.answering([slug])[slug]
        if place is None:
            raise UserError("bad_form", "`place` is none of our places. Send the slug of one, or null.")
    values: dict[str, Any] = {"right": right, "answered": search.place, "place": place, "kept": keep}
    said, new = Feedback.objects.get_or_create(search=search, defaults=values)
    if not new and any(getattr(said, name) != value for name, value in values.items()):
        # Other words than a curator has seen come to the inbox again.
        anew = {"handled_at": None, "handled_by": None, "outcome": "", **values}
        Feedback.objects.filter(pk=said.pk).update(**anew)
    if keep and search.photo:
        picture = _keep(search, place)
        # Before a worker reads it: what is disputed comes first in the review.
        Feedback.objects.filter(pk=said.pk).update(picture=picture)
        if picture is not None and not picture.image:
            gallery.have_read(picture)
    elif not keep:
        gallery.withdraw(search)
    said.refresh_from_db()
    return said


def _keep(search: Search, place: Place | None) -> Picture | None:
    """Make the photo a candidate, once, and return it; None when the place has the same picture already."""
    if (known := Picture.objects.filter(search=search).first()) is not None:
        return _move(known, place)
    storage.check_space()
    try:
        picture = gallery.take_in(
            storage.read(search.photo), place, search=search, source=given.SOURCE, licence="given by its owner"
        )
    except FileNotFoundError as error:
        raise UserError("gone", "This photo was deleted meanwhile.") from error
    except UserError as error:
        if error.code != "duplicate":
            raise
        return None
    return picture


def _move(picture: Picture, place: Place | None) -> Picture:
    """Say that an undecided photo shows another place; what a curator decided stands."""
    with contextlib.suppress(IntegrityError), transaction.atomic():  # that place may have it already
        Picture.objects.filter(pk=picture.pk, status__in=UNDECIDED).update(place=place, prelabelled=False)
    prelabelling.weigh_again([picture.pk])
    return picture
