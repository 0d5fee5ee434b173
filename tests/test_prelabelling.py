"""Pre-labels and the two gates: what the model's answer makes of a picture that nobody has decided on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from ml.golden import golden_picture
from ml.usefulness import MISLABELLED
from places import gallery, prelabelling, starter
from places.models import Embedding, Feedback, ModelVersion, Picture, Place
from places.newcomers import Prediction
from tests.drawn import jpeg
from tests.reviewed import said, seen, version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker")]
SURE_PETRA = said(0.95, 0.02, 0.01)


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def outcome(picture: Picture) -> tuple[str, str | None, str | None]:
    """Return status, label and prediction."""
    place, predicted = picture.place, picture.predicted
    return picture.status, place.slug if place else None, predicted.slug if predicted else None


def test_a_sure_answer_labels_a_picture_that_has_no_label() -> None:
    picture = seen(1, None, version(), SURE_PETRA)
    assert outcome(picture) == ("candidate", "petra", "petra")
    assert picture.prelabelled and picture.confidence == pytest.approx(0.95)


@pytest.mark.parametrize(
    "answer",
    [
        said(0.7, 0.2, 0.1),
        said(0.1, 0.1, 0.0, 0.8, kind="unknown", confidence=0.1),
        said(0.0, 0.0, 0.0, 0.1, 0.9, kind="not_a_place", confidence=0.05, thing="tabby"),
    ],
    ids=["not sure", "no place of ours", "no place"],
)
def test_what_does_not_pass_both_gates_and_the_threshold_waits_for_a_second_look(answer: prelabelling.Said) -> None:
    model = version()
    assert outcome(seen(1, None, model, answer))[:2] == ("second_look", None)
    assert outcome(seen(2, "petra", model, answer))[:2] == ("second_look", "petra")


def test_what_it_was_collected_for_stands_and_a_sure_other_answer_makes_it_probably_mislabelled() -> None:
    model = version()
    doubted, agreed = seen(1, "stonehenge", model, SURE_PETRA), seen(2, "petra", model, SURE_PETRA)
    assert outcome(doubted) == ("candidate", "stonehenge", "petra")
    assert MISLABELLED[0] < doubted.usefulness < MISLABELLED[1]
    assert agreed.usefulness < 0.5


@pytest.mark.parametrize("status", ["approved", "rejected", "not_a_place", "skipped"])
def test_what_a_curator_decided_is_never_moved_but_has_its_answer(status: str) -> None:
    place = None if status == "not_a_place" else "stonehenge"
    picture = seen(1, place, version(), said(0.1, 0.1, 0.0, 0.8, kind="unknown", confidence=0.1), status=status)
    assert (picture.status, picture.predicted_kind) == (status, "unknown")
    assert bool(picture.place) == bool(place)


def test_candidates_for_a_place_that_the_model_cannot_name_stay_candidates() -> None:
    picture = seen(1, "lantern-bridge", version(), said(0.05, 0.05, 0.0, 0.9, kind="unknown", confidence=0.05))
    assert outcome(picture) == ("candidate", "lantern-bridge", None)
    assert (picture.predicted_kind, picture.usefulness) == ("", prelabelling.NAMELESS)


def test_a_new_place_that_answers_by_its_neighbours_is_a_label_like_others() -> None:
    model = version()
    by_neighbours = Prediction("place", 0.93, None, [("lantern-bridge", 0.93), ("petra", 0.05)], taught=False)
    answer = prelabelling.beside(said(0.7, 0.2, 0.0, 0.1), by_neighbours, ["lantern-bridge"])
    assert answer["guesses"][:2] == [("lantern-bridge", 0.93), ("petra", pytest.approx(0.049))]
    picture = seen(1, "lantern-bridge", model, answer)
    assert outcome(picture) == ("candidate", "lantern-bridge", "lantern-bridge")
    assert picture.usefulness < 0.2
    assert prelabelling.beside(answer, by_neighbours, []) is answer


def test_a_merged_place_is_the_other_one() -> None:
    model = version()
    petra, bridge = Place.objects.get(slug="petra"), Place.objects.get(slug="lantern-bridge")
    Place.objects.filter(pk=petra.pk).update(merged_into=bridge, retired_at=timezone.now())
    picture = seen(1, "lantern-bridge", model, SURE_PETRA)
    assert outcome(picture) == ("candidate", "lantern-bridge", "lantern-bridge")
    assert picture.usefulness < 0.1


def test_what_a_visitor_calls_wrong_comes_before_everything() -> None:
    model = version()
    disputed = seen(1, None, model, SURE_PETRA, source="visitor")
    Feedback.objects.create(picture=disputed, right=False)
    prelabelling.weigh_again([disputed.pk])
    disputed.refresh_from_db()
    assert disputed.usefulness > seen(2, "stonehenge", model, SURE_PETRA).usefulness


def test_a_new_serving_model_says_anew_what_undecided_ones_show() -> None:
    old, new = version(), version("2", serving=False)
    waiting, decided = seen(1, None, old, SURE_PETRA), seen(2, "petra", old, SURE_PETRA, status="approved")
    for picture in (waiting, decided):
        Embedding.objects.create(
            picture=picture, model_version=new, vector=[1.0] + [0.0] * 511, answer=said(0.01, 0.98, 0.0)
        )
    assert prelabelling.catch_up() == 0
    old.serving = False
    old.save()
    ModelVersion.objects.filter(pk=new.pk).update(serving=True)
    assert prelabelling.catch_up() == 2
    waiting.refresh_from_db()
    decided.refresh_from_db()
    assert outcome(waiting) == ("candidate", "stonehenge", "stonehenge")
    assert outcome(decided) == ("approved", "petra", "stonehenge")
    assert prelabelling.catch_up() == 0


def test_a_label_by_the_model_never_makes_two_of_one_picture() -> None:
    model = version()
    kept, again = seen(1, "petra", model, SURE_PETRA), seen(1, None, model, SURE_PETRA)
    assert kept.content_hash == again.content_hash
    assert (again.status, again.place) == ("candidate", None)


def test_near_copies_find_each_other_mirrored_too_and_different_pictures_do_not() -> None:
    from PIL import ImageOps

    from places import copies, looks
    from tests.drawn import drawn

    model = version()
    first, other = seen(1, "petra", model, SURE_PETRA), seen(2, "petra", model, SURE_PETRA)
    out = io.BytesIO()
    ImageOps.mirror(drawn(1, (400, 300))).save(out, "JPEG", quality=60)
    mirrored = gallery.take_in(out.getvalue(), Place.objects.get(slug="louvre"))
    copies.join(mirrored.pk, looks.look(ImageOps.mirror(drawn(1))))
    for picture in (first, other, mirrored):
        picture.refresh_from_db()
    assert first.copies is not None and first.copies == mirrored.copies
    assert other.copies is None


def test_a_picture_goes_through_both_gates_when_it_is_embedded() -> None:
    starter.load_places()
    model = starter.register_bundles()[0]
    out = io.BytesIO()
    golden_picture().resize((500, 400)).save(out, "JPEG", quality=95)
    bridge, noise = gallery.take_in(out.getvalue(), None), gallery.take_in(jpeg(3), None)
    broken = gallery.take_in(jpeg(4), None)
    Path(broken.original.path).write_bytes(jpeg(4)[:2000])
    for picture in (bridge, noise, broken):
        gallery.embed(picture.pk)
        picture.refresh_from_db()
    assert bridge.predicted is not None and bridge.predicted.slug == "golden-gate-bridge"
    answers = Embedding.objects.filter(model_version=model).values_list("answer", flat=True)
    assert [len(answer["guesses"]) for answer in answers if answer] == [11, 11]
    assert noise.status == "second_look" and noise.predicted_by == model
    assert broken.problem and not broken.predicted_kind
    assert gallery.missing(model) == []
    Embedding.objects.filter(picture=noise).update(answer=None)
    assert gallery.missing(model) == [noise.pk], "of an older release, which did not ask"
