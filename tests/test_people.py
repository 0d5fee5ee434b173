"""Who may do what in the admin, how nobody gives themselves more, and the trail of what was done."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client

from places import people
from places.models import Place
from tests.answers import place

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker", "plain_static")]


def member(name: str, *groups: str, **about: Any) -> User:
    user = User.objects.create_user(name, is_staff=True, **about)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def bo() -> User:
    return member("bo", people.CURATORS)


@pytest.fixture
def ada() -> User:
    return member("ada", people.OPERATORS)


def user_form(user: User, **changes: Any) -> dict[str, Any]:
    """What an operator's form of a user sends."""
    known = {
        "username": user.username, "first_name": "", "last_name": "", "email": "", "is_active": "on",
        "is_staff": "on", "last_login_0": "", "last_login_1": "", "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
    }  # fmt: skip
    return known | changes


def test_both_groups_are_there_and_a_migration_mends_them() -> None:
    curators, operators = Group.objects.get(name=people.CURATORS), Group.objects.get(name=people.OPERATORS)
    before = set(curators.permissions.values_list("codename", flat=True))
    assert {"change_place", "change_report", "add_collection"} <= before
    assert before < set(operators.permissions.values_list("codename", flat=True))
    curators.permissions.add(Permission.objects.get(codename="delete_user"))
    curators.permissions.remove(Permission.objects.get(codename="change_place"))
    call_command("migrate", verbosity=0)
    assert set(curators.permissions.values_list("codename", flat=True)) == before


def test_no_group_may_touch_groups_permissions_sessions_or_delete_users_and_places() -> None:
    may = set(Permission.objects.filter(group__isnull=False).values_list("content_type__app_label", "codename"))
    assert {name for app, name in may if app == "auth"} == {"view_user", "add_user", "change_user"}
    assert {name for app, name in may if app == "admin"} == {"view_logentry"}
    assert not may & {("places", "delete_place"), ("places", "change_search"), ("places", "delete_search")}
    assert {app for app, _ in may} == {"auth", "admin", "places"}


@pytest.mark.parametrize(
    ("path", "curator", "operator"),
    [
        ("places/place/", 200, 200),
        ("places/place/import/", 200, 200),
        ("places/picture/", 200, 200),
        ("places/report/", 200, 200),
        ("places/modelversion/", 200, 200),
        ("places/denied/", 200, 200),
        ("places/denied/add/", 403, 200),
        ("admin/logentry/", 200, 200),
        ("auth/user/", 403, 200),
        ("auth/user/add/", 403, 200),
        ("auth/group/", 403, 403),
        ("axes/accessattempt/", 403, 403),
    ],
)
def test_what_each_may_open(bo: User, ada: User, path: str, curator: int, operator: int) -> None:
    assert logged_in(bo).get(f"/admin/{path}").status_code == curator
    assert logged_in(ada).get(f"/admin/{path}").status_code == operator


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("search/?gps_latitude__gte=40", 400),
        ("search/?source_url__startswith=https", 400),
        ("search/?owner_hash__startswith=a", 400),
        ("search/?place__searches__gps_latitude__gte=40", 400),
        ("search/?state__exact=done&kind=place&created_at__year=2026", 200),
        ("search/?id__exact=00000000-0000-0000-0000-000000000001", 200),
        ("feedback/?search__gps_latitude__gte=40", 400),
        ("feedback/?right__exact=1", 200),
        ("report/?image_url__startswith=https", 400),
        ("report/?state__exact=open", 200),
    ],
)
def test_lists_are_narrowed_by_what_they_show_and_not_by_what_they_keep(bo: User, asked: str, status: int) -> None:
    assert logged_in(bo).get(f"/admin/places/{asked}").status_code == status


@pytest.mark.parametrize("page", ["import/", "export/xlsx/", "{}/merge/", "{}/retire/", "{}/back/", "{}/change/"])
def test_staff_without_a_group_and_strangers_get_nowhere(page: str) -> None:
    path = f"/admin/places/place/{page.format(place('tower').pk)}"
    assert logged_in(member("cy")).get(path).status_code == 403
    answer = Client().get(path)
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, "/admin/login/")


