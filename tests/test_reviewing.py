"""Decisions of curators: kept with who and when, undone, never overwritten; and what comes first."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from places import reporting, reviewing
from places.models import Decision, ModelVersion, Picture, Place
from places.reviewing import Queue
from tests.reviewed import said, seen, version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker")]


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def model() -> ModelVersion:
    return version()


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada")


@pytest.fixture
def bo() -> User:
    return User.objects.create_superuser("bo")


def candidate(number: int, model: ModelVersion, slug: str | None = "petra", sure: float = 0.95) -> Picture:
    return seen(number, slug, model, said(sure, 0.98 - sure, 0.0))


def now(picture: Picture) -> Picture:
    return Picture.objects.select_related("place").get(pk=picture.pk)


def test_a_decision_says_who_when_from_what_and_to_what(model: ModelVersion, ada: User) -> None:
    picture = candidate(1, model)
    (made,) = reviewing.decide([picture], "approved", Place.objects.get(slug="louvre"), ada)
    kept = Decision.objects.get()
    assert kept == made
    assert (kept.by, kept.content_hash, kept.from_status, kept.to_status) == (
        ada, picture.content_hash, "candidate", "approved",
    )  # fmt: skip
    assert kept.from_place and kept.to_place
    assert (kept.from_place.slug, kept.to_place.slug, now(picture).place) == ("petra", "louvre", kept.to_place)
    Picture.objects.all().delete()
    assert Decision.objects.get().content_hash == picture.content_hash


def test_what_is_no_place_has_none_and_what_is_rejected_keeps_its_own(model: ModelVersion, ada: User) -> None:
    one, two = candidate(1, model), candidate(2, model)
    reviewing.decide([one], "not_a_place", None, ada)
    reviewing.decide([two], "rejected", None, ada)
    assert (now(one).place, now(one).status) == (None, "not_a_place")
    assert (now(two).place, now(two).status) == (two.place, "rejected")


def test_the_second_of_two_curators_hears_who_decided_what_and_overwrites_nothing(
    model: ModelVersion, ada: User, bo: User
) -> None:
    picture = candidate(1, model)
    seen_by_bo = now(picture)
    reviewing.decide([picture], "approved", None, ada)
    outcome = reviewing.settle([seen_by_bo], "rejected", None, bo)
    assert outcome.done == []
    assert outcome.refused == {picture.pk: "Already decided by ada: approved, Petra"}
    assert now(picture).status == "approved"
    assert reviewing.decide([now(picture)], "rejected", None, bo), "who has seen that may decide otherwise"


def test_several_are_decided_each_by_itself_and_nothing_is_lost(model: ModelVersion, ada: User, bo: User) -> None:
    pictures = [candidate(number, model) for number in range(3)]
    reviewing.decide([now(pictures[1])], "skipped", None, bo)
    reviewing.decide([now(pictures[2])], "rejected", None, bo)
    outcome = reviewing.settle(pictures, "approved", None, ada)
    assert len(outcome.done) == 2, "what somebody skipped still waits"
    assert set(outcome.refused) == {pictures[2].pk}
    assert [now(picture).status for picture in pictures] == ["approved", "approved", "rejected"]


def test_an_undone_decision_stays_beside_the_one_that_undid_it(model: ModelVersion, ada: User, bo: User) -> None:
    picture = candidate(1, model)
    first = reviewing.decide([picture], "approved", Place.objects.get(slug="louvre"), ada)
    (back,) = reviewing.undo(first, ada)
    assert (now(picture).status, now(picture).place) == ("candidate", picture.place)
    first[0].refresh_from_db()
    assert first[0].undone_at is not None and back.undoes == first[0]
    assert Decision.objects.count() == 2
    assert reviewing.undo(first, ada) == [], "twice is once"
    again = reviewing.decide([now(picture)], "rejected", None, ada)
    reviewing.decide([now(picture)], "approved", None, bo)
    outcome = reviewing.take_back(again, ada)
    assert outcome.refused == {picture.pk: "Already decided by bo: approved, Petra"}
    assert now(picture).status == "approved"


def test_the_last_twenty_strokes_can_be_taken_back_whatever_their_size(model: ModelVersion, ada: User) -> None:
    pictures = [candidate(number, model) for number in range(24)]
    reviewing.decide(pictures[:3], "rejected", None, ada)
    for picture in pictures[3:]:
        reviewing.decide([picture], "skipped", None, ada)
    strokes = reviewing.last_strokes(ada)
    assert len(strokes) == reviewing.UNDOABLE
    for stroke in strokes:
        reviewing.undo(stroke.decisions, ada)
    (left, first) = reviewing.last_strokes(ada)
    assert (left.told, first.told, len(first.decisions)) == ("skipped", "rejected (3)", 3)


def test_a_place_that_has_the_picture_already_does_not_get_it_twice(model: ModelVersion, ada: User) -> None:
    kept, again = candidate(1, model, "petra"), candidate(1, model, "louvre")
    reviewing.decide([kept], "approved", None, ada)
    outcome = reviewing.settle([again], "approved", kept.place, ada)
    assert "The same picture is there already" in outcome.refused[again.pk]
    assert now(again).status == "candidate" and now(again).place == again.place


def test_what_was_taken_down_cannot_be_approved_and_what_has_no_label_needs_one(model: ModelVersion, ada: User) -> None:
    gone, nameless = candidate(1, model), seen(2, None, model, said(0.5, 0.4, 0.0))
    reporting.take_down(reporting.receive(reason="rights", about=gone))
    outcome = reviewing.settle([now(gone), nameless], "approved", None, ada)
    assert outcome.refused == {
        gone.pk: "This picture was taken down.", nameless.pk: "Please say which place it shows.",
    }  # fmt: skip


def test_the_queue_goes_from_page_to_page_without_a_gap_in_a_constant_number_of_queries(
    model: ModelVersion, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    made = [candidate(number, model, sure=0.5 + number / 40) for number in range(9)]
    same = [candidate(number, model, sure=0.6) for number in range(20, 24)]
    found, after = [], ""
    for _ in range(4):
        with django_assert_num_queries(1):
            page, after = Queue("second_look").page(after, 4)
        found += page
    assert after == "" and len(found) == 13
    assert {picture.pk for picture in found} == {picture.pk for picture in (*made, *same)}
    assert [picture.usefulness for picture in found] == sorted((p.usefulness for p in found), reverse=True)


def test_it_is_narrowed_by_status_place_and_source(model: ModelVersion) -> None:
    petra, louvre = candidate(1, model), candidate(2, model, "louvre")
    visitor = seen(3, "petra", model, said(0.5, 0.4, 0.0), source="visitor")
    assert [p.pk for p in Queue(place=louvre.place).page()[0]] == [louvre.pk]
    assert [p.pk for p in Queue("second_look", source="visitor").page()[0]] == [visitor.pk]
    assert {p.pk for p in Queue().page()[0]} == {petra.pk, louvre.pk}
    assert reviewing.counts()["second_look"] == 1


def test_likely_wrong_labels_of_approved_ones_are_found_until_somebody_says_that_they_are_right(
    model: ModelVersion, ada: User
) -> None:
    wrong = seen(1, "louvre", model, said(0.97, 0.01, 0.01), status="approved")
    seen(2, "petra", model, said(0.97, 0.01, 0.01), status="approved")
    assert [p.pk for p in Queue(show="wrong").page()[0]] == [wrong.pk]
    moved = reviewing.decide([wrong], "approved", Place.objects.get(slug="petra"), ada)
    assert Queue(show="wrong").page()[0] == [], "it is weighed anew by its new label"
    reviewing.undo(moved, ada)
    assert [p.pk for p in Queue(show="wrong").page()[0]] == [wrong.pk]
    reviewing.decide([now(wrong)], "approved", None, ada)
    assert Queue(show="wrong").page()[0] == []


def test_undecided_ones_that_are_probably_mislabelled_have_a_list_and_come_after_those_near_the_boundary(
    model: ModelVersion,
) -> None:
    wrong = seen(1, "louvre", model, said(0.97, 0.01, 0.01))
    torn = seen(2, "petra", model, said(0.49, 0.48, 0.01), status="candidate")
    Picture.objects.filter(pk=torn.pk).update(status="candidate")
    assert [p.pk for p in Queue().page()[0]] == [torn.pk, wrong.pk]
    assert [p.pk for p in Queue(show="mislabelled").page()[0]] == [wrong.pk]


def test_near_copies_stand_together_with_what_was_decided_on_the_others(model: ModelVersion, ada: User) -> None:
    kept, copy = candidate(1, model, "petra"), candidate(1, model, "louvre")
    alone = candidate(2, model)
    reviewing.decide([now(kept)], "approved", None, ada)
    page, more = Queue(show="copies").page()
    assert {picture.pk for picture in page} == {kept.pk, copy.pk} and more == ""
    reviewing.decide([now(copy)], "rejected", None, ada)
    assert Queue(show="copies").page()[0] == [], "a group that is settled does not come back"
    assert now(alone).copies is None
