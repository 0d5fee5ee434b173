"""Places that end: one is merged into another, or retired; either can be brought back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone

from errors import UserError
from places import people, storage
from places.models import Alias, Attraction, Feedback, Picture, Place, Search

DECIDED = (Picture.Status.APPROVED, Picture.Status.REJECTED)
# What is joined with what the other place has; everything else that names a place names the other one afterwards.
JOINED = {"pictures", "attractions", "aliases"}


@dataclass(frozen=True)
class Merge:
    """What merging would do: how many of each go over, and how many pictures both have (kept once)."""

    place: Place
    into: Place
    pictures: int
    twice: int
    attractions: int
    feedback: int
    collections: list[str]
    names: list[str]


def plan(place: Place, into: Place) -> Merge:
    """Say beforehand what ``merge`` would do. Raises UserError ``bad_merge``."""
    _check(place, into)
    twice = _twice(place, into).count()
    return Merge(
        place=place,
        into=into,
        pictures=place.pictures.count() - twice,
        twice=twice,
        attractions=_new_attractions(place, into).count(),
        feedback=Feedback.objects.filter(models.Q(place=place) | models.Q(answered=place)).count(),
        collections=[each.name for each in place.collections.exclude(pk__in=into.collections.all())],
        names=[alias.name for alias in _new_names(place, into)],
    )


def merge(place: Place, into: Place, by: User | None) -> Merge:
    """Make ``place`` a part of ``into``: whatever belongs to it goes over, its names become other names.

    All or nothing. Answers with its slug name ``into`` from now on. Raises UserError ``bad_merge``.
    """
    with transaction.atomic():
        # No key changes, so a decision that names one of them, and holds a picture, need not wait for us.
        locked = Place.objects.select_for_update(of=["self"], no_key=True).order_by("pk").in_bulk([place.pk, into.pk])
        place, into = locked.get(place.pk, place), locked.get(into.pk, into)
        done = plan(place, into)
        Alias.objects.bulk_create(_new_names(place, into))
        _join_pictures(place, into)
        _new_attractions(place, into).update(place=into)
        place.attractions.all().delete()
        into.collections.add(*place.collections.all())
        place.collections.clear()
        _repoint(place, into, _pointing_at(Place))
        place.retired_at, place.merged_into = timezone.now(), into
        place.save(update_fields=["retired_at", "merged_into"])
        people.log(by, place, f"Merged into {into} ({into.slug}): {done.pictures} pictures, and {done.twice} twice.")
        people.log(by, into, f"Took in {place} ({place.slug}).")
    return done


def retire(place: Place, by: User | None) -> None:
    """Have a place listed nowhere and named by no answer; nothing of it is deleted."""
    with transaction.atomic():
        if not Place.objects.current().filter(pk=place.pk).update(retired_at=timezone.now()):
            raise UserError("bad_retire", "{name} is retired already.", name=place.name)
        # What was answered today must not name it either.
        Search.objects.filter(place=place).update(place=None, kind="unknown")
        people.log(by, place, "Retired.")


def bring_back(place: Place, by: User | None) -> None:
    """List a place again. What went over when it was merged stays with the other one."""
    with transaction.atomic():
        if not Place.objects.exclude(retired_at=None).filter(pk=place.pk).update(retired_at=None, merged_into=None):
            raise UserError("bad_retire", "{name} is not retired.", name=place.name)
        people.log(by, place, "Brought back.")


def _check(place: Place, into: Place) -> None:
    if place.pk == into.pk:
        raise UserError("bad_merge", "A place cannot be merged into itself. Please choose another one.")
    for each in (place, into):
        if each.retired_at is not None:
            raise UserError("bad_merge", "{name} is retired. Please bring it back first.", name=each.name)


def _new_names(place: Place, into: Place) -> list[Alias]:
    """Return what ``into`` will be called too: each name once, whatever its capitals."""
    named = [(place.name, "en"), (place.name_ko, "ko"), (place.local_name, place.local_language)]
    named += place.aliases.values_list("name", "language")
    known = {name.casefold() for name in (into.name, into.name_ko, into.local_name)}
    known |= {name.casefold() for name in into.aliases.values_list("name", flat=True)}
    fresh: dict[str, Alias] = {}
    for name, language in named:
        if name and name.casefold() not in known:
            fresh.setdefault(name.casefold(), Alias(place=into, name=name, language=language))
    return list(fresh.values())


def _new_attractions(place: Place, into: Place) -> models.QuerySet[Attraction]:
    """Return what is near that ``into`` does not have; the place itself is none of it."""
    known = {*into.attractions.values_list("name", flat=True), into.name}
    return place.attractions.exclude(name__in=known)


def _twice(place: Place, into: Place) -> models.QuerySet[Picture]:
    """Return the pictures of ``place`` that ``into`` has, to the byte."""
    return place.pictures.filter(content_hash__in=into.pictures.values("content_hash"))


def _join_pictures(place: Place, into: Place) -> None:
    """Move the pictures; of what both have keep the other's row, with whatever was decided on either."""
    both = models.Q(place=place) | models.Q(place=into, content_hash__in=place.pictures.values("content_hash"))
    # Held in the order in which the review holds them, so that neither waits for the other in a circle.
    held = list(Picture.objects.select_for_update().filter(both).defer("tone").order_by("pk"))
    kept = {picture.content_hash: picture for picture in held if picture.place_id == into.pk}
    for picture in held:
        if picture.place_id == place.pk and picture.content_hash in kept:
            _drop(picture, kept[picture.content_hash])
    place.pictures.update(place=into)


def _drop(picture: Picture, kept: Picture) -> None:
    if kept.status not in DECIDED and picture.status in DECIDED:
        Picture.objects.filter(pk=kept.pk).update(status=picture.status)
    # Reports and decisions on the one are on the other; its embedding goes with it.
    _repoint(picture, kept, [each for each in _pointing_at(Picture) if each.on_delete is models.SET_NULL])
    files = (picture.original.name or "", picture.image, picture.thumbnail)
    picture.delete()
    transaction.on_commit(lambda: storage.delete(*files))


def _pointing_at(model: type[models.Model]) -> list[Any]:
    """Return the relations from other tables' rows to those of ``model``, whoever added them."""
    fields = model._meta.get_fields(include_hidden=True)
    found = [each for each in fields if isinstance(each, models.ManyToOneRel)]
    return [each for each in found if not each.related_model._meta.auto_created]


def _repoint(old: models.Model, new: models.Model, relations: Iterable[Any]) -> None:
    """Have rows that point at ``old`` point at ``new``; those of which there is one at most are dropped."""
    for relation in relations:
        if relation.related_name in JOINED:
            continue
        rows = relation.related_model._default_manager.filter(**{relation.field.name: old})
        if relation.one_to_one:
            rows.delete()
        else:
            rows.update(**{relation.field.name: new})