def test_an_action_needs_its_permission() -> None:
    tower = place("tower")
    looker = member("cy")
    looker.user_permissions.set(Permission.objects.filter(codename="view_place"))
    pressed = {"action": "retire", "_selected_action": [tower.pk]}
    logged_in(looker).post("/admin/places/place/", pressed)
    assert Place.objects.get().retired_at is None
    assert logged_in(looker).post(f"/admin/places/place/{tower.pk}/retire/").status_code == 403


# Nobody gives themselves more


def test_an_operator_makes_a_curator(ada: User) -> None:
    client = logged_in(ada)
    password = "a long enough passphrase"
    new = {"username": "dee", "password1": password, "password2": password, "usable_password": "true"}
    assert client.post("/admin/auth/user/add/", new).status_code == 302
    dee = User.objects.get(username="dee")
    curators = Group.objects.get(name=people.CURATORS)
    answer = client.post(f"/admin/auth/user/{dee.pk}/change/", user_form(dee, groups=[curators.pk]))
    assert answer.status_code == 302
    dee.refresh_from_db()
    assert dee.is_staff and list(dee.groups.all()) == [curators]


@pytest.mark.parametrize("what", ["superuser", "operators", "permission"])
def test_an_operator_can_make_nobody_more_than_a_curator(ada: User, bo: User, what: str) -> None:
    choices: dict[str, dict[str, Any]] = {
        "superuser": {"is_superuser": "on"},
        "operators": {"groups": [Group.objects.get(name=people.OPERATORS).pk]},
        "permission": {"user_permissions": [Permission.objects.get(codename="delete_user").pk]},
    }
    logged_in(ada).post(f"/admin/auth/user/{bo.pk}/change/", user_form(bo, **choices[what]))
    bo = User.objects.get(pk=bo.pk)
    assert not bo.is_superuser and not bo.user_permissions.exists()
    assert not bo.groups.filter(name=people.OPERATORS).exists()


@pytest.mark.parametrize("whose", ["their own", "another operator's", "a superuser's"])
def test_an_operator_changes_neither_their_own_row_nor_a_peers_nor_a_superusers(ada: User, whose: str) -> None:
    other = {
        "their own": lambda: ada,
        "another operator's": lambda: member("eve", people.OPERATORS, password="before"),
        "a superuser's": lambda: User.objects.create_superuser("root", password="before"),
    }[whose]()
    client, before = logged_in(ada), other.password
    for page, form in (
        ("change/", user_form(other, is_superuser="on", email="taken@example.org")),
        ("password/", {"password1": "a long enough one", "password2": "a long enough one", "usable_password": "true"}),
    ):
        assert client.post(f"/admin/auth/user/{other.pk}/{page}", form).status_code == 403
    assert client.post(f"/admin/auth/user/{other.pk}/delete/", {"post": "yes"}).status_code == 403
    other.refresh_from_db()
    assert (other.password, other.email) == (before, "")


def test_a_superuser_still_may_do_everything(bo: User) -> None:
    root = logged_in(User.objects.create_superuser("root"))
    page = root.get(f"/admin/auth/user/{bo.pk}/change/").content.decode()
    assert 'name="is_superuser"' in page and 'name="user_permissions"' in page


# The trail


def test_the_trail_says_who_did_what_to_what_and_is_only_read(bo: User, ada: User) -> None:
    tower = place("tower")
    logged_in(bo).post(f"/admin/places/place/{tower.pk}/retire/")
    people.log(bo, None, "Exported the places.")
    client = logged_in(ada)
    page = client.get("/admin/admin/logentry/").content.decode()
    assert "Retired." in page and f"/admin/places/place/{tower.pk}/change/" in page and "Exported the places." in page
    entry = LogEntry.objects.earliest("pk")
    assert (entry.user, entry.object_id) == (bo, str(tower.pk))
    assert client.get("/admin/admin/logentry/add/").status_code == 403
    assert client.post(f"/admin/admin/logentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/admin/admin/logentry/{entry.pk}/change/", {"change_message": "x"}).status_code == 403
    assert client.get(f"/admin/admin/logentry/?user__id__exact={ada.pk}").content.decode().count("Retired.") == 0


def test_what_a_command_does_is_in_the_log_file(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "places.people"):
        people.log(None, place("tower"), "Retired.")
    assert "Tower: Retired." in caplog.text and not LogEntry.objects.exists()
