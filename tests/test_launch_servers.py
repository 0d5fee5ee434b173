"""The embedded servers: data that survives, sockets that fit, no port."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import environ
import psutil
import psycopg
import pytest
import redis

from geosite.launch import addresses, left_behind, servers
from geosite.launch.config import LaunchError


@pytest.fixture(scope="module")
def new_cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty cluster, made once: making it takes seconds, copying it a moment."""
    var_dir = tmp_path_factory.mktemp("made")
    servers.prepare_postgres(var_dir)
    return var_dir / "postgres"


@pytest.fixture
def var_dir(tmp_path: Path, new_cluster: Path) -> Path:
    """A folder where the servers have been before."""
    return with_cluster(tmp_path / "var", new_cluster)


def with_cluster(var_dir: Path, new_cluster: Path) -> Path:
    var_dir.mkdir()
    shutil.copytree(new_cluster, var_dir / "postgres")
    return var_dir


@contextmanager
def running(var_dir: Path) -> Iterator[servers.Servers]:
    started = servers.start(var_dir)
    try:
        yield started
    finally:
        started.stop()


def database(started: servers.Servers) -> psycopg.Connection[tuple[int]]:
    """Connect as Django does, by the address that it is given."""
    settings = environ.Env.db_url_config(started.database_url)
    return psycopg.connect(
        user=settings["USER"], dbname=settings["NAME"], autocommit=True, **settings["OPTIONS"]
    )  # fmt: skip


def broker(started: servers.Servers) -> redis.Redis:
    return redis.Redis.from_url(started.redis_url)


def test_data_survives_kill_9_of_both_servers(var_dir: Path) -> None:
    started = servers.start(var_dir)
    with database(started) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with broker(started) as client:
        client.set("kept", 42)
        client.waitaof(1, 0, 5000)
    for process in started.processes:
        process.kill()
        process.wait()
    with running(var_dir) as again:
        with database(again) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        with broker(again) as client:
            assert client.get("kept") == b"42"


def test_pgvector_is_there(var_dir: Path) -> None:
    with running(var_dir) as started, database(started) as connection:
        connection.execute("CREATE EXTENSION vector")
        row = connection.execute("SELECT '[1,0]'::halfvec(2) <=> '[0,1]'").fetchone()
        assert row == (1,)


def test_no_server_listens_on_the_network(var_dir: Path) -> None:
    with running(var_dir):
        found = left_behind.processes(var_dir)
        assert {process.name() for process in found} == {"postgres", "valkey-server"}
        assert not [each for process in found for each in process.net_connections("inet")]


@pytest.mark.parametrize("name", ["deep-" * 30, 'with space, comma, 100% and "quotes"'])
def test_any_folder_will_do(tmp_path: Path, new_cluster: Path, name: str) -> None:
    var_dir = with_cluster(tmp_path / name, new_cluster)
    with running(var_dir) as started:
        with database(started) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with broker(started) as client:
            assert client.ping()
        assert (var_dir / "run" / "valkey.sock").is_socket()
        assert (var_dir / "run").stat().st_mode & 0o077 == 0
        assert len(os.fsencode(addresses.socket_folder(var_dir) / ".s.PGSQL.5432")) <= 107


def test_the_lock_of_a_killed_server_whose_number_is_taken_does_not_matter(var_dir: Path) -> None:
    with running(var_dir):
        lock = (var_dir / "postgres" / "postmaster.pid").read_text()
    _, *rest = lock.splitlines()
    (var_dir / "postgres" / "postmaster.pid").write_text("\n".join([str(os.getppid()), *rest]) + "\n")
    with running(var_dir) as started, database(started) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_cluster_that_was_half_made_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "var" / "postgres.new"
    (half / "base").mkdir(parents=True)
    with running(tmp_path / "var") as started, database(started) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not half.exists()


def test_what_a_killed_start_left_behind_is_ended_by_the_next(var_dir: Path) -> None:
    left = servers.start(var_dir)
    with running(var_dir) as started:
        assert [process.wait(timeout=1) for process in left.processes] == [0, 0]
        assert all(psutil.pid_exists(process.pid) for process in started.processes)


def test_a_start_ends_nothing_that_was_started_for_another_folder(var_dir: Path) -> None:
    with running(var_dir) as one:
        assert left_behind.end(var_dir.parent) == 0
        assert left_behind.end(var_dir / "two") == 0
        assert [process.poll() for process in one.processes] == [None, None]


def test_a_socket_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "run"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    with pytest.raises(LaunchError, match="must belong to you alone"):
        servers.start(tmp_path / "var")
