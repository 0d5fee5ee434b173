"""A line to a site that can break: forwards bytes, and hangs up once so many were sent through it."""

from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit


class Line:
    """Listens while it is entered. A connection breaks after ``breaks_after`` bytes to the site; None is never."""

    def __init__(self, url: str) -> None:
        there = urlsplit(url)
        self.there = (str(there.hostname), int(there.port or 80))
        self.breaks_after: int | None = None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"

    def __enter__(self) -> Line:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.create_connection(self.there)
            threading.Thread(target=self._forward, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._forward, args=(far, near, False), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        passed = 0
        try:
            while data := source.recv(65536):
                passed += len(data)
                if counted and self.breaks_after is not None and passed > self.breaks_after:
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
