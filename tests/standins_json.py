"""What the stand-ins of Commons, Openverse and Flickr share: a server that answers by the first part of a path."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from tests.standins import Asked, picture

Self = TypeVar("Self", bound="StandIn")


@dataclass(frozen=True)
class Answer:
    """One answer over HTTP."""

    body: bytes
    kind: str = "application/json; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    missing: int = 0  # bytes that are announced and do not come


def as_json(found: object, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(json.dumps(found).encode(), status=status, headers=named)


def as_html(text: str, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(text.encode(), "text/html; charset=utf-8", status, named)


@dataclass(frozen=True)
class Question:
    """What an answer is made for."""

    params: dict[str, str]
    times: int  # how often this shape was asked before
    root: str  # the stand-in's own address, without a slash at the end


Shape = Callable[[Question], Answer]
INTERPOSED = "<!DOCTYPE html><html><body><h1>Just a moment...</h1></body></html>"

# Bad days that look alike at every service.
COMMON: dict[str, Shape] = {
    "limited": lambda _: as_json({"detail": "slow down"}, 429, Retry_After="120"),
    "forbidden": lambda _: as_html("Please set a user-agent", 403),
    "failing": lambda _: as_html("Service unavailable", 503),
    "gone": lambda _: as_html("Not found", 404),
    "html": lambda _: as_html(INTERPOSED),
    "empty": lambda _: Answer(b""),
    "no-object": lambda _: as_json(["a", "list"]),
    "garbage": lambda _: Answer(b'{"results": [' + b"[" * 100_000),
    "other": lambda _: as_json({"entries": [{"href": "https://a.example/"}], "version": 2}),
    "away": lambda _: Answer(b"", status=302, headers={"Location": "https://login.example.org/"}),
}


class _Handler(BaseHTTPRequestHandler):
    """One request. ``standin`` is set by the stand-in that serves."""

    protocol_version = "HTTP/1.1"
    standin: StandIn

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        params = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.standin.asked.append(Asked(parts.path, params, dict(self.headers)))
        self._send(self.standin.answer(parts.path, params))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {"Content-Type": answer.kind, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) + answer.missing))
        self.end_headers()
        self.wfile.write(answer.body)
        self.close_connection = bool(answer.missing)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class StandIn:
    """Serves while it is entered. ``shape`` is used where the path names none."""

    path: str  # where the service answers
    shapes: dict[str, Shape]

    def __init__(self, shape: str = "ok", port: int = 0, host: str = "127.0.0.1") -> None:
        self.shape = shape
        self.asked: list[Asked] = []
        self.times: Counter[str] = Counter()
        handler = type("Handler", (_Handler,), {"standin": self})
        self._server = ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True
        self.pair = f"{host}:{self._server.server_port}"
        self.url = f"http://{self.pair}/"

    def __enter__(self: Self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, params: dict[str, str]) -> Answer:
        """The answer to a request for ``path``."""
        if path.startswith("/pictures/"):
            return Answer(picture(path), "image/jpeg")
        if not path.endswith(self.path):
            return Answer(b"not here", "text/plain", 404)
        shape = path.removesuffix(self.path).strip("/") or self.shape
        question = Question(params, self.times[shape], self.url.rstrip("/"))
        self.times[shape] += 1
        return self.shapes[shape](question)


def once(bad: Answer, then: Shape) -> Shape:
    """A shape that is bad at the first asking."""
    return lambda question: bad if question.times == 0 else then(question)
