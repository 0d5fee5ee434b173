"""Work on strangers' bytes in child processes that may use so much memory and time, and no more.

A decoder that crashes, hangs or swells costs its child, which is replaced; the answer is None.
What comes back is bytes and never a pickle, so a child that was taken over can say wrong things
but run nothing here.
"""

import contextlib
import multiprocessing
import os
import queue
import resource
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

Work = Callable[[bytes], bytes]

# Fresh interpreters: forking a process that has threads can deadlock.
_SPAWN = multiprocessing.get_context("spawn")
_READY = b"ready"


@dataclass(frozen=True)
class Bounds:
    """What one piece of work may cost: bytes beyond what a child needs at rest, and seconds.

    ``cpu_s`` counts the child's own work, however busy the machine is; ``wall_s`` is for what
    waits instead of working. ``answer`` is the longest answer in bytes.
    """

    memory: int = 180 * 2**20
    cpu_s: float = 1.0
    wall_s: float = 20.0
    answer: int = 16 * 2**20


_USUAL = Bounds()


class LimitedPool:
    """Some children that each do ``work`` on one input at a time; any number of threads may ask.

    ``work`` is a function that pickles (of a module, or a ``functools.partial`` of one). Children
    end with the pool, and when the parent dies.
    """

    def __init__(self, work: Work, children: int | None = None, bounds: Bounds = _USUAL) -> None:
        count = children or os.cpu_count() or 1
        self._all = [_Child(work, bounds) for _ in range(count)]
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()
        for child in self._all:
            self._idle.put(child)

    def __enter__(self) -> "LimitedPool":
        return self

    def __exit__(self, *error: object) -> None:
        for child in self._all:
            child.stop()

    def __call__(self, data: bytes) -> bytes | None:
        """Return what the work makes of ``data``, None where that crashed or went beyond its bounds."""
        with self._taken() as child:
            return child.answer(data)

    @contextlib.contextmanager
    def _taken(self) -> "Iterator[_Child]":
        child = self._idle.get()
        try:
            yield child
        finally:
            self._idle.put(child)


class _Child:
    """One process, started when it is first needed and again after it died."""

    def __init__(self, work: Work, bounds: Bounds) -> None:
        self._work = work
        self._bounds = bounds
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def answer(self, data: bytes) -> bytes | None:
        pipe = self._started()
        try:
            pipe.send_bytes(data)
            if pipe.poll(self._bounds.wall_s):
                return pipe.recv_bytes(self._bounds.answer)
        except (EOFError, OSError):
            pass
        self.stop()
        return None

    def stop(self) -> None:
        if self._process is None or self._pipe is None:
            return
        self._pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()
        self._process = self._pipe = None

    def _started(self) -> Connection:
        """Return the pipe to a child that has imported what it needs."""
        if self._pipe is None:
            ours, theirs = _SPAWN.Pipe()
            process = _SPAWN.Process(target=_serve, args=(theirs, self._work, self._bounds), daemon=True)
            process.start()
            theirs.close()
            if ours.recv_bytes() != _READY:
                raise RuntimeError("a child for limited work did not start")
            self._process, self._pipe = process, ours
        return self._pipe


def _serve(pipe: Connection, work: Work, bounds: Bounds) -> None:
    """Answer inputs until the parent hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    _limit_memory(bounds.memory)
    pipe.send_bytes(_READY)
    with contextlib.suppress(EOFError, MemoryError):
        while True:
            data = pipe.recv_bytes()
            # Nobody catches this signal, so it ends the process wherever it is, in C code too.
            signal.setitimer(signal.ITIMER_PROF, bounds.cpu_s)
            answer = work(data)
            signal.setitimer(signal.ITIMER_PROF, 0)
            pipe.send_bytes(answer)


def _limit_memory(more: int) -> None:
    """Let this process hold ``more`` bytes than now. Linux only: other systems do not enforce such a limit."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return
    now = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_DATA, (now * 1024 + more,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
