"""One exchange with one server: connected to a given socket, metered byte by byte."""

import functools
import http.client
import io
import ipaddress
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, cast

import certifi
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection

from crawler.addresses import Target
from crawler.errors import FetchError

# Its debug lines hold whole addresses, and some of these hold a key.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

Resolver = Callable[[str, int], list[str]]
Connector = Callable[[str, int, float], socket.socket]


@dataclass(frozen=True)
class Limits:
    """What one fetch may cost: seconds, bytes, hops; ``slowest`` in bytes a second."""

    connect: float = 5.0
    first_byte: float = 10.0
    total: float = 20.0
    slowest: float = 1024.0
    grace: float = 5.0  # no speed is asked for before this many seconds
    silence: float = 20.0  # between two reads
    redirects: int = 4
    header_bytes: int = 64 * 1024
    picture_bytes: int = 10 * 1024 * 1024
    page_bytes: int = 4 * 1024 * 1024


class Meter:
    """The one clock and counter of a fetch, over all its redirects.

    It decides how long each single read may wait, so a server that sends a byte now
    and then ends at the deadline like one that sends nothing.
    """

    def __init__(self, limits: Limits, max_bytes: int) -> None:
        self._limits = limits
        # Chunk sizes and trailers come on top of the body, and are bounded too.
        self._wire_bytes = max_bytes + limits.header_bytes * 16
        self._max_bytes = max_bytes
        self._deadline = time.monotonic() + limits.total
        self._begin = self._first = time.monotonic()
        self._received = 0
        self._in_headers = True

    def left(self, at_most: float) -> float:
        """Seconds to the deadline, ``at_most`` so many; none left is ``too_slow``."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise FetchError("too_slow")
        return min(left, at_most)

    def asked(self) -> None:
        """A request goes out: the wait for its first byte begins."""
        self._begin = time.monotonic()
        self._received = 0
        self._in_headers = True

    def answered(self) -> None:
        """The headers are complete."""
        self._in_headers = False

    def patience(self) -> float:
        """Seconds that the next read may wait."""
        if self._received:
            pace = self._received / self._limits.slowest
            until = self._first + max(self._limits.grace, pace)
        else:
            until = self._begin + self._limits.first_byte
        return self.left(min(max(until - time.monotonic(), 0.001), self._limits.silence))

    def count(self, size: int) -> None:
        """Note that a read gave ``size`` bytes; 0 is the end of the stream."""
        if not self._received:
            self._first = time.monotonic()
        self._received += size
        if self._in_headers:
            self._check_headers(size)
        elif self._received > self._wire_bytes:
            raise self.too_large()

    def too_large(self) -> FetchError:
        """The error that names this fetch's own limit."""
        return FetchError("too_large", megabytes=self._max_bytes // 2**20)

    def _check_headers(self, size: int) -> None:
        if size == 0:
            raise FetchError("bad_headers" if self._received else "unreachable")
        # The reader runs ahead of the headers by a buffer's length at most.
        if self._received > self._limits.header_bytes + io.DEFAULT_BUFFER_SIZE:
            raise FetchError("bad_headers")


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, in the resolver's order."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchError("dns_failed") from None
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def resolve_within(seconds: float, resolver: Resolver, host: str, port: int) -> list[str]:
    """The resolver's answer, or ``dns_failed``: ``getaddrinfo`` knows no time limit."""
    answer: Future[list[str]] = Future()

    def ask() -> None:
        try:
            answer.set_result(resolver(host, port))
        except Exception as error:  # noqa: BLE001  (handed on to who asked)
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True, name="resolve").start()
    try:
        return answer.result(timeout=seconds)
    except TimeoutError:
        raise FetchError("dns_failed") from None


def dial(address: str, port: int, timeout: float) -> socket.socket:
    """A socket connected to exactly this address. Raises ``OSError``."""
    sock = socket.create_connection((address, port), timeout)
    peer = ipaddress.ip_address(sock.getpeername()[0])
    if peer != ipaddress.ip_address(address):
        # 0.0.0.0, for one, connects to this machine.
        sock.close()
        raise FetchError("blocked_address")
    return sock


@functools.cache
def trusted_roots() -> ssl.SSLContext:
    """The certificates that ``certifi`` ships; the environment has no say."""
    return ssl.create_default_context(cafile=certifi.where())


class _MeteredStream(io.RawIOBase):
    """A socket's bytes, each read under the meter."""

    def __init__(self, sock: socket.socket, meter: Meter) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._meter = meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._meter.patience())
        try:
            size = self._raw.readinto(buffer) or 0
        except TimeoutError:
            raise FetchError("too_slow") from None
        self._meter.count(size)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _MeteredResponse(http.client.HTTPResponse):
    def __init__(self, meter: Meter, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_MeteredStream(sock, meter))


class _Connection(HTTPConnection):
    """Dials through ``opened`` and reads through the meter."""

    def __init__(self, *args: Any, opened: Callable[[], socket.socket], meter: Meter, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self._opened = opened
        self._meter = meter
        # Typed as a class, but only ever called.
        self.response_class = cast(Any, functools.partial(_MeteredResponse, meter))

    def _new_conn(self) -> socket.socket:
        sock = self._opened()
        self._meter.asked()
        # Bounds the handshake, if there is one; Python counts it as a whole.
        sock.settimeout(self._meter.patience())
        return sock


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class Adapter(HTTPAdapter):
    """Carries one request of ``requests`` over one guarded connection.

    It is called without a ``requests.Session``: a session reads the environment, keeps
    cookies and reads the bodies of redirects, which nobody needs.
    """

    def __init__(
        self,
        target: Target,
        opened: Callable[[], socket.socket],
        meter: Meter,
        tls: ssl.SSLContext,
    ) -> None:
        super().__init__(max_retries=Retry(0, read=False))
        guards: dict[str, Any] = {"opened": opened, "meter": meter}
        self._path = target.path
        self._pool: HTTPConnectionPool
        if target.scheme == "https":
            self._pool = _TlsPool(
                target.host,
                target.port,
                ssl_context=tls,
                cert_reqs="CERT_REQUIRED",
                **guards,
            )
        else:
            self._pool = _Pool(target.host, target.port, **guards)

    def get_connection_with_tls_context(self, *args: Any, **kw: Any) -> HTTPConnectionPool:
        """Never a proxy, never another host."""
        return self._pool

    def cert_verify(self, *args: Any, **kw: Any) -> None:
        """The pool's context demands a certificate already."""

    def request_url(self, *args: Any, **kw: Any) -> str:
        """What was judged is what is sent."""
        return self._path
