"""The inbox: what visitors say and report in one list, and what curators make of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from errors import UserError
from places import feedback, given, inbox, reporting, reviewing, searching
from places.models import (
    Decision,
    Denied,
    Embedding,
    Feedback,
    ModelVersion,
    Picture,
    Place,
    Promotion,
    Report,
    Search,
)
from tests.answers import picture, place, text, tree_of, unit, version
from tests.curators import at_the_admin, do, said, somebody

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker", "plain_static")]


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def tower() -> Place:
    return place("tower", name="Tall Tower")


@pytest.fixture
def gate() -> Place:
    return place("gate", name="Old Gate")


@pytest.fixture
def bo() -> User:
    return somebody()


@pytest.fixture
def curator(bo: User) -> Client:
    return at_the_admin(bo)


def headings(client: Client, query: str = "") -> list[str]:
    """Return what the list shows, in short."""
    page = tree_of(f"/admin/inbox/{query}", client)
    return [" ".join(heading.text_content().split()) for heading in page.xpath("//ol[@class='inbox']//h2")]


def status_of(given: Feedback) -> tuple[str, str | None]:
    shown = Picture.objects.get(feedback=given)
    return shown.status, shown.place.slug if shown.place else None


# The list


def test_reports_come_first_then_wrong_answers_with_a_photo_then_wrong_then_right(
    curator: Client, tower: Place, gate: Place
) -> None:
    said(False, tower, place=gate, keep=True, seed=2)
    said(True, tower)
    said(False, tower)
    reporting.receive(reason="rights", about=picture(tower))
    said(True, gate)
    assert headings(curator) == [
        "Report It is mine, and I do not want it here",
        "Wrong it is: Old Gate",
        "Wrong",
        "Right Old Gate",
        "Right Tall Tower",
    ]


def test_each_shows_photo_answer_confidence_and_what_the_visitor_says(
    curator: Client, tower: Place, gate: Place
) -> None:
    given = said(False, tower, place=gate, keep=True)
    page = tree_of("/admin/inbox/", curator)
    (entry,) = page.xpath("//ol[@class='inbox']/li")
    words = " ".join(entry.text_content().split())
    assert entry.xpath(".//img/@src") == [f"/media/pictures/{given.picture_id}/thumbnail.jpg"]
    assert "We answeredTall Tower, 95 %" in words
    assert "given by its owner · candidate" in words


def test_a_photo_that_was_not_given_is_shown_while_it_is_there_and_then_only_the_label(
    curator: Client, tower: Place, gate: Place
) -> None:
    given = said(False, tower, place=gate)
    assert given.search is not None
    assert f"/media/photos/{given.search.pk}.jpg" in curator.get("/admin/inbox/").content.decode()
    Search.objects.filter(pk=given.search.pk).update(expires_at=timezone.now())
    searching.purge()
    page = curator.get("/admin/inbox/").content.decode()
    assert "/media/photos/" not in page
    assert "95 %" not in page
    assert headings(curator) == ["Wrong it is: Old Gate"]


def test_a_given_photo_is_still_beside_its_feedback_when_the_search_is_gone(
    curator: Client, tower: Place, gate: Place
) -> None:
    given = said(False, tower, place=gate, keep=True)
    Search.objects.all().delete()
    assert f"/media/pictures/{given.picture_id}/thumbnail.jpg" in curator.get("/admin/inbox/").content.decode()


def test_the_list_is_narrowed_and_paged(curator: Client, tower: Place, gate: Place) -> None:
    Feedback.objects.bulk_create(Feedback(right=n % 2 == 0, answered=tower) for n in range(70))
    report = reporting.receive(reason="other", words="Who are you?")
    seen = headings(curator) + headings(curator, "?page=2") + headings(curator, "?page=3")
    assert (len(seen), seen[0], len(headings(curator, "?page=4"))) == (71, "Report Something else, or a question", 0)
    assert [heading.split()[0] for heading in seen[1:]] == ["Wrong"] * 35 + ["Right"] * 35
    assert len(headings(curator, "?kind=reports")) == 1
    assert {heading.split()[0] for heading in headings(curator, "?kind=right&page=2")} == {"Right"}
    assert headings(curator, "?kind=photos") == []
    assert len(headings(curator, "?kind=nonsense&page=-1")) == 30
    assert report.state == "open"


# What curators make of it


def test_a_given_photo_is_approved_as_the_place_that_its_owner_says(
    curator: Client, bo: User, tower: Place, gate: Place
) -> None:
    given = said(False, tower, place=gate, keep=True)
    assert "the photo is in the gallery" in do(curator, given, "approve", "Old Gate")
    given.refresh_from_db()
    assert status_of(given) == ("approved", "gate")
    assert (given.outcome, given.handled_by, given.handled_at is not None) == ("approved", bo, True)
    decision = Decision.objects.get()
    assert (decision.by, decision.from_status, decision.to_status) == (bo, "candidate", "approved")
    assert headings(curator) == []
    assert headings(curator, "?handled=1") == ["Wrong it is: Old Gate"]


def test_a_curator_may_know_better_which_place_it_is(curator: Client, tower: Place, gate: Place) -> None:
    given = said(False, tower, place=gate, keep=True)
    assert "There is no place of this name: Atlantis" in do(curator, given, "approve", "Atlantis")
    assert headings(curator), "nothing was decided"
    do(curator, given, "approve", "tower")
    assert status_of(given) == ("approved", "tower")


def test_a_photo_is_put_into_the_review(curator: Client, tower: Place, gate: Place) -> None:
    given = said(False, tower, place=gate, keep=True)
    Picture.objects.filter(feedback=given).update(status="second_look")
    do(curator, given, "candidate", "Old Gate")
    assert status_of(given) == ("candidate", "gate")
    assert headings(curator) == []


def test_a_photo_that_shows_no_place_is_kept_as_that(curator: Client, tower: Place) -> None:
    given = said(False, tower, keep=True)
    do(curator, given, "not_a_place")
    assert status_of(given) == ("not_a_place", None)


def test_dismissing_rejects_a_photo_that_nobody_has_decided_on(curator: Client, tower: Place) -> None:
    given = said(True, tower, keep=True)
    do(curator, given, "dismiss")
    assert status_of(given) == ("rejected", "tower")


def test_what_the_review_decides_leaves_the_inbox(curator: Client, bo: User, tower: Place) -> None:
    given = said(True, tower, keep=True)
    assert given.picture is not None
    reviewing.decide([given.picture], "approved", tower, bo)
    given.refresh_from_db()
    assert (given.outcome, given.handled_by) == ("approved", bo)
    assert headings(curator) == []


def test_a_photo_is_taken_down_and_cannot_be_given_again(curator: Client, tower: Place) -> None:
    given = said(True, tower, keep=True)
    do(curator, given, "take_down")
    assert status_of(given)[0] == "rejected"
    assert Denied.objects.filter(kind="sha256").exists()
    assert Report.objects.get().state == "taken_down"
    with pytest.raises(UserError, match="taken down"):
        said(True, tower, keep=True)


def test_of_two_curators_one_decides_and_the_other_is_told(curator: Client, tower: Place, gate: Place) -> None:
    given = said(False, tower, place=gate, keep=True)
    do(curator, given, "approve", "gate")
    other = at_the_admin(somebody("cy"))
    assert "Somebody has seen to this already." in do(other, given, "not_a_place")
    assert status_of(given) == ("approved", "gate")


def test_a_report_is_taken_down_or_dismissed_once_by_somebody(curator: Client, bo: User, tower: Place) -> None:
    shown, other = picture(tower), picture(tower)
    report, second = reporting.receive(reason="rights", about=shown), reporting.receive(reason="wrong", about=other)
    do(curator, report, "take_down")
    do(curator, second, "dismiss")
    assert "already" in do(curator, second, "take_down")
    report.refresh_from_db()
    second.refresh_from_db()
    assert (report.state, report.closed_by, second.state, second.closed_by) == ("taken_down", bo, "dismissed", bo)
    statuses = dict(Picture.objects.values_list("pk", "status"))
    assert (statuses[shown.pk], statuses[other.pk]) == ("rejected", "approved")


def test_all_that_is_right_without_a_photo_is_dismissed_at_one_stroke(curator: Client, tower: Place) -> None:
    for _ in range(3):
        said(True, tower)
    said(True, tower, keep=True)
    said(False, tower)
    curator.post("/admin/inbox/", {"item": "feedback-", "deed": "dismiss_right"})
    assert sorted(heading.split()[0] for heading in headings(curator)) == ["Right", "Wrong"]


@pytest.mark.parametrize("told", [{}, {"item": "feedback-1"}, {"item": "feedback-x", "deed": "approve"},
                                  {"item": "search-1", "deed": "approve"}, {"item": "report-1", "deed": "approve"},
                                  {"item": "feedback-9" + "9" * 30, "deed": "dismiss"}])  # fmt: skip
def test_forms_made_up_by_hand_change_nothing(curator: Client, tower: Place, told: dict[str, str]) -> None:
    said(True, tower)
    assert curator.post("/admin/inbox/", told).status_code in (302, 400, 403, 404)
    assert Feedback.objects.get().handled_at is None


def test_who_may_not_see_or_decide_does_not(tower: Place) -> None:
    given = said(True, tower)
    nobody = at_the_admin(User.objects.create_user("di", is_staff=True))
    assert nobody.get("/admin/inbox/").status_code == 403
    assert nobody.post("/admin/inbox/", {"item": f"feedback-{given.pk}", "deed": "dismiss"}).status_code == 403
    assert Client().get("/admin/inbox/").status_code == 302
    assert Feedback.objects.get().handled_at is None


# The owner


def test_the_owner_says_something_else_and_it_comes_back_to_the_inbox(
    curator: Client, tower: Place, gate: Place
) -> None:
    given = said(True, tower)
    do(curator, given, "dismiss")
    assert given.search is not None
    feedback.give(given.search, right=True, slug=None, keep=False)
    assert headings(curator) == [], "the same words are not news"
    feedback.give(given.search, right=False, slug="gate", keep=False)
    assert headings(curator) == ["Wrong it is: Old Gate"]


def test_an_approved_photo_stays_as_decided_whatever_its_owner_does_then(
    curator: Client, tower: Place, gate: Place
) -> None:
    given = said(False, tower, place=gate, keep=True)
    do(curator, given, "approve", "gate")
    assert given.search is not None
    feedback.give(given.search, right=True, slug=None, keep=True)
    assert status_of(given) == ("approved", "gate")
    searching.delete(given.search)
    assert status_of(given) == ("approved", "gate")


@pytest.mark.parametrize("status", ["candidate", "second_look", "skipped", "rejected"])
def test_a_photo_of_no_use_yet_goes_with_its_owners_deletion(tower: Place, status: str) -> None:
    given = said(True, tower, keep=True)
    Picture.objects.update(status=status)
    assert given.search is not None
    searching.delete(given.search)
    assert not Picture.objects.exists()
    assert Feedback.objects.get().picture is None


def test_a_photo_that_the_gallery_has_already_leaves_the_label(tower: Place) -> None:
    first, second = said(True, tower, keep=True), said(True, tower, keep=True)
    assert (first.picture is not None, second.picture) == (True, None)
    assert inbox.Seen().waiting_count() == 2


# What given photos do for the model


def answer_of(shown: Picture, by: ModelVersion, slug: str) -> None:
    said_of_it = {"kind": "place", "confidence": 0.9, "guesses": [[slug, 0.9], ["unknown", 0.1]], "thing": ""}
    Embedding.objects.create(picture=shown, model_version=by, vector=unit(0.0), answer=said_of_it)


def test_it_says_how_many_photos_are_new_to_the_next_model_and_what_this_one_makes_of_them(
    curator: Client, bo: User, tower: Place, gate: Place
) -> None:
    serving = version()
    older = ModelVersion.objects.create(kind="places", name="test", version="0", labels=["tower", "gate"])
    now = timezone.now()
    Promotion.objects.create(version=serving, before=older, state=Promotion.State.DONE, finished_at=now)
    used = said(False, tower, place=gate, keep=True, seed=1).picture
    said(True, tower, keep=True, seed=2)
    assert used is not None
    answer_of(used, older, "tower")
    answer_of(used, serving, "gate")
    assert given.effect() == given.Effect(waiting=2, used=0, unused=0, compared=0, before=0, now=0)
    reviewing.decide([used], Picture.Status.APPROVED, gate, bo)
    assert given.effect() == given.Effect(waiting=1, used=1, unused=1, compared=1, before=0, now=1)
    ModelVersion.objects.filter(pk=serving.pk).update(created_at=timezone.now())
    assert given.effect().unused == 0, "it is made of what was there before"
    assert "1 : 0" in text(tree_of("/admin/inbox/", curator), "//dl[@class='effect']")
