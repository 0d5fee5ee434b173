"""A large file on its way to the disk: it goes on where it stopped, and is kept only when it is the right one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import requests

from crawler import body
from crawler.errors import FetchError, FileError
from crawler.wire import Meter

Ask = Callable[[Mapping[str, str]], AbstractContextManager[requests.Response]]
Progress = Callable[[int, int | None], None]

_STEP = 1024 * 1024
_RANGE = re.compile(r"bytes (\d{1,18})-.*")


def whole(ask: Ask, path: Path, sha256: str, meter: Meter, max_bytes: int, progress: Progress | None) -> None:
    """Have the file with this SHA-256 (hexadecimal) at ``path``, asking for as long as it grows."""
    wanted = sha256.lower()
    try:
        if path.is_file() and _digest(path).hexdigest() == wanted:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _Part(path.with_name(f"{path.name}.part"), progress)
        with part:
            complete = part.hexdigest() == wanted
            while not complete:
                before = part.size
                complete = _grown(ask, part, meter, max_bytes)
                if not complete and part.size <= before:
                    raise FileError("broke_off", path.name)
        if part.hexdigest() != wanted:
            part.path.unlink()
            raise FileError("wrong_hash", path.name)
        part.path.replace(path)
    except OSError:
        raise FileError("not_written", path.name) from None


class _Part:
    """What came so far, and its hash."""

    def __init__(self, path: Path, progress: Progress | None) -> None:
        self.path = path
        self.total: int | None = None
        self._progress = progress
        self._file = path.open("ab")
        self._sum = _digest(path)
        self.size = path.stat().st_size

    def __enter__(self) -> _Part:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._sum.update(piece)
        self.size += len(piece)
        if self._progress is not None:
            self._progress(self.size, self.total)

    def restart(self) -> None:
        self._file.truncate(0)
        self._sum = hashlib.sha256()
        self.size = 0

    def hexdigest(self) -> str:
        return self._sum.hexdigest()


def _grown(ask: Ask, part: _Part, meter: Meter, max_bytes: int) -> bool:
    """Add what a server has beyond ``part``; say whether that was all of it."""
    headers = {"Range": f"bytes={part.size}-"} if part.size else {}
    try:
        with ask(headers) as response:
            if body.coding(response):
                raise FetchError("bad_encoding")
            begin = _begin(response)
            if begin not in (0, part.size):
                raise FetchError("bad_headers")
            if begin != part.size:
                part.restart()
            declared = body.declared_length(response)
            part.total = None if declared is None else part.size + declared
            return body.poured(response, meter, max_bytes - part.size, part)
    except FetchError as error:
        if error.status != 416 or not part.size:
            raise
    part.restart()  # longer than the file that is there
    return _grown(ask, part, meter, max_bytes)


def _begin(response: requests.Response) -> int:
    """The place in the file of an answer's first byte."""
    if response.status_code == 200:
        return 0
    match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None:
        raise FetchError("bad_headers")
    return int(match[1])


def _digest(path: Path) -> hashlib._Hash:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_STEP):
            digest.update(piece)
    return digest
