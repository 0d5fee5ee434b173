"""A web server of pictures with the latency and the faults of the real web, in a process of its own.

    python -m bench.picture_server LIST          LIST: one "kind<TAB>path" a line; prints its port

``/N.jpg`` is line N. Kinds: ok, missing (404), failing (503), reset (connection cut in the body), html (a page
called image/jpeg), stalled (silence in the body), endless (a byte now and then, for ever).
"""

import asyncio
import random
import signal
import sys
from pathlib import Path

MEDIAN_S, SPREAD = 0.08, 0.5  # of the time to the first byte: log-normal, a tenth beyond 0.15 s
PAGE = b"<!doctype html><title>Sign in</title><p>Please sign in to see this picture." + b" " * 2000


class Pictures(asyncio.Protocol):
    """One connection; requests come one after another."""

    def __init__(self, listed: list[tuple[str, str]]) -> None:
        self._listed = listed
        self._head = b""
        self._work: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._line = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._work is not None:
            self._work.cancel()

    def data_received(self, data: bytes) -> None:
        self._head += data
        if b"\r\n\r\n" in self._head:
            head, self._head = self._head, b""
            self._work = asyncio.get_running_loop().create_task(self._answer(head))

    async def _answer(self, head: bytes) -> None:
        name = head.split(b" ", 2)[1].decode().lstrip("/").removesuffix(".jpg")
        number = int(name) if name.isdigit() and int(name) < len(self._listed) else None
        await asyncio.sleep(random.Random(number).lognormvariate(0, SPREAD) * MEDIAN_S)
        kind, path = self._listed[number] if number is not None else ("missing", "")
        body = Path(path).read_bytes() if path and kind not in ("html", "missing", "failing") else PAGE
        status = {"missing": "404 Not Found", "failing": "503 Service Unavailable"}.get(kind, "200 OK")
        length = "" if kind == "endless" else f"Content-Length: {len(body)}\r\n"
        start = f"HTTP/1.1 {status}\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode()
        if kind in ("reset", "stalled"):
            self._line.write(start + body[: len(body) // 2])
            await asyncio.sleep(0.01 if kind == "reset" else 3600)
            self._line.abort()
        elif kind == "endless":
            self._line.write(start + body)
            while True:
                await asyncio.sleep(0.2)
                self._line.write(bytes(300))
        else:
            self._line.write(start + body)
        if b"connection: close" in head.lower():
            self._line.close()


async def serve(listed: list[tuple[str, str]]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Pictures(listed), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


if __name__ == "__main__":
    rows = [line.split("\t") for line in Path(sys.argv[1]).read_text().splitlines()]
    asyncio.run(serve([(kind, path) for kind, path in rows]))
