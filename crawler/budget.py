"""How many requests a day a service gets from this installation: counted in a file, by all of its processes."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

log = logging.getLogger(__name__)


class Budget:
    """``daily`` requests to the service ``name``, counted below ``folder``; the day is UTC's.

    A byte is appended for each, which needs no lock and survives a kill. Where nothing can be written, nothing
    is counted: a full disk does not silence a source.
    """

    def __init__(self, folder: Path, name: str, daily: int) -> None:
        self._folder, self._name, self._daily = folder, name, daily

    def spend(self, now: datetime | None = None) -> float | None:
        """Take one request: None, or the seconds until tomorrow where today's are spent."""
        now = now or datetime.now(UTC)
        path = self._folder / f"{self._name}-{now:%Y-%m-%d}"
        try:
            if self._taken(path) <= self._daily:
                return None
        except OSError:
            log.exception("requests to %s cannot be counted", self._name)
            return None
        tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
        return (tomorrow - now).total_seconds()

    def _taken(self, path: Path) -> int:
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            for old in self._folder.glob(f"{self._name}-*"):
                if old != path:  # which another process may have begun meanwhile
                    old.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, b".")
            return os.lseek(descriptor, 0, os.SEEK_CUR)
        finally:
            os.close(descriptor)
