"""Programs that answer over a pipe when they are asked, and are stopped in between so that none disturbs another."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

READY_WITHIN_S, ANSWER_WITHIN_S = 300, 300


class ContenderError(Exception):
    """A contender that cannot be installed, or does not answer; the message says why."""


class Contender:
    """A process that says ``ready`` and what it is, then answers each line with a line."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, settings: Mapping[str, str]) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=settings, bufsize=0,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        try:
            self.description = self._line("ready ", READY_WITHIN_S).removeprefix("ready ")
        except ContenderError:
            self._end()
            raise
        self._signal(signal.SIGSTOP)

    def __enter__(self) -> "Contender":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._end()

    def ask(self, *words: object) -> list[str]:
        """Return the words of the answer; raises ContenderError."""
        assert self.process.stdin is not None
        self._signal(signal.SIGCONT)
        try:
            self.process.stdin.write(f"{' '.join(map(str, words))}\n".encode())
        except BrokenPipeError as error:
            raise ContenderError(f"ended, with {self.process.wait()}") from error
        answer = self._line("", ANSWER_WITHIN_S).split()
        self._signal(signal.SIGSTOP)
        return answer

    def _signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def _end(self) -> None:
        self.process.kill()
        self.process.communicate()

    def _line(self, start: str, seconds: float) -> str:
        """Return the next line that begins with ``start``; libraries print what they like before."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not select.select([self.process.stdout], [], [], 1)[0]:
                continue
            line = self.process.stdout.readline().decode()
            if not line:
                raise ContenderError(f"ended: {(self.log.read_text().strip().splitlines() or ['without a word'])[-1]}")
            if line.startswith(start):
                return line.strip()
        raise ContenderError(f"did not answer within {seconds} s")
