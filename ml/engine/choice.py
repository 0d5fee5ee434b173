"""Which engine is the fastest on this machine: timed once, in a process of its own, and remembered.

Timing in this process would leave it with the memory of every library, and a library that this CPU
cannot run would end it.
"""

import fcntl
import hashlib
import json
import logging
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ml.bundle import MANIFEST, Bundle, sha256
from ml.engine import candidates
from ml.engine.base import EngineError

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 50  # below half of what Celery gives a worker to start, which loads two bundles
NO_TIME = "There was no time to try it."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timed:
    """One engine as it was timed: the least of its milliseconds for one picture, and how it agrees.

    ``note`` says why it is not accepted; such an engine may have no figures.
    """

    name: str
    milliseconds: float | None = None
    same: float | None = None
    cosine: float | None = None
    note: str = ""

    @property
    def accepted(self) -> bool:
        """Whether it may serve."""
        return not self.note

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def ranked(bundle: Bundle, cache_dir: Path | None, threads: int, wanted: str) -> list[str]:
    """Return the engines to try for ``bundle``, best first; raises EngineError when ``wanted`` has none for it."""
    if wanted == candidates.GPU:
        return [wanted]
    library = "" if wanted == candidates.AUTO else f"{wanted.partition('-')[0]}-"
    if wanted in candidates.CPU or cache_dir is None:
        fitting = candidates.available(bundle, library)
    else:
        timed = sorted(timings(bundle, cache_dir, threads), key=cost)
        fitting = [each.name for each in timed if each.accepted and each.name.startswith(library)]
    if not fitting:
        raise EngineError(f"ENGINE is {wanted!r}, which cannot serve {bundle.path} on this machine.")
    # A bundle that has not got the precision that was asked for is served in the next one by the same library.
    return sorted(fitting, key=lambda name: name != wanted)


def cost(timed: Timed) -> float:
    """Return what engines are ranked by: milliseconds, ncnn's counted a quarter more for twice the memory.

    So a little noise on a busy machine does not decide either.
    """
    if timed.milliseconds is None:
        return float("inf")
    return timed.milliseconds * (1.25 if timed.name.startswith("ncnn") else 1)


def timings(bundle: Bundle, cache_dir: Path, threads: int, again: bool = False) -> list[Timed]:
    """Return all engines of ``bundle`` as timed on this machine, the accepted first, fastest first.

    Of several processes that come at once, one does the work and the others wait for it.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    facts = situation(bundle, threads)
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    path = cache_dir / f"choice-{key}.json"
    with open(cache_dir / f"choice-{key}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if again or (remembered := _read(path)) is None:
            remembered = _measure(bundle, cache_dir, threads)
            if remembered and not any(timed.note == NO_TIME for timed in remembered):
                _write(path, {**facts, "engines": [timed.to_dict() for timed in remembered]})
    # Not all were timed: these will do, until a start on a calmer machine.
    return remembered or [Timed(name) for name in candidates.available(bundle)]


def situation(bundle: Bundle, threads: int) -> dict[str, Any]:
    """Return what a choice depends on."""
    return {
        "bundle": f"{bundle.name} {bundle.version}",
        "digest": sha256(bundle.path / MANIFEST),
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": threads,
        "versions": {name: version(name) for name in ("openvino", "ncnn", "numpy")},
    }


def cpu() -> str:
    """Return the CPU's model and what it can compute, which clouds hide behind one name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    said = dict(line.split(":", 1) for line in lines if ":" in line)
    known = {key.strip(): value.strip() for key, value in said.items()}
    flags = hashlib.sha256(known.get("flags", known.get("Features", "")).encode()).hexdigest()[:8]
    kind = [known.get(key, "") for key in ("model name", "cpu family", "model", "stepping", "CPU part")]
    return " ".join([*filter(None, kind), flags])


def _measure(bundle: Bundle, cache_dir: Path, threads: int) -> list[Timed]:
    """Return what the other process found, or nothing when it failed."""
    arguments = [str(bundle.path.resolve()), str(cache_dir.resolve()), str(threads)]
    command = [sys.executable, "-m", "ml.engine.measure", *arguments]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=True)  # noqa: S603
        return [Timed(**values) for values in json.loads(done.stdout)]
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        said = getattr(error, "stderr", "") or str(error)
        log.warning("The engines for %s could not be timed; the usual order is taken. %s", bundle.path, said)
        return []


def _read(path: Path) -> list[Timed] | None:
    try:
        return [Timed(**values) for values in json.loads(path.read_text())["engines"]]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(path: Path, said: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(said, indent=1))
    new.replace(path)
