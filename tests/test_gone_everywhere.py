"""A picture that is hidden or taken down is gone wherever it was shown or used, and does not come again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from errors import UserError
from places import (
    broker,
    candidates,
    denying,
    exporting,
    gallery,
    inbox,
    looks,
    material,
    newcomers,
    reporting,
    reviewing,
    storage,
)
from places.models import Denied, Embedding, Feedback, ModelVersion, Picture, Place, Search
from tests.answers import answered, place, unit, version
from tests.curators import somebody
from tests.drawn import drawn, jpeg

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker", "plain_static")]
ANSWER = {"kind": "place", "confidence": 0.9, "guesses": [["tower", 0.6], ["gate", 0.4]], "thing": ""}


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def model() -> ModelVersion:
    return version()


@pytest.fixture
def by() -> User:
    return somebody()


def page(seed: int) -> str:
    return f"https://{seed}.example.org/page"


def kept(of: Place, seed: int, model: ModelVersion) -> Picture:
    """An approved picture with its files, as workers leave it."""
    taken = gallery.take_in(jpeg(seed), of, status="approved", title=f"Picture {seed}", page_url=page(seed))
    storage.delete(str(taken.original.name))
    taken.image = storage.save(f"pictures/{taken.pk}.jpg", jpeg(seed))
    taken.thumbnail = storage.save(f"pictures/{taken.pk}-small.jpg", jpeg(seed, (160, 120)))
    taken.original.name, taken.width, taken.height, taken.look = "", 320, 240, looks.look(drawn(seed))
    taken.save()
    Embedding.objects.create(picture=taken, model_version=model, vector=unit(seed / 100), answer=ANSWER)
    return taken


@pytest.fixture
def shown(model: ModelVersion) -> Picture:
    """One of the pictures of a place that the model knows, and of one that it does not."""
    tower, mill = place("tower"), place("mill", latitude=10.0)
    kept(tower, 1, model)
    for seed in range(20, 20 + newcomers.LEAST):
        kept(mill, seed, model)
    place("gate")
    return kept(tower, 2, model)


@pytest.fixture
def search(shown: Picture) -> Search:
    others = Picture.objects.values_list("pk", flat=True)
    return answered(shown.place, similar_results=[{"picture": str(pk)} for pk in others])


def where(picture: Picture, search: Search) -> set[str]:
    """Return all the places where a visitor, a file, a model or a list has a picture."""
    other = Picture.objects.filter(place=picture.place).exclude(pk=picture.pk).get()
    pk, visitor = str(picture.pk), Client()
    pages = {
        "place page": f"/places/{picture.place.slug if picture.place else ''}/",
        "answer": f"/s/{search.pk}/",
        "answer for programs": f"/api/v1/searches/{search.pk}/",
        "pictures like another one": f"/pictures/gallery/{other.pk}/",
        "index of places": "/places/",
        "first page": "/",
    }
    found = {name for name, path in pages.items() if pk in visitor.get(path).content.decode()}
    own = {
        "file": f"/media/pictures/{pk}.jpg",
        "thumbnail": f"/media/pictures/{pk}/thumbnail.jpg",
        "its page": f"/pictures/gallery/{pk}/",
        "its report": f"/report/gallery/{pk}/",
    }
    found |= {name for name, path in own.items() if visitor.get(path).status_code == 200}
    assert search.model_version is not None
    near = gallery.neighbours(unit(0.0), search.model_version, search.place)
    found |= {"neighbours"} if pk in {str(each.picture.pk) for each in near} else set()
    found |= {"training"} if pk in {str(item.pk) for item in material._items({"tower"})} else set()
    approved = {f'"{pk}", "place": "tower", "status": "approved"'}
    manifest = b"".join(exporting.text(exporting.TABLES["manifest"], "jsonl")).decode()
    found |= {"manifest as approved"} if any(line in manifest for line in approved) else set()
    return found | ({"manifest"} if pk in manifest else set())


EVERYWHERE = {
    "place page", "answer", "answer for programs", "pictures like another one", "index of places", "first page", "file",
    "thumbnail", "its page", "its report", "neighbours", "training", "manifest as approved", "manifest",
}  # fmt: skip


def taken_down(picture: Picture, by: User) -> None:
    reporting.take_down(reporting.receive(reason="rights", about=picture), by=by)


def rejected(picture: Picture, by: User) -> None:
    reviewing.decide([picture], Picture.Status.REJECTED, None, by)


def denied(kind: str, value: str) -> None:
    Denied.objects.create(kind=kind, value=value)
    denying.enforce()


def host_denied(picture: Picture, by: User) -> None:
    denied("host", "2.example.org")


def page_denied(picture: Picture, by: User) -> None:
    denied("page", page(2))


def look_denied(picture: Picture, by: User) -> None:
    denied("look", f"{looks.look(drawn(2)) & denying.UNSIGNED:016x}")


def rejected_and_denied(picture: Picture, by: User) -> None:
    rejected(picture, by)
    host_denied(picture, by)


TAKEN_DOWN = [taken_down, host_denied, page_denied, look_denied, rejected_and_denied]


@pytest.mark.parametrize(("hide", "stays"), [*((hide, set()) for hide in TAKEN_DOWN), (rejected, {"manifest"})])
def test_it_is_gone_at_once_from_everywhere(
    shown: Picture, search: Search, by: User, hide: Callable[[Picture, User], None], stays: set[str]
) -> None:
    assert where(shown, search) == EVERYWHERE
    hide(shown, by)
    # A curator's decision can be read in the manifest; of what was taken down nothing is handed out.
    assert where(shown, search) == stays


@pytest.mark.parametrize("hide", [taken_down, rejected])
def test_it_answers_for_a_new_place_no_more(
    shown: Picture, model: ModelVersion, by: User, hide: Callable[[Picture, User], None]
) -> None:
    def known() -> list[str]:
        broker.connection().delete(newcomers.RESTING)
        newcomers.watch()
        return newcomers.current(model).known.slugs

    assert known() == ["mill"], "it has just enough pictures"
    hide(Picture.objects.filter(place__slug="mill")[0], by)
    assert known() == []


@pytest.mark.parametrize("hide", [taken_down, rejected])
def test_it_is_not_collected_or_taken_in_for_the_review_again(
    shown: Picture, by: User, hide: Callable[[Picture, User], None]
) -> None:
    hide(shown, by)
    gate = Place.objects.get(slug="gate")
    deny = candidates.refused([gate])
    assert deny.denies_picture(shown.content_hash)
    assert shown.look is not None
    assert deny.denies_picture("0" * 64, looks.look(drawn(2)) & (2**64 - 1))
    with pytest.raises(UserError, match=r"taken down|already"):
        gallery.take_in(jpeg(2), shown.place)


@pytest.mark.parametrize("before", ["approved", "not_a_place", "candidate"])
@pytest.mark.parametrize("hide", [taken_down, host_denied])
def test_what_was_taken_down_can_only_be_rejected(
    shown: Picture, by: User, before: str, hide: Callable[[Picture, User], None]
) -> None:
    Picture.objects.filter(pk=shown.pk).update(status=before)
    shown.refresh_from_db()
    (first,) = reviewing.decide([shown], Picture.Status.REJECTED, None, by)
    shown.refresh_from_db()
    hide(shown, by)
    outcome = reviewing.take_back([first], by)
    assert (outcome.done, list(outcome.refused)) == ([], [shown.pk])
    for status in set(Picture.Status.values) - {"rejected"}:
        assert reviewing.settle([shown], status, shown.place, by).refused, status
    said = Feedback.objects.create(right=False, picture=shown)
    for deed in (inbox.approve, inbox.make_candidate, inbox.not_a_place):
        with pytest.raises(UserError, match="taken down"):
            deed(said, shown.place, by)
    shown.refresh_from_db()
    assert shown.status == Picture.Status.REJECTED
    assert reviewing.decide([shown], Picture.Status.REJECTED, None, by)


@pytest.mark.parametrize("status", ["approved", "not_a_place"])
def test_no_model_is_trained_on_it_whatever_is_said_of_it(
    shown: Picture, by: User, tmp_path: Path, status: str
) -> None:
    items = material._items({"tower"})
    for part in material.PARTS:
        material.Material({part: items}).write(tmp_path)
    taken_down(shown, by)
    Picture.objects.filter(pk=shown.pk).update(status=status)
    left = {item.pk for item in items} - {shown.pk}
    assert {item.pk for item in material._items({"tower"})} == left
    material.forget_gone(tmp_path)
    for part in material.PARTS:
        assert {pk for pk, _ in material.listed(tmp_path / f"{part}.txt")} == left


def test_what_a_worker_recognises_by_its_look_is_in_no_manifest(shown: Picture, by: User) -> None:
    look_denied(shown, by)
    copy = gallery.take_in(jpeg(2, optimize=True), Place.objects.get(slug="gate"))
    assert gallery._decoded(copy) is None
    assert str(copy.pk).encode() not in b"".join(exporting.text(exporting.TABLES["manifest"], "jsonl"))


def test_a_candidate_that_was_taken_down_waits_for_no_curator(shown: Picture, by: User) -> None:
    Picture.objects.filter(pk=shown.pk).update(status="candidate")
    queue = reviewing.Queue()
    assert [picture.pk for picture in queue.page()[0]] == [shown.pk]
    taken_down(shown, by)
    assert queue.page()[0] == []
