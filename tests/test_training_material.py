"""What a model is trained on: which pictures teach what, and what is held out."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from errors import UserError
from places import given, material
from places.models import Collection, Picture, Place
from tests.answers import place, version

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def pictures(of: Place | None, count: int, status: str = "approved", **values: Any) -> list[Picture]:
    """Pictures of the gallery as workers leave them."""
    made = []
    for number in range(count):
        name = f"{of} {status} {number} {values}"
        found = Picture(place=of, status=status, content_hash=hashlib.sha256(name.encode()).hexdigest(), **values)
        found.image = f"pictures/{found.pk}.jpg"
        found.save()
        made.append(found)
    return made


def labels(found: material.Material) -> dict[str, int]:
    """How many pictures there are of each label, in all parts."""
    items = [item.label for part in found.parts.values() for item in part]
    return {label: items.count(label) for label in sorted(set(items))}


def refusal(collection: Collection | None = None, **options: bool) -> str:
    with pytest.raises(UserError) as error:
        material.gather(collection, **options)
    assert error.value.code == "too_little"
    return error.value.message


def test_only_what_was_approved_teaches() -> None:
    tower, gate = place("tower"), place("gate")
    for each in (tower, gate):
        pictures(each, 6)
        for status in ("candidate", "rejected", "second_look"):
            pictures(each, 2, status)
    pictures(tower, 1, problem="Its file is missing.")
    pictures(None, 3)
    pictures(None, 4, "not_a_place")
    assert labels(material.gather(None)) == {"gate": 6, "not_a_place": 4, "tower": 6, "unknown": 3}


def test_what_nobody_decided_teaches_only_where_the_model_agrees_and_only_if_wanted() -> None:
    serving = version()
    tower, gate, other = place("tower"), place("gate"), place("elsewhere")
    for each in (tower, gate):
        pictures(each, 40)
    agrees: dict[str, Any] = {"predicted": tower, "confidence": 0.9, "predicted_by": serving}
    agreeing = pictures(tower, 3, "candidate", **agrees)
    others: list[dict[str, Any]] = [
        {"confidence": 0.89},
        {"predicted": gate},
        {"prelabelled": True},
        {"source": given.SOURCE},
        {"problem": "Its file is missing."},
        {"predicted_by": None},
    ]
    for values in others:
        pictures(tower, 1, "candidate", **{**agrees, **values})
    pictures(tower, 1, "rejected", **agrees)
    pictures(other, 1, "candidate", **{**agrees, "predicted": other})
    near = pictures(tower, 1, "candidate", title="near", **agrees)[0]
    nearby = Collection.objects.create(slug="near", name="Near")
    nearby.places.add(tower, gate)

    without = material.gather(nearby)
    held_out = without.parts[material.REPORT][0]
    Picture.objects.filter(pk__in=[near.pk, held_out.pk]).update(copies=held_out.pk)
    found = material.gather(nearby, agreed=True)
    assert (without.agreed, found.agreed, found.counts()["agreed"]) == (0, 3, 3)
    for part in (material.CHOOSE, material.REPORT):
        assert found.parts[part] == without.parts[part], "what nobody decided is never held out"
    more = [item for item in found.parts[material.TRAIN] if item not in without.parts[material.TRAIN]]
    assert {(item.pk, item.label) for item in more} == {(each.pk, "tower") for each in agreeing}


def test_undecided_pictures_leave_a_training_that_goes_on_when_they_are_decided(tmp_path: Path) -> None:
    tower, gate = place("tower"), place("gate")
    for each in (tower, gate):
        pictures(each, 5)
    agreeing = pictures(gate, 2, "candidate", predicted=gate, confidence=0.95, predicted_by=version())
    material.gather(None, agreed=True).write(tmp_path)
    Picture.objects.filter(pk=agreeing[0].pk).update(status="rejected")
    material.forget_gone(tmp_path, agreed=True)
    listed = {pk for pk, _ in material.listed(tmp_path / "train.txt")}
    assert listed & {each.pk for each in agreeing} == {agreeing[1].pk}


def test_what_the_model_will_not_know_teaches_what_unknown_looks_like() -> None:
    near = Collection.objects.create(slug="near", name="Near")
    for slug in ("tower", "gate"):
        near.places.add(place(slug))
        pictures(Place.objects.get(slug=slug), 5)
    pictures(place("elsewhere"), 4)
    pictures(place("retired", retired_at=timezone.now()), 2)
    assert labels(material.gather(near)) == {"gate": 5, "tower": 5, "unknown": 6}
    pictures(Place.objects.get(slug="elsewhere"), 40, source="commons")
    assert labels(material.gather(near))["unknown"] == 10, "no more than of places"


def test_a_merged_places_pictures_are_the_other_places() -> None:
    tower, gate = place("tower"), place("gate")
    pictures(tower, 5)
    pictures(gate, 3)
    pictures(place("door", retired_at=timezone.now(), merged_into=gate), 2)
    assert labels(material.gather(None)) == {"gate": 5, "tower": 5}


def test_places_with_too_few_pictures_are_named_and_may_be_left_out() -> None:
    for slug, count in (("tower", 5), ("gate", 5), ("bridge", 4), ("wall", 0)):
        pictures(place(slug), count)
    said = refusal()
    assert "Bridge (4), Wall (0)" in said
    assert "leave these places out" in said
    found = material.gather(None, leave_out=True)
    assert labels(found) == {"gate": 5, "tower": 5, "unknown": 4}
    assert found.counts()["left_out"] == ["Bridge", "Wall"]


def test_a_collection_with_one_place_or_none_is_refused() -> None:
    alone = Collection.objects.create(slug="alone", name="Alone")
    assert "at least two" in refusal(alone)
    alone.places.add(place("tower"))
    pictures(Place.objects.get(slug="tower"), 9)
    assert "Tower" in refusal(alone)
    place("gate")
    assert "Tower" in refusal(None, leave_out=True)


def test_the_same_pictures_are_held_out_whatever_comes() -> None:
    tower, gate = place("tower"), place("gate")
    pictures(tower, 60)
    pictures(gate, 5)
    before = material.gather(None).parts
    for name in (material.CHOOSE, material.REPORT):
        assert {item.label for item in before[name]} == {"tower", "gate"}, "some of every place"
    pictures(tower, 60, source="commons")
    pictures(gate, 60, source="commons")
    after = material.gather(None).parts
    trained = {item.pk for item in before[material.TRAIN]}
    assert len(trained) > 40
    assert not trained & {item.pk for name in (material.CHOOSE, material.REPORT) for item in after[name]}
    assert sum(map(len, after.values())) == 185


def test_lists_have_a_line_a_picture_and_lose_what_may_not_be_used_any_more(tmp_path: Path) -> None:
    for slug in ("tower", "gate"):
        pictures(place(slug), 10)
    material.gather(None).write(tmp_path)
    listed = {name: material.listed(tmp_path / f"{name}.txt") for name in material.PARTS}
    assert sorted(label for part in listed.values() for _, label in part) == ["gate"] * 10 + ["tower"] * 10
    gone = listed[material.TRAIN][0][0]
    Picture.objects.filter(pk=gone).update(status="rejected")
    material.forget_gone(tmp_path)
    assert material.listed(tmp_path / "train.txt") == listed[material.TRAIN][1:]


def test_photos_that_visitors_gave_are_counted_by_part() -> None:
    tower = place("tower")
    pictures(place("gate"), 8)
    pictures(tower, 8)
    pictures(tower, 30, source="visitor")
    counted = material.gather(None).counts()["visitors"]
    assert sum(counted.values()) == 30
    assert counted["train"] > 15
