"""Fixtures: real servers for database tests, and the whole site for tests over HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pytest_django.fixtures import Settings

from geosite.launch import servers
from tests.plugin import VAR_DIR
from tests.site import Site, start_site, suspended
from tests.traps import TrapServer

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
IN_CI = os.environ.get("CI") == "true"


NEEDS = {
    "shared": (SHARED.is_dir(), "needs ../shared (photos for tests), which is not here"),
    "browser": (
        Path("/usr/bin/chromium").exists() and Path("/usr/bin/chromedriver").exists(),
        "needs /usr/bin/chromium and /usr/bin/chromedriver, which are not here",
    ),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine lacks the means for, and say so; in CI that is a failure instead."""
    for item in items:
        for marker, (here, reason) in NEEDS.items():
            if not IN_CI and not here and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def embedded_servers() -> Iterator[servers.Servers]:
    """PostgreSQL and Valkey of the tests' own."""
    started = servers.start(VAR_DIR)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(embedded_servers: servers.Servers) -> None:
    """Have the servers up before the test database is made."""


@pytest.fixture
def clean_broker(embedded_servers: servers.Servers) -> Iterator[None]:
    """An empty Valkey for one test."""
    from places import broker

    broker.connection().flushdb()
    yield
    broker.connection().flushdb()


@pytest.fixture
def plain_static(settings: Settings) -> None:
    """Pages that can be drawn without collected static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """The whole site, started as `make run` starts it, with a stand-in of Bing."""
    with start_site() as started:
        yield started


@pytest.fixture
def frozen_workers(site: Site) -> Iterator[list[psutil.Process]]:
    """The site's search workers, stopped until the test wakes them."""
    with suspended(site, "search@") as workers:
        yield workers


@pytest.fixture(scope="session")
def val() -> Path:
    """Photos of places that the model was not trained on."""
    assert SHARED.is_dir(), f"{SHARED} is missing"
    return SHARED / "data" / "landmarks" / "val"


@pytest.fixture
def server() -> Iterator[TrapServer]:
    """A web server with a trap at every address."""
    with TrapServer() as started:
        yield started
