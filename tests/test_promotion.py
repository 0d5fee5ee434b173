"""Promotion, roll-back and what is kept of versions before: what the database says. No worker."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from errors import UserError
from places import broker, gallery, promoting, starter
from places.models import Embedding, ModelVersion, Picture, Place, Promotion, Search
from tests.drawn import jpeg
from tests.second_version import register, second_bundle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker")]


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"


@pytest.fixture
def first() -> ModelVersion:
    starter.load_places()
    return starter.register_bundles()[0]


@pytest.fixture
def second(first: ModelVersion) -> ModelVersion:
    made: ModelVersion = register("second")
    return made


def serving() -> str:
    version = ModelVersion.serving_places()
    assert version is not None
    return version.version


def queued(name: str) -> int:
    """How many messages wait; they are taken away, as workers would."""
    count = int(broker.connection().llen(name))
    broker.connection().delete(name)
    return count


def stepped(promotion: Promotion) -> int:
    """Take a step, as after the last message of the one before; return how many messages it sent to search workers."""
    Promotion.objects.filter(pk=promotion.pk).update(heartbeat=None)
    promoting.step(promotion.pk)
    return queued("search")


def promoted(version: ModelVersion) -> None:
    """Have a version serve, of which all pictures are embedded."""
    promotion = promoting.promote(version, None)
    for _ in range(2):
        stepped(promotion)
    assert serving() == version.version


def refused(version: ModelVersion, code: str) -> str:
    """Try to promote a version and return why that is refused, after a look that nothing was changed."""
    before = serving(), Promotion.objects.count()
    with pytest.raises(UserError) as error:
        promoting.promote(version, None)
    assert (serving(), Promotion.objects.count()) == before
    assert error.value.code == code
    return error.value.message


def test_a_bundle_with_a_damaged_file_is_refused(second: ModelVersion) -> None:
    with open(second.folder / "model.onnx", "r+b") as file:
        file.seek(1000)
        file.write(b"x")
    assert "model.onnx is not the file" in refused(second, "bad_bundle")


def test_another_bundle_in_its_place_is_refused_though_it_is_whole(second: ModelVersion) -> None:
    second_bundle(second.folder, "another")
    assert "its hash differs" in refused(second, "bad_bundle")


def test_a_model_of_no_places_is_refused(first: ModelVersion) -> None:
    objects = ModelVersion.objects.get(kind="objects")
    ModelVersion.objects.filter(pk=objects.pk).update(serving=False)
    objects.refresh_from_db()
    assert "does not recognise places" in refused(objects, "bad_bundle")


def test_the_version_that_serves_is_not_promoted(first: ModelVersion) -> None:
    assert "serves already" in refused(first, "serves")


def test_pictures_are_embedded_first_and_the_way_back_finds_the_old_embeddings(
    second: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ModelVersion.serving_places()
    assert first is not None
    taken = [gallery.take_in(jpeg(n), Place.objects.get(slug="petra"), status="approved") for n in range(2)]
    for each in taken:
        gallery.embed(each.pk)
    promotion = promoting.promote(second, None)
    assert promotion.total == 2
    promoting.step(promotion.pk)
    assert queued("search") == 1, "as many messages as there are search processes"
    promoting.step(promotion.pk)
    assert queued("search") == 0, "one step at a time"
    assert serving() == first.version
    monkeypatch.setattr(promoting, "A_TURN", 1)
    promoting.embed(promotion.pk, [str(each.pk) for each in taken], [])
    assert (queued("search"), queued("io")) == (1, 0), "the rest takes its turn"
    promoting.embed(promotion.pk, [str(taken[1].pk)], [])
    assert queued("io") == 1, "the last message asks for the next step"
    assert serving() == first.version
    promoting.step(promotion.pk)
    assert serving() == "second"
    vectors = [Embedding.objects.get(picture=taken[0], model_version=v).vector for v in (first, second)]
    assert abs(float(np.dot(*vectors))) < 0.5, "the versions see it differently"
    before = set(Embedding.objects.values_list("pk", flat=True))
    assert promoting.roll_back(None) == first
    assert serving() == first.version
    assert gallery.missing(first) == []
    assert set(Embedding.objects.values_list("pk", flat=True)) == before
    rows = Promotion.objects.order_by("pk").values_list("version__version", "before__version", "rolled_back")
    assert list(rows) == [("second", first.version, False), (first.version, "second", True)]


def test_a_picture_that_cannot_be_read_holds_nothing_up(second: ModelVersion) -> None:
    lost = gallery.take_in(jpeg(1), Place.objects.get(slug="petra"))
    Picture.objects.filter(pk=lost.pk).update(original="pictures/originals/gone")
    promotion = promoting.promote(second, None)
    assert stepped(promotion) == 1
    promoting.embed(promotion.pk, [str(lost.pk)], [])
    promoting.step(promotion.pk)
    assert serving() == "second"


def test_a_second_promotion_waits_for_the_first_or_for_its_end(second: ModelVersion) -> None:
    promotion = promoting.promote(second, None)
    third = register("third")
    assert "second" in refused(third, "promoting")
    promoting.cancel(promotion, None)
    promoting.step(promotion.pk)
    assert queued("search") == 0, "what was cancelled goes no further"
    promoted(third)


def test_a_promotion_whose_message_was_lost_goes_on(second: ModelVersion) -> None:
    promotion = promoting.promote(second, None)
    promoting.sweep()
    assert queued("io") == 1
    Promotion.objects.filter(pk=promotion.pk).update(heartbeat=timezone.now())
    promoting.step(promotion.pk)
    assert queued("search") == 0, "another process is at it"
    Promotion.objects.filter(pk=promotion.pk).update(heartbeat=timezone.now() - timedelta(hours=1))
    promoting.step(promotion.pk)
    assert queued("search") == 1, "or was, and was killed"
    promoting.resume()
    assert queued("io") == 1, "a worker that is back goes on at once"
    promoting.step(promotion.pk)
    assert serving() == "second"


def test_a_bundle_that_is_damaged_meanwhile_does_not_serve(second: ModelVersion) -> None:
    promotion = promoting.promote(second, None)
    stepped(promotion)
    (second.folder / "model.onnx").unlink()
    stepped(promotion)
    promotion.refresh_from_db()
    assert promotion.state == Promotion.State.FAILED
    assert "model.onnx is missing" in promotion.error
    assert serving() != "second"


def test_rolling_back_goes_one_promotion_back_each_time(second: ModelVersion) -> None:
    first = ModelVersion.serving_places()
    third = register("third")
    promoted(second)
    promoted(third)
    assert promoting.roll_back(None) == second
    assert promoting.roll_back(None) == first
    with pytest.raises(UserError, match="none to go back to"):
        promoting.roll_back(None)


def test_rolling_back_cancels_a_promotion_that_is_going_on(second: ModelVersion) -> None:
    promoted(second)
    third = promoting.promote(register("third"), None)
    promoting.roll_back(None)
    third.refresh_from_db()
    assert third.state == Promotion.State.CANCELLED
    assert serving() not in ("second", "third")


def test_embeddings_stay_of_what_serves_has_answered_and_the_way_back(second: ModelVersion) -> None:
    first = ModelVersion.serving_places()
    old = [ModelVersion.objects.create(kind="places", name="old", version=f"old {n}", path="x") for n in range(2)]
    promoted(second)
    taken = gallery.take_in(jpeg(1), Place.objects.get(slug="petra"))
    Promotion.objects.update(created_at=timezone.now() - timedelta(days=3))
    for version in (first, second, *old):
        Embedding.objects.update_or_create(
            picture=taken, model_version=version, defaults={"vector": [1.0] + [0.0] * 511}
        )
    search = Search.objects.create(model_version=old[1], state="done")
    assert promoting.purge() == 1
    left = set(Embedding.objects.values_list("model_version", flat=True))
    assert left == {version.pk for version in (first, second, old[1]) if version}
    Search.objects.get(pk=search.pk).forget()
    assert promoting.purge() == 1


def test_a_retired_versions_files_are_gone_and_it_never_serves_again(second: ModelVersion) -> None:
    first, third = ModelVersion.serving_places(), register("third")
    assert first is not None
    promoted(second)
    for needed in (first, second):
        with pytest.raises(UserError, match="stays"):
            promoting.retire(needed, None)
    promoting.retire(third, None)
    third.refresh_from_db()
    assert not third.folder.exists()
    assert "retired" in refused(third, "bad_bundle")
