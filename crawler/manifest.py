"""What became of every picture: one JSON object a line, added at the end and never changed."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, Self

from errors import UserError

NAME = "manifest.jsonl"
_SYNCED_EVERY_S = 1.0


@dataclass(frozen=True)
class Row:
    """One event. ``file`` is relative to the collection's folder; ``time`` is UTC in ISO 8601.

    ``kept``: the picture lies in ``file``. ``dropped``: see ``reason``. ``withdrawn``: what lay in
    ``file`` does so no more. ``sha256`` is of the bytes as they came, ``size`` the bytes and
    ``width`` and ``height`` the pixels as kept; ``look`` is a 64-bit difference hash in hexadecimal.
    """

    event: Literal["kept", "dropped", "withdrawn"]
    folder: str
    time: str = ""
    file: str = ""
    reason: str = ""
    sentence: str = ""
    source: str = ""
    key: str = ""
    url: str = ""
    page: str = ""
    title: str = ""
    author: str = ""
    licence: str = ""
    licence_url: str = ""
    licence_hint: str = ""
    position: list[float] | None = None
    sha256: str = ""
    look: str = ""
    width: int = 0
    height: int = 0
    size: int = 0


FIELDS = frozenset(field.name for field in fields(Row))


class Manifest:
    """The open manifest of a folder; one process at a time. Raises UserError ``in_use`` for the second.

    A row is in the file when ``append`` returns, so it outlives this process; that it outlives a
    power cut is made sure of once a second.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise UserError("in_use", f"Another run is collecting into {folder}. Please wait until it ends.") from None
        self._drop_torn_line()
        self._synced = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.fsync(self._file)
        os.close(self._file)

    def append(self, row: Row) -> None:
        """Add a row, its time being now. Not for several threads at once."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        said = {name: value for name, value in asdict(row).items() if value not in ("", 0, None)} | {"time": stamp}
        os.write(self._file, (json.dumps(said, ensure_ascii=False) + "\n").encode())
        if time.monotonic() - self._synced > _SYNCED_EVERY_S:
            os.fsync(self._file)
            self._synced = time.monotonic()

    def _drop_torn_line(self) -> None:
        """Cut off a last line that a dying machine wrote in part."""
        size = os.fstat(self._file).st_size
        keep = size
        while keep and os.pread(self._file, 1, keep - 1) != b"\n":
            keep -= 1
        if keep < size:
            os.ftruncate(self._file, keep)


def read(folder: Path) -> Iterator[Row]:
    """Yield the rows of a folder's manifest, none where there is no manifest.

    Raises UserError ``bad_manifest`` naming the line that is not a row.
    """
    path = folder / NAME
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                said = json.loads(line)
                row = Row(**{name: value for name, value in said.items() if name in FIELDS})
            except (ValueError, TypeError, AttributeError):
                raise UserError("bad_manifest", f"Line {number} of {path} cannot be read.") from None
            yield row
