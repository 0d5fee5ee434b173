"""One run for one VAR_DIR, and what stands in the way of a run."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from geosite.launch.config import Config, LaunchError

FREE_BYTES = 500 * 1024 * 1024


@contextmanager
def lock(config: Config) -> Iterator[None]:
    """Hold VAR_DIR for this run. Raises LaunchError when another run holds it."""
    config.var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(config.var_dir / "lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            _, _, url = file.read().partition(" ")
            raise LaunchError(
                f"The site is running already{f' at {url}' if url else ''}. Stop it with `make stop`."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()} {config.url}")
        file.flush()
        yield
        file.truncate(0)


def holder(config: Config) -> int | None:
    """Return the process id of the run that holds VAR_DIR, if one does."""
    try:
        with open(config.var_dir / "lock") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read().split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    return None


def check_space(config: Config) -> None:
    """Raise LaunchError when the disk is nearly full."""
    free = shutil.disk_usage(config.var_dir).free
    if free < FREE_BYTES:
        raise LaunchError(
            f"The disk has {free // 2**20} MB left under {config.var_dir}. Free at least {FREE_BYTES // 2**20} MB, "
            "or set VAR_DIR to a folder on another disk."
        )


def check_port(config: Config) -> None:
    """Raise LaunchError when the site could not listen where it should."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
            probe.listen(1)
        except PermissionError:
            raise LaunchError(f"Port {config.port} needs root. Choose one from 1024: PORT=8000 make run") from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                reason = f"Port {config.port} is taken by another program. Choose another: "
                raise LaunchError(f"{reason}PORT={config.port % 65535 + 1} make run") from None
            raise LaunchError(f"HOST is {config.host!r}, which this machine cannot listen on. Try 127.0.0.1.") from None
