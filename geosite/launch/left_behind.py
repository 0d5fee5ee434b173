"""Finding and ending what an earlier start left running, whatever of it was killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

# In the environment of everything that we start, and of what that starts: better than files with
# process ids, which outlive their processes and do not know the children of a killed worker.
MARK = "GEOSITE_STARTED_FOR"
SUPERVISOR_WITHIN_S = 20.0
OTHERS_WITHIN_S = 5.0


def marked_environment(var_dir: Path) -> dict[str, str]:
    """Return the environment for what is started: ours, marked, without what leads libpq elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, MARK: str(var_dir), "VAR_DIR": str(var_dir)}


def processes(var_dir: Path) -> list[psutil.Process]:
    """Return the processes, other than this one, that were started for ``var_dir``."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(var_dir):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end(var_dir: Path) -> int:
    """End what an earlier start left running: what restarts the others first. Return how many there were."""
    found = processes(var_dir)
    supervisors = [process for process in found if _runs(process, "supervisor.supervisord")]
    _end_some(supervisors, SUPERVISOR_WITHIN_S)
    # One after the other: the database goes last, when nobody uses it any more.
    databases = [process for process in processes(var_dir) if _runs(process, "unix_socket_directories")]
    _end_some([process for process in processes(var_dir) if process not in databases], OTHERS_WITHIN_S)
    _end_some(databases, OTHERS_WITHIN_S)
    return len(found)


def _end_some(some: list[psutil.Process], within_s: float) -> None:
    for process in some:
        _send(process, signal.SIGINT if _runs(process, "unix_socket_directories") else signal.SIGTERM)
    _, alive = psutil.wait_procs(some, timeout=within_s)
    for process in alive:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=OTHERS_WITHIN_S)


def _send(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        pass  # it ended meanwhile


def _runs(process: psutil.Process, word: str) -> bool:
    try:
        return any(word in part for part in process.cmdline())
    except psutil.Error:
        return False


def forget_stale_lock(cluster: Path) -> None:
    """Remove the lock file of a PostgreSQL that was killed: its number may by now be another process's."""
    lock = cluster / "postmaster.pid"
    try:
        process = psutil.Process(int(lock.read_text().split()[0]))
        if str(cluster) in process.cmdline():
            return
    except (FileNotFoundError, IndexError, ValueError, psutil.Error):
        pass
    lock.unlink(missing_ok=True)
