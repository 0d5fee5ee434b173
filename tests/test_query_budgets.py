"""How many queries pages take: as many with a thousand places and thousands of pictures as with a few, and not many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from places.models import Picture, Place, Search
from tests.curators import at_the_admin
from tests.many import grow

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker", "plain_static")]
FEW, MANY = 6, 1000
LONGEST_PAGE = 400_000  # bytes; a list of all places to choose from, in each row, would be far more
# The most that each page may take.
FOR_VISITORS = {
    "first page": 12, "index of places": 9, "a place": 11, "a picture": 15, "an answer": 15,
    "an answer for programs": 8, "places for programs": 4, "a place for programs": 5,
}  # fmt: skip
# In the admin: two of each are for the session and the user, and a list has one for its rows and one for their number.
LISTS = {
    "places_picture list": 7, "places_picture form": 7, "places_search list": 9, "places_search form": 8,
    "places_feedback list": 7, "places_feedback form": 9, "places_decision list": 8, "places_decision form": 10,
    "auth_user list": 10, "auth_user form": 10, "admin_logentry list": 12, "admin_logentry form": 7,
    "places_collection list": 8, "places_collection form": 8, "places_place list": 14, "places_place form": 12,
    "places_report list": 8, "places_report form": 7, "places_denied list": 8, "places_denied form": 6,
    "places_trainingrun list": 8, "places_trainingrun form": 6, "places_modelversion list": 9,
    "places_modelversion form": 11,
}  # fmt: skip
OWN = {
    "front": 13, "inbox": 13, "inbox, handled": 14, "export": 5, "review": 11, "review, second look": 11,
    "review, near-copies": 13, "review, likely wrong": 9, "collecting": 9, "a new training": 6,
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def staff() -> Client:
    return at_the_admin(User.objects.create_superuser("ada"))


def for_visitors() -> dict[str, str]:
    place = Place.objects.get(slug="tower")
    shown = Picture.objects.filter(place=place, status="approved").first()
    search = Search.objects.order_by("created_at").first()
    assert shown is not None and search is not None
    return {
        "first page": "/",
        "index of places": "/places/",
        "a place": f"/places/{place.slug}/",
        "a picture": f"/pictures/gallery/{shown.pk}/",
        "an answer": f"/s/{search.pk}/",
        "an answer for programs": f"/api/v1/searches/{search.pk}/",
        "places for programs": "/api/v1/places/",
        "a place for programs": f"/api/v1/places/{place.slug}/",
    }


def lists() -> dict[str, str]:
    """Return every list of the admin but those of the libraries, and the form of one row of each."""
    found = {}
    for model in admin.site._registry:
        if model._meta.app_label == "axes" or model is Group:
            continue
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        found[f"{name} list"] = reverse(f"admin:{name}_changelist")
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            found[f"{name} form"] = reverse(f"admin:{name}_change", args=[row.pk])
    return found


def own() -> dict[str, str]:
    """Return the admin's other pages."""
    return {
        "front": "/admin/",
        "inbox": "/admin/inbox/",
        "inbox, handled": "/admin/inbox/?handled=1",
        "export": "/admin/export/",
        "review": "/admin/review/",
        "review, second look": "/admin/review/?status=second_look",
        "review, near-copies": "/admin/review/?show=copies",
        "review, likely wrong": "/admin/review/?show=wrong",
        "collecting": "/admin/collecting/",
        "a new training": "/admin/places/trainingrun/train/",
    }


def counted(client: Client, pages: dict[str, str]) -> Iterator[tuple[str, int]]:
    for name, path in pages.items():
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(path)
        assert answer.status_code == 200, (name, path, answer.status_code)
        if path.startswith("/admin/"):
            assert len(answer.content) < LONGEST_PAGE, name
        yield name, len(captured)


def test_no_page_takes_more_queries_with_a_thousand_places_than_with_a_few(staff: Client) -> None:
    grow(FEW)
    Place.objects.filter(pk=Place.objects.order_by("pk")[0].pk).update(slug="tower")
    for _ in range(2):  # what is asked once is kept
        few = dict([*counted(Client(), for_visitors()), *counted(staff, lists() | own())])
    budgets = FOR_VISITORS | LISTS | OWN
    grow(MANY)
    many = dict([*counted(Client(), for_visitors()), *counted(staff, lists() | own())])
    assert {name: (few[name], many[name]) for name in many if many[name] > few[name]} == {}
    assert many.keys() == budgets.keys(), "a page has no budget, or a budget no page"
    assert {name: number for name, number in many.items() if number > budgets[name]} == {}
