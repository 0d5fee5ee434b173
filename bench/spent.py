"""What a command takes, by the clock and of the processor."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Spent:
    """Seconds from a command's start to its end, and those of CPU that it and its children used."""

    wall: float
    cpu: float

    @property
    def words(self) -> tuple[str, str]:
        """Both, for people."""
        return words(self.wall), words(self.cpu)


def words(seconds: float) -> str:
    """Return a length of time for people."""
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def run(command: Sequence[str], kept: Path | None = None, environment: dict[str, str] | None = None) -> Spent:
    """Run a command to its end, what it prints on standard error; raises CalledProcessError.

    The file ``kept`` holds what was spent, on earlier runs that were interrupted too.
    """
    before = Spent(**json.loads(kept.read_text())) if kept and kept.is_file() else Spent(0, 0)
    cpu, began = _cpu(), time.monotonic()
    try:
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=sys.stderr)
    finally:
        taken = Spent(before.wall + time.monotonic() - began, before.cpu + _cpu() - cpu)
        if kept:
            kept.write_text(json.dumps(asdict(taken)))
    return taken


def _cpu() -> float:
    """Return CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
