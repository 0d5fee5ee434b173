"""What visitors say of an answer."""

from errors import UserError
from places import gallery, storage
from places.models import Feedback, Picture, Place, Search
from places.models.search import State


def give(search: Search, *, right: bool, slug: str | None, keep: bool) -> Feedback:
    """Keep what the owner says; with their consent the photo becomes a candidate for the curators.

    Raises UserError ``bad_form`` for a place that is not ours or an answer that is not there yet.
    """
    if search.state != State.DONE:
        raise UserError("bad_form", "There is no answer yet. Please wait for it first.")
    place = search.place if right else None
    if slug:
        place = None if "\x00" in slug else Place.objects.filter(slug=slug).first()
        if place is None:
            raise UserError("bad_form", "`place` is none of our places. Send the slug of one, or null.")
    given, _ = Feedback.objects.update_or_create(
        search=search, defaults={"right": right, "answered": search.place, "place": place, "kept": keep}
    )
    if keep and search.photo:
        _keep(search, place)
    elif not keep:
        gallery.withdraw(search)
    return given


def _keep(search: Search, place: Place | None) -> None:
    """Make the photo a candidate, once; a picture that the place has already is one already."""
    if Picture.objects.filter(search=search).update(place=place):
        return
    storage.check_space()
    try:
        gallery.take_in(
            storage.read(search.photo), place, search=search, source="visitor", licence="given by its owner"
        )
    except FileNotFoundError as error:
        raise UserError("gone", "This photo was deleted meanwhile.") from error
    except UserError as error:
        if error.code != "duplicate":
            raise
    gallery.send_missing()
