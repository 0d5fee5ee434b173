"""The whole site as a person starts it, for tests that speak HTTP to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import requests

from tests.standins import BingStandIn
from tests.standins_tiles import TileStandIn

ROOT = Path(__file__).parent.parent
START_WITHIN_S = 180
T = TypeVar("T")


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def until(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """Return the first true result of ``look``, asked several times a second; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
    return seen


@dataclass
class Site:
    """A running site: where it listens, and how to ask it."""

    url: str
    var_dir: Path
    bing: BingStandIn
    tiles: TileStandIn
    process: subprocess.Popen[str]

    def post(self, data: bytes, name: str = "photo.jpg", **kwargs: Any) -> requests.Response:
        """Send a photo."""
        files = {"image": (name, data, "image/jpeg")}
        return requests.post(f"{self.url}/api/v1/searches/", files=files, timeout=60, **kwargs)

    def post_url(self, url: str) -> requests.Response:
        """Send an address."""
        return requests.post(f"{self.url}/api/v1/searches/", json={"url": url}, timeout=60)

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        """Ask for a path."""
        return requests.get(self.url + path, timeout=60, **kwargs)

    def ended(self, search: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
        """Poll a search until recognition and similar pictures have ended."""

        def look() -> dict[str, Any] | None:
            now: dict[str, Any] = self.get(search["url"]).json()
            over = all(state in ("done", "failed") for state in (now["state"], now["similar"]["state"]))
            return now if over else None

        return until(look, seconds, f"the end of search {search['id']}")


def processes(site: Site, words: str) -> list[psutil.Process]:
    """Return the site's processes with ``words`` in their command."""
    found = []
    for process in psutil.process_iter():
        try:
            if words in " ".join(process.cmdline()) and process.environ().get("VAR_DIR") == str(site.var_dir):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


@contextmanager
def suspended(site: Site, words: str) -> Iterator[list[psutil.Process]]:
    """Stop the site's processes with ``words`` in their command for a while."""
    stopped = processes(site, words)
    assert stopped
    for process in stopped:
        process.suspend()
    try:
        yield stopped
    finally:
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.resume()


@contextmanager
def start_site(var_dir: Path | None = None, **environment: str) -> Iterator[Site]:
    """Start the site with a port and stand-ins of Bing and of a server of map tiles of its own; stop it at the end.

    Without ``var_dir`` it gets an empty one of its own too.
    """
    with tempfile.TemporaryDirectory(prefix="site-") as own, BingStandIn() as bing, TileStandIn() as tiles:
        folder = str(var_dir or own)
        port = free_port()
        host = bing.url.removeprefix("http://").rstrip("/")
        env = {
            **{name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
            "VAR_DIR": folder,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "BING_BASE_URL": bing.url,
            "FETCH_ALLOW_PRIVATE": host,
            "STARTER_PICTURES": "0",  # or every site of a test would ask Commons
            "MAP_TILES": f"{tiles.template} Tiles for tests",
            **environment,
        }
        log = open(Path(folder) / "test-run.log", "w")  # noqa: SIM115  (the process keeps it open)
        process = subprocess.Popen(
            [sys.executable, "-m", "geosite.launch", "run"],
            cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: answers(url, process, Path(log.name)), START_WITHIN_S, "the site's start")
            yield Site(url, Path(folder), bing, tiles, process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=60)
            finally:
                process.kill()
                log.close()


def answers(url: str, process: subprocess.Popen[str], log: Path) -> bool:
    """Whether the site says that everything answers; fail at once when its process ended."""
    assert process.poll() is None, f"the launcher ended:\n{log.read_text()}"
    try:
        return requests.get(f"{url}/healthz", timeout=5).status_code == 200
    except requests.RequestException:
        return False
