"""Web addresses: the one parser, and the judge of where a request may go."""

import ipaddress
import re
from collections.abc import Container
from dataclasses import dataclass
from urllib.parse import quote

import idna

from crawler.errors import FetchError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = {"http": 80, "https": 443}
MAX_URL = 8192
MAX_HOST = 253

# Backslashes, control characters, halves of surrogate pairs: parsers disagree on them.
_FORBIDDEN = re.compile(r"[\\\x00-\x1f\x7f-\x9f\ud800-\udfff]|%00")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_REST = re.compile(r"//(?P<authority>[^/?#]+)(?P<path>[^#]*)")
_BRACKETED = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::(.*))?")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_PATH_SAFE = "%/?:@!$&'()*+,;=~"

_PRIVATE_NAMES = ("localhost", "local", "internal")

# Our own table, because ``ipaddress`` differs between Python versions and calls
# several of these global.
_DENIED = tuple(
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's metadata service on a public address
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "::/96",
        "::ffff:0:0:0/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo among them
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Target:
    """A parsed address. Requests are built from these parts, never from the text.

    ``host`` is ASCII, lower case, without brackets or a trailing dot; ``path`` begins
    with ``/``, is percent-encoded and holds the query.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def pair(self) -> str:
        """``host:port``, as ``FETCH_ALLOW_PRIVATE`` has it."""
        return f"{self._bracketed}:{self.port}"

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        return self._bracketed if self.port == PORTS[self.scheme] else self.pair

    @property
    def url(self) -> str:
        """The whole address, normalised, without a fragment."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def ip(self) -> IPAddress | None:
        """The address that the host is, or None where it is a name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def parse(url: str) -> Target:
    """The parts of an address, normalised. Raises ``bad_url/_scheme/_port``."""
    text = url.strip(" ")
    if len(text) > MAX_URL or _FORBIDDEN.search(text):
        raise FetchError("bad_url")
    scheme_match = _SCHEME.match(text)
    if scheme_match is None:
        raise FetchError("bad_url")
    scheme = scheme_match[1].lower()
    if scheme not in PORTS:
        raise FetchError("bad_scheme")
    rest = _REST.match(text, scheme_match.end())
    if rest is None:
        raise FetchError("bad_url")
    host, port = _split(rest["authority"])
    return Target(scheme, host, _port(port, scheme), _path(rest["path"]))


def check_url(url: str, allow_private: Container[str] = frozenset()) -> None:
    """Raises ``FetchError`` for what is plainly wrong, without asking any resolver.

    ``allow_private`` holds ``host:port`` pairs in lower case.
    """
    check_target(parse(url), allow_private)


def check_target(target: Target, allow_private: Container[str]) -> None:
    """``check_url`` for an address that is parsed already."""
    if target.pair in allow_private:
        return
    private_name = target.host.rpartition(".")[2] in _PRIVATE_NAMES
    if private_name or (target.ip is not None and not is_public(target.ip)):
        raise FetchError("blocked_address")
    if target.port not in PORTS.values():
        raise FetchError("bad_port")


def is_public(address: IPAddress) -> bool:
    """Whether an address, or the IPv4 one inside it, is on the public internet."""
    address = _unwrap(address)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _DENIED)
    )


def _unwrap(address: IPAddress) -> IPAddress:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        inner = ipaddress.IPv4Address(address.packed[-4:])
    return inner or address


def _split(authority: str) -> tuple[str, str | None]:
    """Host and port text; a user part, a space or a zone id is refused."""
    if any(c in "@%" or c.isspace() for c in authority):
        raise FetchError("bad_url")
    if authority.startswith("["):
        return _bracketed_host(authority)
    name, colon, port = authority.rpartition(":")
    return _host(name if colon else authority), port if colon else None


def _bracketed_host(authority: str) -> tuple[str, str | None]:
    match = _BRACKETED.fullmatch(authority)
    if match is None:
        raise FetchError("bad_url")
    try:
        return str(ipaddress.IPv6Address(match[1])), match[2]
    except ValueError:
        raise FetchError("bad_url") from None


def _host(name: str) -> str:
    host = _to_ascii(name).lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise FetchError("bad_url")
    if _NUMBER.fullmatch(labels[-1]):
        # Resolvers read 127.1, 0x7f.1 and 2130706433 as addresses: only the plain
        # dotted form is let through, to be judged.
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise FetchError("bad_url") from None
    return host


def _to_ascii(name: str) -> str:
    if name.isascii() and "xn--" not in name.lower():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except UnicodeError:  # idna.IDNAError is one
        raise FetchError("bad_url") from None


def _port(text: str | None, scheme: str) -> int:
    if text is None:
        return PORTS[scheme]
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise FetchError("bad_port")
    port = int(text)
    if not 0 < port < 65536:
        raise FetchError("bad_port")
    return port


def _path(text: str) -> str:
    """Spaces and letters beyond ASCII are encoded; what was encoded stays as it is."""
    encoded = quote(_STRAY_PERCENT.sub("%25", text), safe=_PATH_SAFE)
    # In capitals, as urllib3 sends it: what was judged is what is sent.
    path = _ENCODED.sub(lambda match: match[0].upper(), encoded)
    return path if path.startswith("/") else f"/{path}"
