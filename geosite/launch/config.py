"""What the launcher has to know, from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


WEB_THREADS = 96  # most of which wait for somebody


class LaunchError(Exception):
    """Something that the operator can mend; the text is one sentence that says how."""


@dataclass(frozen=True)
class Config:
    """Where the site runs and listens."""

    root: Path
    var_dir: Path
    host: str
    port: int
    embedded_database: bool
    embedded_broker: bool
    search_processes: int
    engine_threads: int

    @property
    def url(self) -> str:
        """The address to open on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{self.port}"


def number(name: str, default: int, lowest: int, highest: int) -> int:
    """Return a whole number from the environment. Raises LaunchError with the allowed range."""
    text = os.environ.get(name, "") or str(default)
    if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
        raise LaunchError(f"{name} is {text!r}. Give a number from {lowest} to {highest}.")
    return int(text)


def folder(name: str, default: Path) -> Path:
    """Return a folder from the environment. Raises LaunchError for one that supervisor could not be told of."""
    path = Path(os.environ.get(name) or default).resolve()
    if any(mark in f"{ROOT}{path}" for mark in (" ;", " #", "\n")):
        raise LaunchError(f"{path}: a folder's name must not hold ' ;' or ' #'. Rename it, or choose another.")
    return path


def read() -> Config:
    """Return the configuration. Raises LaunchError."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    search_processes = number("SEARCH_PROCESSES", max(min(2, cores), cores // 4), 1, 256)
    return Config(
        root=ROOT,
        var_dir=folder("VAR_DIR", ROOT / "var"),
        host=os.environ.get("HOST") or "127.0.0.1",
        port=number("PORT", 8000, 1, 65535),
        embedded_database=not os.environ.get("DATABASE_URL"),
        embedded_broker=not os.environ.get("REDIS_URL"),
        search_processes=search_processes,
        # Two may both use every core: while one decodes and writes, which takes one core, the other computes.
        engine_threads=cores if search_processes <= 2 else max(1, cores // search_processes),
    )
