"""Places that are merged, retired and brought back: what goes over, what is shown, what answers name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks, Settings

from errors import UserError
from places import feedback, gallery, merging, people, presenting, storage
from places.models import Alias, Attraction, Collection, Feedback, Picture, Place, Report, Search
from tests.answers import answered, owner_of, place, text, tree_of
from tests.drawn import jpeg

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("plain_static", "clean_broker")]


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada")


@pytest.fixture
def tower() -> Place:
    return place("tower", name_ko="탑")


@pytest.fixture
def spire() -> Place:
    return place("spire", name="The Spire", name_ko="첨탑", local_name="Turmspitze", local_language="de")


def taken(of: Place, number: int, status: str = "candidate") -> Picture:
    return gallery.take_in(jpeg(number), of, status=status)


def slugs_listed() -> list[str]:
    return [each["slug"] for each in Client().get("/api/v1/places/").json()["results"]]


# Merging


def test_everything_of_a_merged_place_goes_over_and_both_names_are_kept(tower: Place, spire: Place, ada: User) -> None:
    seoul = Collection.objects.create(slug="seoul", name="Seoul")
    spire.collections.add(seoul)
    Alias.objects.create(place=spire, name="Needle", language="en")
    Attraction.objects.create(place=spire, name="Bakery", latitude=52.5, longitude=13.4)
    search = answered(spire)
    said = Feedback.objects.create(search=search, right=True, answered=spire, place=spire)
    moved = taken(spire, 1)
    merging.merge(spire, tower, ada)
    moved.refresh_from_db()
    said.refresh_from_db()
    search.refresh_from_db()
    assert {moved.place, said.place, said.answered, search.place} == {tower}
    assert dict(tower.aliases.values_list("name", "language")) == {
        "The Spire": "en", "첨탑": "ko", "Turmspitze": "de", "Needle": "en",
    }  # fmt: skip
    assert [near.name for near in tower.nearby()] == ["Bakery"]
    assert list(tower.collections.all()) == [seoul] and not spire.collections.exists()


def test_a_picture_that_both_have_is_kept_once_with_what_was_decided(
    tower: Place, spire: Place, ada: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    kept, twice, other = taken(tower, 1), taken(spire, 1, "rejected"), taken(spire, 2)
    both_decided = taken(tower, 3, "approved"), taken(spire, 3, "rejected")
    report = Report.objects.create(picture=twice, reason="wrong")
    file = str(twice.original.name)
    with django_capture_on_commit_callbacks(execute=True):
        done = merging.merge(spire, tower, ada)
    assert (done.pictures, done.twice) == (1, 2)
    left = Picture.objects.filter(place=tower)
    assert set(left) == {kept, other, both_decided[0]} == set(Picture.objects.all())
    assert {picture.pk: picture.status for picture in left} == {
        kept.pk: "rejected", other.pk: "candidate", both_decided[0].pk: "approved",
    }  # fmt: skip
    report.refresh_from_db()
    assert report.picture == kept
    assert not storage.exists(file) and storage.exists(str(kept.original.name))


def test_what_is_joined_is_held_in_the_order_of_the_review_and_places_so_that_decisions_go_on(
    tower: Place, spire: Place, ada: User
) -> None:
    taken(tower, 1)
    taken(spire, 1)
    with CaptureQueriesContext(connection) as captured:
        merging.merge(spire, tower, ada)
    places, pictures = [query["sql"] for query in captured if "FOR " in query["sql"].partition("WHERE")[2]][:2]
    assert places.endswith('FOR NO KEY UPDATE OF "places_place"')
    assert pictures.endswith('ORDER BY "places_picture"."id" ASC FOR UPDATE')


def test_what_merging_will_do_is_said_before_and_changes_nothing(tower: Place, spire: Place) -> None:
    taken(tower, 1)
    taken(spire, 1)
    taken(spire, 2)
    plan = merging.plan(spire, tower)
    assert (plan.pictures, plan.twice, plan.attractions, plan.collections) == (1, 1, 0, [])
    assert plan.names == ["The Spire", "첨탑", "Turmspitze"]
    assert Picture.objects.count() == 3 and spire.pictures.count() == 2 and not tower.aliases.exists()


def test_a_merge_that_fails_half_way_leaves_everything(
    tower: Place, spire: Place, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(spire, 1)

    def broken(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(people, "log", broken)
    with pytest.raises(RuntimeError):
        merging.merge(spire, tower, ada)
    spire.refresh_from_db()
    assert spire.retired_at is None and spire.pictures.count() == 1 and not tower.aliases.exists()


@pytest.mark.parametrize("wrong", ["itself", "retired"])
def test_a_place_is_merged_into_another_that_is_listed_only(tower: Place, spire: Place, ada: User, wrong: str) -> None:
    into = spire
    if wrong == "retired":
        merging.retire(tower, ada)
        into = tower
    with pytest.raises(UserError) as caught:
        merging.merge(spire, into, ada)
    assert caught.value.code == "bad_merge"


def test_answers_name_the_place_at_the_end_of_a_row_of_merges(tower: Place, spire: Place, ada: User) -> None:
    gate = place("gate")
    merging.merge(gate, spire, ada)
    merging.merge(spire, tower, ada)
    assert Place.answering(["gate", "spire", "tower", "nowhere"]) == {
        "gate": tower, "spire": tower, "tower": tower, "nowhere": None,
    }  # fmt: skip
    merging.retire(tower, ada)
    assert set(Place.answering(["gate", "spire", "tower"]).values()) == {None}


def test_a_merged_place_has_to_be_retired(tower: Place, spire: Place) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Place.objects.filter(pk=spire.pk).update(merged_into=tower)


# What is shown


def test_a_merged_places_page_leads_to_the_other_and_its_old_name_finds_it(
    tower: Place, spire: Place, ada: User
) -> None:
    merging.merge(spire, tower, ada)
    answer = Client().get("/places/spire/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/places/tower/")
    assert Client().get("/api/v1/places/spire/").json()["slug"] == "tower"
    page = tree_of("/places/?q=spire")
    assert page.xpath("//ul[@class='cards']//a/@href") == ["/places/tower/"]
    assert tree_of("/places/tower/").xpath("string(//bdi[@lang='de'])") == "Turmspitze"


def test_a_retired_place_is_listed_nowhere_and_its_page_says_so(tower: Place, spire: Place, ada: User) -> None:
    merging.retire(spire, ada)
    page = Client().get("/places/spire/")
    assert page.status_code == 410
    assert "not shown any more" in page.content.decode()
    answer = Client().get("/api/v1/places/spire/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "gone")
    assert slugs_listed() == ["tower"]
    assert tree_of("/places/").xpath("//ul[@class='cards']//a/@href") == ["/places/tower/"]
    assert tower.nearby() == []


def test_an_answer_does_not_name_a_retired_place_any_more(tower: Place, spire: Place, ada: User) -> None:
    search = answered(spire, predictions=[["spire", 0.9], ["tower", 0.05]])
    client = owner_of(search)
    merging.retire(spire, ada)
    page = text(tree_of(f"/s/{search.pk}/", client))
    assert "The Spire" not in page and "Tower" in page
    shown = presenting.present(Search.objects.get(pk=search.pk))
    assert shown["answer"]["kind"] == "unknown" and shown["answer"]["place"] is None
    assert [row["place"]["slug"] for row in shown["predictions"]] == ["tower"]
    assert spire.name not in client.get(f"/s/{search.pk}/compare/spire/").content.decode()


def test_guesses_of_merged_places_are_one_guess_under_the_name_that_stays(
    tower: Place, spire: Place, ada: User
) -> None:
    search = answered(tower, predictions=[["tower", 0.6], ["spire", 0.3], ["gate", 0.05]])
    merging.merge(spire, tower, ada)
    shown = presenting.present(Search.objects.get(pk=search.pk))["predictions"]
    assert [(row["place"]["slug"], row["probability"]) for row in shown] == [("tower", 0.9), ("gate", 0.05)]


def test_a_visitor_who_names_a_merged_place_means_the_other(tower: Place, spire: Place, ada: User) -> None:
    search = answered(None)
    merging.merge(spire, tower, ada)
    assert feedback.give(search, right=False, slug="spire", keep=False).place == tower
    merging.retire(tower, ada)
    with pytest.raises(UserError):
        feedback.give(search, right=False, slug="spire", keep=False)


# Back again


def test_what_was_retired_can_be_brought_back_once(tower: Place, ada: User) -> None:
    merging.retire(tower, ada)
    with pytest.raises(UserError):
        merging.retire(tower, ada)
    merging.bring_back(tower, ada)
    with pytest.raises(UserError):
        merging.bring_back(tower, ada)
    assert slugs_listed() == ["tower"]
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == ["Retired.", "Brought back."]


def test_a_merged_place_comes_back_without_what_went_over(tower: Place, spire: Place, ada: User) -> None:
    picture = taken(spire, 1)
    merging.merge(spire, tower, ada)
    spire.refresh_from_db()
    assert spire.retired_at is not None and spire.retired_at <= timezone.now()
    merging.bring_back(spire, ada)
    picture.refresh_from_db()
    assert picture.place == tower and Client().get("/places/spire/").status_code == 200
