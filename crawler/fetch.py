"""The only door to the network: every address is judged, and everything is bounded."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlencode, urljoin

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, InvalidHeader

from crawler import body, download, wire
from crawler.addresses import Target, check_target, check_url, is_public, parse
from crawler.errors import FetchError
from crawler.optout import opted_out
from crawler.wire import Connector, Limits, Meter, Resolver

__all__ = ["PRODUCT", "USER_AGENT", "Fetched", "Fetcher", "Limits", "check_url"]

PRODUCT = "search-by-image"
USER_AGENT = f"Mozilla/5.0 (compatible; {PRODUCT}/1.0)"

_REDIRECTS = {301, 302, 303, 307, 308}
Judge = Callable[[Target], None]

_USUAL = Limits()
_LONGEST_WAIT = 24 * 3600.0


@dataclass(frozen=True)
class Fetched:
    """An answer with status 200. ``complete`` is false where the body broke off."""

    url: str  # after redirects
    status: int
    headers: Mapping[str, str]  # names in any case
    body: bytes
    complete: bool = True


@dataclass(frozen=True)
class _Manners:
    """Which redirects are followed: within a host only, from https to http or not.

    ``judge`` sees each hop before it is asked, and raises for one that must not be.
    """

    within_host: str | None = None
    to_plain_http: bool = True
    judge: Judge | None = None
    statuses: frozenset[int] = frozenset({200})


class Fetcher:
    """Fetches from public addresses, and from the ``host:port`` pairs allowed.

    Keeps nothing between two calls; several threads may share one. Every failure is a
    ``FetchError``. ``resolver``, ``connector`` and ``tls`` are for tests and for
    networks with names or certificates of their own.
    """

    def __init__(
        self,
        allow_private: Collection[str] = frozenset(),
        user_agent: str = USER_AGENT,
        limits: Limits = _USUAL,
        *,
        resolver: Resolver = wire.resolve,
        connector: Connector = wire.dial,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.allow_private = frozenset(pair.strip().lower() for pair in allow_private)
        self.limits = limits
        self._user_agent = user_agent
        self._resolver = resolver
        self._connector = connector
        self._tls = tls or wire.trusted_roots()

    def picture(self, url: str, *, collecting: bool = False, judge: Judge | None = None) -> Fetched:
        """The bytes of a picture, undecoded, at most ``limits.picture_bytes``.

        ``collecting`` honours the owner's opt-out headers before the body is read. ``judge``
        is called with each hop before it is asked, and may raise ``FetchError``.
        """
        most = self.limits.picture_bytes
        meter = Meter(self.limits, most)
        asked = {"Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}
        with self._opened(url, asked, meter, _Manners(judge=judge)) as (target, response):
            robots = response.raw.headers.getlist("X-Robots-Tag")
            if collecting and opted_out(robots, response.headers, PRODUCT):
                raise FetchError("opted_out")
            if body.coding(response):
                raise FetchError("bad_encoding")
            data, complete = body.read(response, meter, most)
        return _fetched(target, response, data, complete)

    def page(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        within_host: str | None = None,
    ) -> Fetched:
        """A page or document, decoded, at most ``limits.page_bytes``.

        ``params`` are added to the query. A redirect that leaves ``within_host`` and
        the hosts under it is not followed but ends as ``http_status``.
        """
        most = self.limits.page_bytes
        meter = Meter(self.limits, most)
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        asked = {"Accept-Encoding": "gzip, deflate", **(headers or {})}
        manners = _Manners(within_host, to_plain_http=False)
        with self._opened(url, asked, meter, manners) as (target, response):
            coding = body.coding(response)
            if coding not in ("", "gzip", "x-gzip", "deflate"):
                raise FetchError("bad_encoding")
            data, complete = body.read(response, meter, most)
        if coding:
            data, whole = body.inflated(data, coding, meter, most)
            complete = complete and whole
        return _fetched(target, response, data, complete)

    def file(
        self,
        url: str,
        path: Path,
        sha256: str,
        max_bytes: int,
        progress: download.Progress | None = None,
        seconds: float = 3600.0,
    ) -> None:
        """Download to ``path``: whole and with the right hash (hexadecimal), or not at all.

        What came so far lies beside it as ``.part``, and another call goes on from there. A file
        that is there already is not fetched. ``progress`` is called with the bytes that are there
        and those that there will be, where that is known. Raises ``FetchError`` or ``FileError``.
        """
        meter = Meter(replace(self.limits, total=seconds), max_bytes)
        manners = _Manners(to_plain_http=False, statuses=frozenset({200, 206}))

        @contextmanager
        def ask(headers: Mapping[str, str]) -> Iterator[requests.Response]:
            with self._opened(url, {"Accept-Encoding": "identity", **headers}, meter, manners) as (_, response):
                yield response

        download.whole(ask, path, sha256, meter, max_bytes, progress)

    @contextmanager
    def _opened(
        self, url: str, headers: Mapping[str, str], meter: Meter, manners: _Manners
    ) -> Iterator[tuple[Target, requests.Response]]:
        """The good answer at the end of the redirects, its body unread."""
        target = parse(url)
        for _ in range(self.limits.redirects + 1):
            if manners.judge is not None:
                manners.judge(target)
            response = self._ask(target, headers, meter)
            try:
                onward = _redirect(target, response, manners)
                if onward is None:
                    _check_status(response, manners.statuses)
                    yield target, response
                    return
                target = onward
            finally:
                response.close()
        raise FetchError("too_many_redirects")

    def _ask(self, target: Target, headers: Mapping[str, str], meter: Meter) -> requests.Response:
        """One request, without redirects. The body of the answer is not read yet."""
        addresses = self._judged(target, meter)
        adapter = wire.Adapter(target, lambda: self._connected(target, addresses, meter), meter, self._tls)
        request = requests.PreparedRequest()
        request.method = "GET"
        request.url = target.url
        request.headers = self._headers(target, headers)
        try:
            response = adapter.send(request, stream=True)
        except (requests.RequestException, HTTPError) as error:
            raise _as_fetch_error(error) from None
        meter.answered()
        return response

    def _judged(self, target: Target, meter: Meter) -> list[str]:
        """The addresses to connect to. One private among them refuses them all."""
        check_target(target, self.allow_private)
        if target.ip is not None:
            return [target.host]
        wait = meter.left(self.limits.connect)
        addresses = wire.resolve_within(wait, self._resolver, target.host, target.port)
        if not addresses:
            raise FetchError("dns_failed")
        public = all(is_public(ip_address(address)) for address in addresses)
        if not public and target.pair not in self.allow_private:
            raise FetchError("blocked_address")
        return addresses

    def _connected(self, target: Target, addresses: list[str], meter: Meter) -> socket.socket:
        """A socket to the first address that answers; they share the waiting time."""
        until = time.monotonic() + meter.left(self.limits.connect)
        for tried, address in enumerate(addresses):
            left = max(until - time.monotonic(), 0.01)
            try:
                share = left / (len(addresses) - tried)
                return self._connector(address, target.port, share)
            except OSError:
                continue
        raise FetchError("unreachable")

    def _headers(self, target: Target, headers: Mapping[str, str]) -> CaseInsensitiveDict[str]:
        """What is sent; a value with control characters is left out."""
        sent = {"User-Agent": self._user_agent, **headers}
        sent |= {"Host": target.authority, "Connection": "close"}
        return CaseInsensitiveDict(
            (name, value) for name, value in sent.items() if value.isascii() and value.isprintable()
        )


def _fetched(target: Target, response: requests.Response, data: bytes, complete: bool) -> Fetched:
    return Fetched(target.url, response.status_code, response.headers, data, complete)


def _redirect(target: Target, response: requests.Response, manners: _Manners) -> Target | None:
    """Where the answer leads on to, or None where it is to be taken as it is."""
    location = response.headers.get("Location", "")
    if response.status_code not in _REDIRECTS or not location:
        return None
    # Headers are read as Latin-1, but servers write UTF-8.
    text = location.encode("latin-1").decode("utf-8", "replace")
    try:
        onward = parse(urljoin(target.url, text))
    except ValueError:
        raise FetchError("bad_url") from None
    downgrade = target.scheme == "https" and onward.scheme == "http"
    if downgrade and not manners.to_plain_http:
        raise FetchError("bad_scheme")
    return onward if _within(onward.host, manners.within_host) else None


def _within(host: str, family: str | None) -> bool:
    return family is None or host == family or host.endswith(f".{family}")


def _check_status(response: requests.Response, statuses: Collection[int]) -> None:
    if response.status_code not in statuses:
        raise FetchError(
            "http_status",
            status=response.status_code,
            retry_after=_retry_after(response.headers.get("Retry-After", "")),
        )


def _retry_after(value: str) -> float | None:
    """Seconds, from a number or a date, at most a day."""
    try:
        if value.strip().isdigit():
            seconds = float(value)
        else:
            until = parsedate_to_datetime(value)
            seconds = (until.astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def _as_fetch_error(error: Exception) -> FetchError:
    if isinstance(error, requests.exceptions.SSLError):
        return FetchError("tls_failed")
    if isinstance(error, requests.Timeout):
        return FetchError("too_slow")
    malformed = (http.client.HTTPException, InvalidHeader)
    if any(isinstance(cause, malformed) for cause in _chain(error)):
        return FetchError("bad_headers")
    return FetchError("unreachable")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
