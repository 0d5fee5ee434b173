"""A place that the model was not taught answers as soon as a few of its pictures are approved. The real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from ml import picture
from places import broker, gallery, newcomers, searching, starter
from places.models import Embedding, ModelVersion, Picture, Place, Search
from places.recognising import recogniser
from tests.drawings import drawing
from tests.drawn import jpeg

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker")]
NEW = "63-building"  # of the places that ship, and none of the model's
ALIKE, OTHERWISE = jpeg(1, size=(400, 300)), drawing("chart", 1)


@pytest.fixture(autouse=True)
def model(settings: Settings, tmp_path: Path) -> Iterator[ModelVersion]:
    settings.MEDIA_ROOT = tmp_path
    starter.load_places()
    yield starter.register_bundles()[0]
    newcomers._state = None  # the next test has another database


def pictures(count: int, first: int = 0, status: str = "approved") -> list[Picture]:
    """Take in pictures of the new place, all of one motif; the model looks at the first, as which the others count."""
    place = Place.objects.get(slug=NEW)
    taken = [
        gallery.take_in(jpeg(1, size=(320 + 8 * number, 240)), place, status=status)
        for number in range(first, first + count)
    ]
    gallery.embed(taken[0].pk)
    seen = Embedding.objects.get(picture=taken[0])
    for other in taken[1:]:
        values = {"vector": seen.vector, "style": seen.style, "answer": seen.answer}
        Embedding.objects.create(picture=other, model_version=seen.model_version, **values)
    return taken


def noticed() -> None:
    """Let the few seconds pass after which changes are noticed."""
    broker.connection().delete(newcomers.RESTING)
    newcomers.watch()


def asked(data: bytes = ALIKE) -> Search:
    """Return an answered search."""
    search, _ = searching.submit(data=data)
    searching.recognise(search.pk)
    return Search.objects.get(pk=search.pk)


def answer(search: Search) -> tuple[str, str | None]:
    return search.kind, search.place.slug if search.place else None


def test_five_approved_pictures_are_enough_and_four_are_not() -> None:
    pictures(4)
    assert asked().kind != "place"
    assert NEW not in newcomers.recognised()
    pictures(1, first=4)
    noticed()
    assert NEW in newcomers.recognised()
    search = asked()
    assert answer(search) == ("place", NEW)
    assert search.confidence is not None and search.confidence > 0.9
    assert search.predictions[0][0] == NEW
    assert len(search.predictions) == 5
    assert search.heat is None, "the classifier's heat map is of another place"


def test_what_is_not_approved_any_more_answers_no_more_even_for_a_photo_that_was_answered() -> None:
    taken = pictures(5)
    noticed()
    assert answer(asked()) == ("place", NEW)
    Picture.objects.filter(pk=taken[0].pk).update(status=Picture.Status.REJECTED)
    noticed()
    assert asked().kind != "place"


def test_pictures_that_a_curator_has_not_approved_do_not_answer() -> None:
    pictures(6, status="candidate")
    noticed()
    assert asked().kind != "place"


def test_photos_that_look_otherwise_are_answered_as_before(model: ModelVersion) -> None:
    before = asked(OTHERWISE)
    pictures(5)
    noticed()
    after = asked(OTHERWISE)
    assert answer(after) == answer(before)
    assert after.confidence == pytest.approx(before.confidence, abs=0.02)
    assert [slug for slug, _ in after.predictions][:3] == [slug for slug, _ in before.predictions][:3]


def test_a_retired_place_is_named_no_more_and_a_merged_one_by_the_other() -> None:
    pictures(5)
    noticed()
    new, other = Place.objects.get(slug=NEW), Place.objects.get(slug="petra")
    Place.objects.filter(pk=new.pk).update(retired_at=timezone.now())
    noticed()
    search = asked()
    assert search.place is None and NEW not in dict(search.predictions)
    Place.objects.filter(pk=new.pk).update(retired_at=None)
    best = Place.objects.get(slug=asked(OTHERWISE).predictions[0][0])
    Place.objects.filter(pk=best.pk).update(retired_at=timezone.now(), merged_into=other)
    noticed()
    named = dict(asked(OTHERWISE).predictions)
    assert best.slug not in named and other.slug in named


def test_an_answer_whose_place_was_retired_becomes_unknown() -> None:
    pictures(5)
    noticed()
    model, version = recogniser()
    seen = model.recognise(picture.decode(ALIKE))
    assert newcomers.predict(model, version, seen).kind == "place"
    # Retired since the last look, which is seconds ago: the place is not named all the same.
    Place.objects.filter(slug=NEW).update(retired_at=timezone.now())
    said = newcomers.predict(model, version, seen)
    assert said.kind in ("unknown", "not_a_place") and said.place is None
    assert NEW not in dict(said.predictions) and said.confidence < 0.5


def test_nothing_is_read_anew_while_nothing_changes(django_assert_num_queries: Any) -> None:
    pictures(5)
    noticed()
    model, version = recogniser()
    seen = model.recognise(picture.decode(ALIKE))
    first = newcomers.current(version)
    noticed()
    with django_assert_num_queries(1):  # by what names the places are called
        newcomers.predict(model, version, seen)
    assert newcomers.current(version) is first


def test_without_anybody_who_watches_changes_are_noticed_all_the_same(model: ModelVersion) -> None:
    assert newcomers.current(model).known.slugs == []
    pictures(5)
    broker.connection().delete(newcomers.WATCHED)  # as it is after some seconds
    assert newcomers.current(model).known.slugs == [NEW]


def test_the_place_that_a_taught_one_was_merged_into_is_taught(model: ModelVersion) -> None:
    pictures(5)
    Place.objects.filter(slug="petra").update(
        retired_at=timezone.now(), merged_into=Place.objects.get(slug=NEW)
    )  # so the model has a label for it
    noticed()
    assert newcomers.current(model).known.slugs == []


@pytest.mark.shared
def test_real_photos_of_a_new_place_are_answered_and_those_of_known_ones_still_are(val: Path) -> None:
    shown = Place.objects.get(slug=NEW)
    files = sorted((val.parent / "newplaces" / "clerigos-tower").iterdir())
    for path in files[:10]:
        gallery.embed(gallery.take_in(path.read_bytes(), shown, status="approved").pk)
    noticed()
    found = []
    for path in (*files[20:26], *sorted((val / "taj-mahal").iterdir())[:2]):
        search, _ = searching.submit(data=path.read_bytes())
        searching.recognise(search.pk)
        found.append(Search.objects.get(pk=search.pk).predictions[0][0])
    assert found[:6].count(NEW) >= 4
    assert found[6:] == ["taj-mahal", "taj-mahal"]
