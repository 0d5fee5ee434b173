"""The embedded PostgreSQL and Valkey: made ready, started, stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from geosite.launch import addresses, left_behind, programs
from geosite.launch.config import LaunchError

READY_WITHIN_S = 120.0  # after a crash PostgreSQL first reads its log again


@dataclass
class Servers:
    """Running servers and where they answer."""

    database_url: str
    redis_url: str
    processes: list[subprocess.Popen[bytes]]

    def stop(self) -> None:
        """Stop both, cleanly."""
        for process in self.processes:
            process.send_signal(signal.SIGINT)
        for process in self.processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def make_folders(var_dir: Path) -> None:
    """Make the folders of data, logs and sockets. Raises LaunchError when somebody else's is in the way."""
    for path in (var_dir, var_dir / "log"):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder, link = addresses.socket_folder(var_dir), var_dir / "run"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    # The servers ask for no password, and everybody may write to the system's temporary folder.
    if folder.is_symlink() or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise LaunchError(f"{folder} must belong to you alone. Delete it, or set VAR_DIR to another folder.")
    if folder != link and not link.is_symlink():
        shutil.rmtree(link, ignore_errors=True)
        link.symlink_to(folder)


def prepare_postgres(var_dir: Path) -> None:
    """Make, once, an empty cluster; an interrupted first run leaves nothing half made."""
    cluster, fresh = var_dir / "postgres", var_dir / "postgres.new"
    if cluster.exists():
        left_behind.forget_stale_lock(cluster)
        return
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    made = subprocess.run(programs.initdb(fresh), capture_output=True, text=True, check=False)
    if made.returncode != 0:
        reason = (made.stderr.strip() or made.stdout.strip()).splitlines()
        raise LaunchError(f"The database could not be made: {reason[-1] if reason else 'no reason given'}")
    fresh.rename(cluster)


def prepare_valkey(var_dir: Path) -> None:
    """Make the folder of the broker's data."""
    (var_dir / "valkey").mkdir(mode=0o700, exist_ok=True)


def postgres_ready(var_dir: Path) -> bool:
    """Whether PostgreSQL takes connections; make our database when it is new."""
    host = str(addresses.socket_folder(var_dir))
    try:
        with psycopg.connect(host=host, port=5432, user="geosite", dbname="postgres", autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'geosite'").fetchone():
                connection.execute("CREATE DATABASE geosite")
    except psycopg.OperationalError:
        return False
    return True


def valkey_ready(var_dir: Path) -> bool:
    """Whether Valkey answers and has read its data."""
    try:
        with redis.Redis(unix_socket_path=str(addresses.socket_folder(var_dir) / "valkey.sock")) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def wait_ready(ready: Callable[[Path], bool], var_dir: Path, name: str, runner: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers. Raises LaunchError when ``runner``, which runs it, ends, or it takes too long."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not ready(var_dir):
        if runner.poll() is not None or time.monotonic() > deadline:
            raise LaunchError(f"{name} does not answer. Its log is in {var_dir / 'log'}.")
        time.sleep(0.05)


def _spawn(name: str, command: list[str], var_dir: Path) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C in a terminal does not reach it."""
    with open(var_dir / "log" / f"{name}.log", "ab") as log:
        return subprocess.Popen(
            command, cwd=var_dir, env=left_behind.marked_environment(var_dir), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip


def start(var_dir: Path) -> Servers:
    """Start both servers on their own, without a supervisor, and wait until they answer."""
    make_folders(var_dir)
    left_behind.end(var_dir)
    prepare_postgres(var_dir)
    prepare_valkey(var_dir)
    processes = [
        _spawn("postgres", programs.postgres(var_dir), var_dir),
        _spawn("valkey", programs.valkey(var_dir), var_dir),
    ]
    servers = Servers(addresses.database_url(var_dir), addresses.redis_url(var_dir), processes)
    try:
        wait_ready(postgres_ready, var_dir, "PostgreSQL", processes[0])
        wait_ready(valkey_ready, var_dir, "Valkey", processes[1])
    except BaseException:
        servers.stop()
        raise
    return servers
