"""What a collection holds: its files, its rows, what was seen before, and copies among it."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from crawler import manifest
from crawler.clean import Dropped, Kept
from crawler.manifest import Manifest, Row
from crawler.near import NearIndex, difference_hash
from crawler.offers import Offer

# What may be otherwise when a run goes on later; everything else stays as it is.
PASSING = frozenset(
    {"unreachable", "dns_failed", "tls_failed", "too_slow", "http_status", "truncated_image", "no_room"}
)
SURPLUS = ".surplus"  # suffix of what equal numbers leave out
THUMBNAILS = ".thumbnails"

Sketcher = Callable[[bytes], bytes | None]


@dataclass
class Shelf:
    """What one class has: numbers of files kept, and how many were dropped by reason, resumed runs included."""

    files: list[str] = field(default_factory=list)
    last: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class Ledger:
    """Keeps every picture once. Not for several threads at once.

    Read back from the manifest, so a run that was killed goes on as if it had paused: what was kept
    is not fetched again, and a file is there if and only if its row is. ``sketch_of`` makes a sketch
    of a stored file, or None where that cannot be read.
    """

    def __init__(self, folder: Path, folders: list[str], sketch_of: Sketcher) -> None:
        self._folder = folder
        self.shelves = {name: Shelf() for name in folders}
        self.manifest = Manifest(folder)
        self._urls: set[str] = set()
        self._hashes: dict[str, str] = {}  # SHA-256 to file
        self._near = NearIndex()
        self._owners: list[str] = []  # the file of each number in the index
        self._restore(sketch_of)

    def close(self) -> None:
        """Let another run have the folder."""
        self.manifest.__exit__()

    def seen(self, url: str) -> bool:
        """Tell whether a picture's address needs no second request, and note that it is being asked."""
        known = url in self._urls
        self._urls.add(url)
        return known

    def drop(self, folder: str, offer: Offer, why: Dropped, sha256: str = "") -> None:
        """Note why a picture is not used."""
        self.shelves[folder].reasons[why.reason] += 1
        if why.thumbnail and sha256:
            self._save_thumbnail(sha256, why.thumbnail)
        self.manifest.append(_row("dropped", folder, offer, reason=why.reason, sentence=why.sentence, sha256=sha256))

    def is_copy(self, folder: str, offer: Offer, sha256: str) -> bool:
        """Drop a file that was kept before, byte for byte, and say so."""
        if sha256 not in self._hashes:
            return False
        self._drop_copy(folder, offer, sha256, self._hashes[sha256], "same_file", b"")
        return True

    def keep(self, folder: str, offer: Offer, sha256: str, picture: Kept) -> None:
        """Store a picture, unless it is a copy."""
        if self.is_copy(folder, offer, sha256):
            return
        copy = self._near.find(picture.sketch)
        if copy is not None:
            self._drop_copy(folder, offer, sha256, self._owners[copy], "near_copy", picture.thumbnail)
        else:
            self._store(folder, offer, sha256, picture)

    def _drop_copy(self, folder: str, offer: Offer, sha256: str, file: str, reason: str, thumbnail: bytes) -> None:
        owner = file.partition("/")[0]
        if owner == folder:
            self.drop(folder, offer, Dropped(reason, f"A copy of {file}.", thumbnail), sha256)
            return
        # A picture that two classes claim tells a network nothing: neither keeps it.
        if file in self.shelves[owner].files:
            self._withdraw(owner, file, f"It is in {folder} too.")
        self.drop(folder, offer, Dropped("in_two_classes", f"A copy of {file}.", thumbnail), sha256)

    def _store(self, folder: str, offer: Offer, sha256: str, picture: Kept) -> None:
        shelf = self.shelves[folder]
        number = shelf.last + 1
        file = f"{folder}/{number:06d}.jpg"
        path = self._folder / file
        path.parent.mkdir(exist_ok=True)
        # First the bytes, then the row, then the name: whenever we die, the row decides.
        part = path.with_suffix(".part")
        part.write_bytes(picture.jpeg)
        look = f"{difference_hash(picture.sketch):016x}"
        row = _row("kept", folder, offer, file=file, sha256=sha256, look=look,
                   width=picture.width, height=picture.height, size=len(picture.jpeg))  # fmt: skip
        self.manifest.append(row)
        os.replace(part, path)
        shelf.last = number
        self._hold(row, picture.sketch)

    def _hold(self, row: Row, sketch: bytes | None) -> None:
        shelf = self.shelves[row.folder]
        shelf.files.append(row.file)
        self._hashes[row.sha256] = row.file
        if sketch:
            self._near.add(sketch)
            self._owners.append(row.file)

    def _withdraw(self, folder: str, file: str, why: str) -> None:
        self.shelves[folder].files.remove(file)
        self.shelves[folder].reasons["in_two_classes"] += 1
        self.manifest.append(Row("withdrawn", folder, file=file, reason="in_two_classes", sentence=why))
        (self._folder / file).unlink(missing_ok=True)

    def _save_thumbnail(self, sha256: str, jpeg: bytes) -> None:
        folder = self._folder / THUMBNAILS
        folder.mkdir(exist_ok=True)
        (folder / sha256).write_bytes(jpeg)

    def _restore(self, sketch_of: Sketcher) -> None:
        kept: dict[str, Row] = {}
        for row in manifest.read(self._folder):
            if row.folder not in self.shelves:
                self.shelves[row.folder] = Shelf()  # of another list: not added to, but compared with
            shelf = self.shelves[row.folder]
            if row.event == "kept":
                kept[row.file] = row
                shelf.last = max(shelf.last, int(Path(row.file).stem))
            else:
                kept.pop(row.file, None)
                shelf.reasons[row.reason] += 1
            if row.url and row.reason not in PASSING:
                self._urls.add(row.url)
        whole = [row for row in kept.values() if self._is_whole(row)]
        with ThreadPoolExecutor() as pool:
            sketches = pool.map(lambda row: sketch_of((self._folder / row.file).read_bytes()), whole)
            for row, sketch in zip(whole, sketches, strict=True):
                self._hold(row, sketch)
        self._sweep()

    def _is_whole(self, row: Row) -> bool:
        """Tell whether a row's file is there, giving it its name where we died before that."""
        path = self._folder / row.file
        for other in (path.with_suffix(".part"), path.with_name(path.name + SURPLUS)):
            if other.is_file():
                os.replace(other, path)
        if not path.is_file():
            self._hashes[row.sha256] = row.file  # deleted by somebody who does not want it again
            return False
        if path.stat().st_size != row.size:
            self._urls.discard(row.url)  # torn by a power cut
            path.unlink()
            return False
        return True

    def _sweep(self) -> None:
        """Delete what has no row."""
        for folder in self.shelves:
            for part in (self._folder / folder).glob("*.part"):
                part.unlink()


def equalise(folder: Path, shelves: Sequence[Shelf]) -> int:
    """Leave equal numbers in every class that has any, setting the last ones aside, and return that number."""
    filled = [shelf.files for shelf in shelves if shelf.files]
    least = min(map(len, filled), default=0)
    for files in filled:
        for file in files[least:]:
            os.replace(folder / file, folder / f"{file}{SURPLUS}")
    return least


def sha256_of(data: bytes) -> str:
    """Return the content hash that exact copies are found by."""
    return hashlib.sha256(data).hexdigest()


def _row(event: str, folder: str, offer: Offer, **more: object) -> Row:
    hit = offer.hit
    row = Row(
        "dropped", folder, source=offer.source, key=hit.key, url=hit.image_url, page=hit.page_url,
        title=hit.title, author=hit.author, licence=hit.licence, licence_url=hit.licence_url,
        licence_hint=hit.licence_hint, position=list(hit.position) if hit.position else None,
    )  # fmt: skip
    return replace(row, event=event, **more)  # type: ignore[arg-type]
