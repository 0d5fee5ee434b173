"""A server on loopback that misbehaves, a trap a path, and fetchers that reach it by public names."""

from __future__ import annotations

import gzip
import itertools
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from crawler.fetch import Fetcher, Limits

PUBLIC = "93.184.216.34"
PAUSE = b""  # in a trap: wait a twentieth of a second
QUICK = Limits(connect=1, first_byte=0.5, total=1.2, grace=0.6, picture_bytes=2**20, page_bytes=2**18)

Trap = Callable[[str], Iterator[bytes]]


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer, without a Content-Length unless ``headers`` has one."""
    head = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def _always(*pieces: bytes) -> Trap:
    return lambda _: iter(pieces)


def _then_for_ever(first: bytes, *cycle: bytes) -> Trap:
    return lambda _: itertools.chain([first], itertools.cycle(cycle))


def _redirect(argument: str) -> Iterator[bytes]:
    yield answer(b"", f"Location: {unquote(argument)}", "Content-Length: 0", status="302 Found")


def _chain(argument: str) -> Iterator[bytes]:
    hops = int(argument or 0)
    yield answer(b"", f"Location: /chain/{hops + 1}", "Content-Length: 0", status="302 Found")


def _hops(argument: str) -> Iterator[bytes]:
    left = int(argument)
    yield from _redirect(f"/hops/{left - 1}" if left > 1 else "/ok")


def _status(argument: str) -> Iterator[bytes]:
    yield answer(b"\xff\xd8\xff a picture", "Content-Length: 13", status=f"{argument} Something")


def _typed(argument: str) -> Iterator[bytes]:
    yield answer(b"bytes", f"Content-Type: {unquote(argument)}", "Content-Length: 5")


def _coded(argument: str) -> Iterator[bytes]:
    yield answer(b"bytes", f"Content-Encoding: {unquote(argument)}", "Content-Length: 5")


def _many_codings(_: str) -> Iterator[bytes]:
    yield answer(b"bytes", "Content-Encoding: " + ", ".join(["gzip"] * 1000), "Content-Length: 5")


def _robots(argument: str) -> Iterator[bytes]:
    yield answer(b"bytes", f"X-Robots-Tag: {unquote(argument)}", "Content-Length: 5")


def _deflated(plain: bytes, wbits: int) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return machine.compress(plain) + machine.flush()


MEGABYTE = b"x" * 2**20
GZIP_BOMB = gzip.compress(b"\0" * 2**24)
CHUNKED = "Transfer-Encoding: chunked"
FINE = answer(b"picture", "Content-Length: 7")

TRAPS: dict[str, Trap] = {
    "ok": _always(FINE),
    # Redirects (rows 6 and 7)
    "redirect": _redirect,
    "chain": _chain,
    "hops": _hops,
    "loop": _always(answer(b"", "Location: /loop", "Content-Length: 0", status="301 Moved")),
    "no-location": _always(answer(b"", "Content-Length: 0", status="302 Found")),
    "large-location": _always(answer(b"", f"Location: /{'a' * 2**20}", status="302 Found")),
    "refresh": _always(answer(b"picture", "Refresh: 0; url=/forbidden", "Content-Length: 7")),
    "redirect-bomb": _then_for_ever(
        answer(GZIP_BOMB, "Location: /ok", "Content-Encoding: gzip", status="302 Found"), MEGABYTE
    ),
    # Bodies (rows 13, 15, 17)
    "endless": _then_for_ever(answer(b""), MEGABYTE),
    "endless-chunks": _then_for_ever(answer(b"", CHUNKED), b"100000\r\n" + MEGABYTE + b"\r\n"),
    "endless-trailers": _then_for_ever(answer(b"1\r\nx\r\n0\r\n", CHUNKED), b"A: " + b"b" * 60_000 + b"\r\n"),
    "camera": _then_for_ever(
        answer(b"", "Content-Type: multipart/x-mixed-replace; boundary=b"), b"--b\r\n\r\n" + MEGABYTE
    ),
    "more-than-said": _then_for_ever(answer(b"0123456789", "Content-Length: 10"), MEGABYTE),
    "huge-said": _always(answer(b"12345", "Content-Length: 9999999999")),
    "absurd-said": _always(answer(b"12345", f"Content-Length: {'9' * 5000}")),
    "short": _always(answer(b"12345", "Content-Length: 1000")),
    "short-chunk": _always(answer(b"5\r\n12345\r\nff\r\n", CHUNKED)),
    "negative-said": _always(answer(b"12345", "Content-Length: -1")),
    "no-number-said": _always(answer(b"12345", "Content-Length: five")),
    "two-lengths": _always(answer(b"12345", "Content-Length: 5", "Content-Length: 4")),
    "two-lengths-in-a-line": _always(answer(b"12345", "Content-Length: 5, 4")),
    "same-length-twice": _always(answer(b"12345", "Content-Length: 5", "Content-Length: 5")),
    "chunked": _always(answer(b"3\r\npic\r\n4\r\nture\r\n0\r\n\r\n", CHUNKED)),
    "http10": _always(b"HTTP/1.0 200 OK\r\n\r\npicture"),
    "odd-transfer": _always(answer(b"bytes", "Transfer-Encoding: gzip, chunked")),
    "status": _status,
    "typed": _typed,
    "coded": _coded,
    "many-codings": _many_codings,
    "gzip-page": _always(answer(gzip.compress(b"page" * 1000), "Content-Encoding: gzip")),
    "zlib-page": _always(answer(_deflated(b"page" * 1000, 15), "Content-Encoding: deflate")),
    "deflate-page": _always(answer(_deflated(b"page" * 1000, -15), "Content-Encoding: deflate")),
    "cut-gzip-page": _always(answer(gzip.compress(b"page" * 1000)[:-9], "Content-Encoding: gzip")),
    "broken-gzip-page": _always(answer(b"\x1f\x8bnot gzip at all", "Content-Encoding: gzip")),
    "gzip-bomb": _always(answer(GZIP_BOMB, "Content-Encoding: gzip")),
    # Slowness (row 14)
    "silent": _then_for_ever(PAUSE, PAUSE),
    "slow-headers": _then_for_ever(b"HTTP/1.1 200 OK\r\n", b"A", PAUSE),
    "slow-status": _then_for_ever(b"H", PAUSE, b"T"),
    "slow-body": _then_for_ever(answer(b"", "Content-Length: 100000"), b"x", PAUSE),
    "slow-chunks": _then_for_ever(answer(b"", CHUNKED), b"1\r\nx\r\n", PAUSE),
    "stalled-body": _then_for_ever(answer(b"x" * 100, "Content-Length: 1000"), PAUSE),
    "steady-body": _then_for_ever(answer(b"", "Content-Length: 900000"), b"x" * 300, PAUSE),
    "late": _always(*[PAUSE] * 6, FINE),
    "late-loop": _always(
        *[PAUSE] * 4, answer(b"", "Location: /late-loop", "Content-Length: 0", status="302 Found")
    ),
    "hangs-up": _always(),
    # Headers (rows 11, 16)
    "many-headers": _always(answer(b"", *(f"X-{n}: y" for n in range(10_000)))),
    "hundred-headers": _always(answer(b"12345", *(f"X-{n}: y" for n in range(98)), "Content-Length: 5")),
    "long-header": _always(answer(b"", "X: " + "y" * 2**20)),
    "wide-headers": _always(answer(b"", *(f"X-{n}: {'y' * 2000}" for n in range(60)))),
    "no-end": _always(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"),
    "http09": _always(b"<html>an old server</html>"),
    "garbage": _always(b"\0\1\2\3\r\n\r\n"),
    "odd-status": _always(b"HTTP/1.1 20000 OK\r\n\r\n"),
    "continue": _then_for_ever(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "one-continue": _always(b"HTTP/1.1 100 Continue\r\n\r\n" + FINE),
    # Surroundings (row 18)
    "cookie": _always(
        answer(b"", "Location: /ok", "Set-Cookie: a=b; Path=/", "Content-Length: 0", status="302 Found")
    ),
    "alt-svc": _always(answer(b"picture", 'Alt-Svc: h3=":443"; ma=9999', "Content-Length: 7")),
    "log-in": _always(answer(b"", "WWW-Authenticate: Basic realm=x", "Content-Length: 0", status="401 No")),
    "robots": _robots,
}  # fmt: skip


class TrapServer:
    """Listens while it is entered; counts connections and keeps the requests' heads."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self._tls = tls
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.pair = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.pair}"

    def __enter__(self) -> TrapServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def header(self, name: str, request: int = -1) -> str | None:
        """A header of a request, None where it was not sent."""
        lines = self.heads[request].decode("latin-1").split("\r\n")[1:]
        named = dict(line.split(": ", 1) for line in lines if line)
        return named.get(name)

    def line(self, request: int = -1) -> str:
        """A request's first line."""
        return self.heads[request].split(b"\r\n")[0].decode("latin-1")

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        try:
            if self._tls is not None:
                line = self._tls.wrap_socket(line, server_side=True)
            self._answer(line)
            line.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the client has had enough
        finally:
            line.close()

    def _answer(self, line: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = line.recv(65536)
            if not piece:
                return
            head += piece
        self.heads.append(head)
        path = head.split(b" ")[1].decode().partition("?")[0]
        name, _, argument = path.removeprefix("/").partition("/")
        for piece in TRAPS.get(name, TRAPS["ok"])(argument):
            if self._stopping.is_set():
                return
            if piece:
                line.sendall(piece)
            else:
                self._stopping.wait(0.05)


def near(server: TrapServer, limits: Limits = QUICK) -> Fetcher:
    """A fetcher that may reach the server by its own address."""
    return Fetcher({server.pair}, limits=limits)


def by_name(
    server: TrapServer,
    addresses: dict[str, list[str]] | None = None,
    limits: Limits = QUICK,
    tls: ssl.SSLContext | None = None,
    secure_server: TrapServer | None = None,
    resolved: list[str] | None = None,
) -> Fetcher:
    """A fetcher to whom every name is public, unless ``addresses`` says otherwise.

    Whatever it dials on port 80 is ``server``, on port 443 ``secure_server``; the names
    that it asked about are added to ``resolved``.
    """

    def resolver(host: str, port: int) -> list[str]:
        if resolved is not None:
            resolved.append(host)
        return (addresses or {}).get(host, [PUBLIC])

    def connector(address: str, port: int, timeout: float) -> socket.socket:
        goal = secure_server if port == 443 and secure_server else server
        return socket.create_connection(("127.0.0.1", goal.port), timeout)

    return Fetcher(limits=limits, resolver=resolver, connector=connector, tls=tls)
