"""How far long work is: a bar on the terminal, or a small file for who watches from another process."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

EVERY_S = 0.5

if TYPE_CHECKING:
    Tqdm = tqdm[Any]
else:
    Tqdm = tqdm


class Watched:
    """A file that says what this process is at.

    ``phase``; in it ``done`` of ``total`` ``unit``s, ``rate`` a second, ``left_s`` seconds at most; ``epoch`` of
    ``epochs``; the latest ``figures``. What is not known is left out.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.parent = path, os.getppid()
        self.values: dict[str, Any] = {}
        self.written = 0.0

    def tell(self, values: dict[str, Any], at_once: bool) -> None:
        """Take ``values`` in, those before them forgotten where a new phase begins, and write them now and then."""
        if os.getppid() != self.parent:
            sys.exit("Whoever started this is gone, so it stops. Started again, it goes on where it was.")
        if values.get("phase", self.values.get("phase")) != self.values.get("phase"):
            self.values, at_once = {}, True
        self.values |= values
        if at_once or time.monotonic() - self.written > EVERY_S:
            self._write()

    def _write(self) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, suffix=".part")
        with open(descriptor, "w") as file:
            json.dump(self.values, file)
        os.replace(temporary, self.path)
        self.written = time.monotonic()


_watched: Watched | None = None


def watch(path: Path | None) -> None:
    """Tell ``path`` from now on, instead of the terminal; the process ends when the one that started it has."""
    global _watched
    _watched = Watched(path) if path else None


def tell(**values: Any) -> None:
    """Say what is being done, to who watches."""
    if _watched is not None:
        _watched.tell(values, at_once=True)


class Bar(Tqdm):
    """A progress bar of one phase of the work."""

    def __init__(self, *args: Any, phase: str, **options: Any) -> None:
        self.phase = phase
        super().__init__(*args, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> Any:
        """Draw it, or tell who watches."""
        if _watched is None:
            return super().display(msg, pos)
        if msg != "":  # which would only wipe it away
            _watched.tell(self._values(_watched.values), at_once=False)
        return True

    def _values(self, known: dict[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {"phase": self.phase, "done": self.n, "unit": self.unit}
        passed = self.format_dict["elapsed"]
        if self.total:
            values["total"] = self.total
        if passed > 0 and self.n > self.initial:
            values["rate"] = round((self.n - self.initial) / passed, 3)
            if self.total:
                epochs = known.get("epochs", 0) - known.get("epoch", 0)  # still to come
                values["left_s"] = round((self.total - self.n + epochs * self.total) / values["rate"])
        return values
