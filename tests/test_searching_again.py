"""Searching a kept photo again, where it meets deleting and expiring."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from errors import UserError
from places import searching, storage
from places.models import Search
from tests.drawn import jpeg

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker")]


def kept(**values: Any) -> Search:
    """An answered search whose photo is kept."""
    search = Search(state="done", similar_state="done", content_hash="of the upload", **values)
    search.photo = storage.save(storage.photo_name(search.pk), jpeg(901))
    search.save(force_insert=True)
    return search


def test_a_copy_ends_when_the_first_one_ends() -> None:
    source = kept(expires_at=timezone.now() + timedelta(hours=3))
    search, _ = searching.submit_again(source, [0.0, 0.0, 0.5, 0.5], owner=False)
    assert search.expires_at == source.expires_at
    assert storage.read(search.photo) == storage.read(source.photo)


def test_a_copy_of_what_is_deleted_meanwhile_is_deleted_too() -> None:
    source = kept()
    Search.objects.filter(pk=source.pk).update(deleted_at=timezone.now())
    search, _ = searching.submit_again(source, None, owner=True)
    assert Search.objects.get(pk=search.pk).gone
    with pytest.raises(FileNotFoundError):
        storage.read(search.photo)


def test_a_photo_that_is_not_there_cannot_be_searched_again() -> None:
    source = kept()
    storage.delete(source.photo)
    with pytest.raises(UserError) as refused:
        searching.submit_again(source, None, owner=True)
    assert refused.value.code == "gone"


def test_how_long_it_usually_takes_is_the_median_of_the_last_searches() -> None:
    assert Search.objects.usual_seconds() is None
    for total in (300, 2600, 2700, 90_000, None):
        kept(timings={"total": total} if total else {})
    assert Search.objects.usual_seconds() == 3
    Search.objects.update(timings={"total": 120})
    assert Search.objects.usual_seconds() == 1
