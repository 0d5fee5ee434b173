"""A web server on loopback with pictures of one's own, and a log of who asked for what."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from crawler.clean import Decoder, Rules, clean
from crawler.collect import Tools
from crawler.fetch import Fetcher
from crawler.politeness import DenyList, Manners, Polite
from crawler.sources.base import Hit, Page, Query, SourceError
from ml import header, picture

DECODER = Decoder(header.inspect, picture.decode, picture.to_jpeg)
NO_DELAYS = Manners(delays=False, at_once=8)


class PictureSite:
    """Serves ``pictures`` by name; ``asked`` counts requests, ``pause_s`` is before each answer."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.asked: Counter[str] = Counter()
        self.pause_s = 0.0
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self.pair = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.pair}"

    def __enter__(self) -> PictureSite:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def source(self, name: str, pictures: Iterable[str], trouble: str = "") -> Named:
        """Return a source that names these pictures, then fails if there is ``trouble``."""
        return Named(name, [f"{self.url}/{each}" for each in pictures], trouble)

    def tools(self, rules: Rules | None = None, denied: DenyList | None = None) -> Tools:
        """Return what a run works with, fetching for real from here and cleaning in this process."""
        polite = Polite(Fetcher({self.pair}), NO_DELAYS, denied)
        return Tools(
            fetch=lambda hit: polite.picture(hit.image_url, page=hit.page_url).body,
            clean=lambda data: clean(data, rules or Rules(), DECODER),
            denies=polite.denied.denies_picture,
        )


class Named:
    """A source that has the same pictures for every query."""

    filters: frozenset[str] = frozenset()

    def __init__(self, name: str, urls: list[str], trouble: str = "") -> None:
        self.name = self.label = name
        self._urls, self._trouble = urls, trouble

    def hits(self, query: Query) -> Iterator[Hit]:
        """Name every picture once."""
        for url in self._urls:
            yield Hit(f"<b>{query.text}</b>", url, url, f"{url}.html", None, None, "CC0", url, author="Ada")
        if self._trouble:
            raise SourceError(self.name, Page(self._trouble, note=f"{self.name} is not answering us right now."))  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, site: PictureSite, *args: object) -> None:
        self._site = site
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self._site.asked[name] += 1
        self._site.closing.wait(self._site.pause_s)
        body = self._site.pictures.get(name)
        self.send_response(404 if body is None else 200)
        for header_name, value in self._site.headers.get(name, {}).items():
            self.send_header(header_name, value)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def picture_site() -> Iterator[PictureSite]:
    """Serve for a while."""
    with PictureSite() as site:
        yield site


def files_in(folder: Path) -> list[str]:
    """Return the pictures below a folder, by path."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
