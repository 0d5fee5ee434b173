"""The gallery: which pictures come back, in which order, and what visitors give to it. No worker."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from places import broker, feedback, fetching, finding, gallery, presenting, searching, starter, storage
from places.models import Embedding, Feedback, ModelVersion, Picture, Place, Search, WebPicture, WebQuery
from places.models.search import State
from tests.drawn import jpeg

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker")]


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    # Nothing listens there: the web has nothing to add.
    settings.BING_BASE_URL = "http://127.0.0.1:9"
    settings.FETCH_ALLOW_PRIVATE = frozenset({"127.0.0.1:9"})


@pytest.fixture
def model() -> ModelVersion:
    starter.load_places()
    return starter.register_bundles()[0]


def direction(angle: float) -> list[float]:
    """Return a unit vector of 512 numbers, turned by ``angle`` from the first axis."""
    vector = np.zeros(512)
    vector[:2] = np.cos(angle), np.sin(angle)
    return [float(number) for number in vector]


def picture(model: ModelVersion, slug: str, angle: float, status: str = "approved") -> Picture:
    """Return a picture of the gallery that lies at ``angle``."""
    taken = gallery.take_in(jpeg(int(angle * 1000)), Place.objects.get(slug=slug), status=status)
    Embedding.objects.create(picture=taken, model_version=model, vector=direction(angle))
    return taken


def answered(model: ModelVersion, kind: str, slug: str | None) -> Search:
    """Return a search that was answered and whose similar pictures are not there yet."""
    place = Place.objects.get(slug=slug) if slug else None
    search = Search(
        kind=kind, place=place, confidence=0.9, state=State.DONE, model_version=model, embedding=direction(0),
        objects_seen=[["tabby", "n02123045", 0.9]], photo="photos/x.jpg",
    )  # fmt: skip
    search.new_token()
    search.save()
    return search


def test_a_places_own_approved_pictures_come_back_nearest_first(model: ModelVersion) -> None:
    far, near = picture(model, "petra", 0.9), picture(model, "petra", 0.1)
    picture(model, "petra", 0.05, status="candidate")
    picture(model, "stonehenge", 0.02)
    search = answered(model, "place", "petra")
    finding.find_similar(search.pk)
    similar = presenting.present(Search.objects.get(pk=search.pk))["similar"]
    assert similar["state"] == "done"
    assert [result["image_url"] for result in similar["results"]] == [
        f"/media/pictures/{near.pk}.jpg", f"/media/pictures/{far.pk}.jpg",
    ]  # fmt: skip
    assert similar["results"][0]["score"] == pytest.approx(np.cos(0.1), abs=1e-3)
    assert "Bing cannot be reached" in similar["note"]
    assert "gallery has no pictures" not in similar["note"]


def test_an_unknown_place_gets_the_nearest_of_all_and_nothing_is_asked_of_the_web(model: ModelVersion) -> None:
    shown = picture(model, "stonehenge", 0.3)
    search = answered(model, "unknown", None)
    finding.find_similar(search.pk)
    similar = presenting.present(Search.objects.get(pk=search.pk))["similar"]
    assert (similar["state"], similar["query"]) == ("done", "")
    assert [result["image_url"] for result in similar["results"]] == [f"/media/pictures/{shown.pk}.jpg"]
    assert "Nothing is searched" in similar["note"]


def test_what_is_no_place_is_searched_by_its_first_object(model: ModelVersion) -> None:
    search = answered(model, "not_a_place", None)
    finding.find_similar(search.pk)
    assert Search.objects.get(pk=search.pk).similar_query == "tabby"


def test_similar_pictures_that_never_come_are_failed_after_twenty_seconds(model: ModelVersion) -> None:
    search = answered(model, "place", "petra")
    Search.objects.filter(pk=search.pk).update(finished_at=timezone.now() - timedelta(seconds=19))
    assert presenting.present(Search.objects.get(pk=search.pk))["similar"]["state"] == "queued"
    Search.objects.filter(pk=search.pk).update(finished_at=timezone.now() - timedelta(seconds=21))
    similar = presenting.present(Search.objects.get(pk=search.pk))["similar"]
    assert (similar["state"], "too long" in similar["note"]) == ("failed", True)
    finding.find_similar(search.pk)
    assert Search.objects.get(pk=search.pk).similar_state == State.FAILED


def test_a_photo_that_is_given_becomes_a_candidate_once(model: ModelVersion) -> None:
    search = answered(model, "place", "petra")
    storage.save(search.photo, jpeg(1))
    for _ in range(3):
        feedback.give(search, right=True, slug=None, keep=True)
    given = Picture.objects.get()
    feedback.give(search, right=False, slug="stonehenge", keep=True)
    assert Picture.objects.get().place == Place.objects.get(slug="stonehenge")
    feedback.give(search, right=True, slug=None, keep=True)
    assert (given.status, given.source, given.place) == (Picture.Status.CANDIDATE, "visitor", search.place)
    assert Feedback.objects.get().kept
    feedback.give(search, right=True, slug=None, keep=False)
    assert not Picture.objects.exists(), "consent can be taken back"


def test_a_given_photo_outlives_its_search_but_not_its_owners_deletion(model: ModelVersion) -> None:
    kept, taken_back = answered(model, "place", "petra"), answered(model, "place", "stonehenge")
    for search in (kept, taken_back):
        storage.save(search.photo, jpeg(1))
        feedback.give(search, right=True, slug=None, keep=True)
    searching.delete(taken_back)
    Search.objects.filter(pk=kept.pk).update(expires_at=timezone.now())
    assert searching.purge() == 1
    assert Picture.objects.get().place == kept.place


def test_without_consent_only_the_label_is_kept(model: ModelVersion) -> None:
    search = answered(model, "place", "petra")
    feedback.give(search, right=False, slug="stonehenge", keep=False)
    assert not Picture.objects.exists()
    said = Feedback.objects.get()
    assert (said.right, said.answered, said.place) == (False, search.place, Place.objects.get(slug="stonehenge"))


def test_what_stays_of_a_deleted_search_says_only_that_it_is_gone(model: ModelVersion) -> None:
    search = answered(model, "place", "petra")
    searching.delete(search)
    left = Search.objects.get(pk=search.pk)
    assert left.gone
    assert (left.place, left.kind, left.confidence, left.predictions, left.photo) == (None, "", None, [], "")
    assert (left.embedding, left.similar_query, left.objects_seen) == (None, "", [])
    finding.find_similar(search.pk)
    assert Search.objects.get(pk=search.pk).similar_results == []


def test_a_picture_whose_message_was_lost_is_queued_again(model: ModelVersion) -> None:
    gallery.take_in(jpeg(5), Place.objects.get(slug="petra"))
    assert gallery.send_missing() == 1
    assert gallery.send_missing() == 0, "what is queued already is not queued twice"


def test_a_picture_whose_style_or_colours_are_not_known_is_queued_too(model: ModelVersion) -> None:
    old = picture(model, "petra", 0.1)
    assert gallery.missing(model) == [old.pk]
    Picture.objects.filter(pk=old.pk).update(tone=[1.0] + [0.0] * 124, look=7)
    assert gallery.missing(model) == [old.pk], "its style is not known"
    Embedding.objects.filter(picture=old).update(style=[1.0] + [0.0] * 1055)
    assert gallery.missing(model) == []


def test_an_embedded_picture_has_all_it_is_compared_by(model: ModelVersion) -> None:
    taken = gallery.take_in(jpeg(6), Place.objects.get(slug="petra"))
    gallery.embed(taken.pk)
    taken.refresh_from_db()
    assert None not in (taken.tone, taken.look, taken.embeddings.get().style)
    assert gallery.missing(model) == []


def test_a_picture_whose_file_is_lost_is_not_tried_for_ever(model: ModelVersion) -> None:
    lost = gallery.take_in(jpeg(7), Place.objects.get(slug="petra"))
    storage.delete(str(lost.original.name))
    gallery.embed(lost.pk)
    assert "missing" in Picture.objects.get(pk=lost.pk).problem
    assert gallery.missing(model) == []


def test_thumbnails_of_the_web_are_asked_for_once_and_a_few_at_a_time(model: ModelVersion) -> None:
    query = WebQuery.objects.create(source="bing", text="petra", state="ok", fetched_at=timezone.now())
    named = [
        WebPicture.objects.create(query=query, key=str(n), position=n, image_url=f"https://a.example/{n}.jpg")
        for n in range(9)
    ]
    for _ in range(2):
        fetching.collect([picture.pk for picture in named])
    assert broker.connection().llen("io") == fetching.AT_ONCE
