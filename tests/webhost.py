"""A web host on loopback with pictures, a robots.txt, and moods, for tests of manners and downloads."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PICTURE = b"\xff\xd8\xff a picture"


@dataclass
class Reply:
    """One answer; ``sent`` is how much of the body really comes."""

    body: bytes = PICTURE
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None


class _Handler(BaseHTTPRequestHandler):
    host: WebHost

    def do_GET(self) -> None:
        self.host.asked.append((self.path, dict(self.headers)))
        times = self.host.times[self.path]
        self.host.times[self.path] += 1
        with self.host.under_way():
            reply = self.host.reply(self.path, times)
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and self.host.ranges and reply.status == 200:
            reply = _part(reply, int(asked[1]))
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        try:
            self.end_headers()
            self.wfile.write(reply.body[: reply.sent])
        except OSError:
            pass  # the client has had enough

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def _part(reply: Reply, begin: int) -> Reply:
    size = len(reply.body)
    if begin >= size:
        return Reply(b"", 416, {"Content-Range": f"bytes */{size}"})
    sent = None if reply.sent is None else max(reply.sent - begin, 0)
    return Reply(reply.body[begin:], 206, {"Content-Range": f"bytes {begin}-{size - 1}/{size}"}, sent)


class _UnderWay:
    """Counts how many requests are answered at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self.now -= 1


class WebHost:
    """Serves while it is entered. ``replies`` has what a path answers, by how often it was asked before."""

    def __init__(self, robots: str | Reply = "", ranges: bool = True) -> None:
        self.replies: dict[str, Callable[[int], Reply]] = {}
        self.ranges = ranges
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.times: Counter[str] = Counter()
        self.busy = _UnderWay()
        self._robots = robots
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"host": self}))
        self._server.daemon_threads = True
        self.pair = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.pair}"

    def __enter__(self) -> WebHost:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def under_way(self) -> _UnderWay:
        return self.busy

    def reply(self, path: str, times: int) -> Reply:
        """What the host has at ``path``."""
        if path in self.replies:
            return self.replies[path](times)
        if path == "/robots.txt":
            if isinstance(self._robots, Reply):
                return self._robots
            return Reply(self._robots.encode(), 200 if self._robots else 404)
        return Reply()
