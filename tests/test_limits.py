"""How much is taken, and how fast: real database and broker, no worker."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from places import searching
from places.models import Search
from places.models.search import State
from tests.drawn import jpeg

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker")]


@pytest.fixture(autouse=True)
def own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.ANSWER_WITHIN_S = 0.05


def post(client: Client, seed: int = 0, **headers: str) -> tuple[int, str]:
    """Send a drawn photo; return the status and the error's code."""
    file = SimpleUploadedFile("photo.jpg", jpeg(seed), "image/jpeg")
    answer = client.post("/api/v1/searches/", {"image": file}, headers=headers)
    return answer.status_code, answer.json().get("error", {}) and answer.json()["error"]["code"]


def test_more_than_may_wait_are_refused_and_leave_nothing(client: Client, settings: Settings, tmp_path: Path) -> None:
    settings.MAX_WAITING = 3
    assert [post(client, seed)[0] for seed in range(3)] == [202] * 3
    assert post(client, 3) == (503, "busy")
    assert Search.objects.count() == len(list((tmp_path / "searches").iterdir())) == 3


def test_a_client_that_is_too_fast_is_slowed_down(client: Client, settings: Settings) -> None:
    settings.RATE_LIMIT = 4
    statuses = [post(client, seed)[0] for seed in range(12)]
    assert 429 in statuses
    assert statuses[0] == 202


def test_a_forged_forwarding_header_changes_nothing(client: Client, settings: Settings) -> None:
    settings.RATE_LIMIT = 4
    statuses = [post(client, seed, x_forwarded_for=f"203.0.{seed}.7")[0] for seed in range(12)]
    assert 429 in statuses


def test_behind_our_own_proxy_clients_are_told_apart(client: Client, settings: Settings) -> None:
    settings.RATE_LIMIT, settings.TRUSTED_PROXIES = 4, 1
    statuses = [post(client, seed, x_forwarded_for=f"10.0.0.1, 203.0.{seed}.7")[0] for seed in range(12)]
    assert statuses == [202] * 12


def test_a_full_disk_is_said_before_anything_is_stored(client: Client, settings: Settings) -> None:
    settings.MIN_FREE_BYTES = 1 << 60
    assert post(client) == (503, "busy")
    assert not Search.objects.exists()


def test_what_a_lost_worker_left_is_sent_again_and_given_up_at_last(client: Client) -> None:
    post(client)
    long_ago = timezone.now() - timedelta(minutes=2)
    for attempt in (1, 2, 3):
        claimed = Search.objects.claim(Search.objects.get().pk)
        assert claimed is not None
        assert claimed.attempts == attempt
        assert Search.objects.claim(claimed.pk) is None
        Search.objects.update(started_at=long_ago)
        searching.sweep()
    search = Search.objects.get()
    assert (search.state, search.error_code, search.similar_state) == (State.FAILED, "internal", State.FAILED)


def test_what_waits_for_long_is_sent_again_without_counting(client: Client) -> None:
    from places import broker

    post(client)
    Search.objects.update(sent_at=timezone.now() - timedelta(minutes=2))
    before = broker.connection().llen("search")
    searching.sweep()
    assert broker.connection().llen("search") == before + 1
    assert Search.objects.get().attempts == 0
    searching.sweep()
    assert broker.connection().llen("search") == before + 1


def test_expired_photos_are_deleted_and_their_rows_a_month_later(client: Client, tmp_path: Path) -> None:
    post(client)
    Search.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    search = Search.objects.get()
    assert client.get(f"/api/v1/searches/{search.pk}/").status_code == 410
    assert searching.purge() == 1
    assert not list((tmp_path / "searches").iterdir())
    assert client.get(f"/api/v1/searches/{search.pk}/").status_code == 410
    Search.objects.update(deleted_at=timezone.now() - timedelta(days=31))
    searching.purge()
    assert client.get(f"/api/v1/searches/{search.pk}/").status_code == 404
