"""Curators at the admin, and what they find there, for tests."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client

from places import feedback, storage
from places.models import Feedback, Picture, Place
from tests.answers import answered
from tests.drawn import jpeg


def somebody(name: str = "bo", group: str = "Curators") -> User:
    """A member of staff, of one of the groups."""
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def at_the_admin(user: User) -> Client:
    """A browser in which somebody is logged in."""
    client = Client()
    client.force_login(user)
    return client


def said(right: bool, of: Place | None, *, place: Place | None = None, keep: bool = False, seed: int = 1) -> Feedback:
    """What the owner of a photo said of the answer that it shows ``of``."""
    search = answered(of)
    storage.save(search.photo, jpeg(seed))
    given = feedback.give(search, right=right, slug=place.slug if place else None, keep=keep)
    if given.picture is not None:  # as a worker leaves it
        Picture.objects.filter(pk=given.picture.pk).update(thumbnail=search.photo, image=search.photo)
        given.picture.refresh_from_db()
    return given


def do(client: Client, item: Any, deed: str, place: str = "") -> str:
    """Press one of the inbox's buttons and return what the next page says."""
    kind = "feedback" if isinstance(item, Feedback) else "report"
    told = {"item": f"{kind}-{item.pk}", "deed": deed, "place": place}
    answer = client.post("/admin/inbox/", told, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()
