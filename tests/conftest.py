"""Fixtures: real servers for database tests, and the whole site for tests over HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from geosite.launch import servers
from tests.plugin import VAR_DIR
from tests.site import Site, start_site

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
IN_CI = os.environ.get("CI") == "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Outside CI, skip what needs ../shared when it is not there; in CI its absence is a failure."""
    if SHARED.is_dir() or IN_CI:
        return
    skip = pytest.mark.skip(reason="needs ../shared (photos for tests), which is not here")
    for item in items:
        if item.get_closest_marker("shared"):
            item.add_marker(skip)


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


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """The whole site, started as `make run` starts it, with a stand-in of Bing."""
    with start_site() as started:
        yield started


@pytest.fixture(scope="session")
def val() -> Path:
    """Photos of places that the model was not trained on."""
    assert SHARED.is_dir(), f"{SHARED} is missing"
    return SHARED / "data" / "landmarks" / "val"
