"""Proxies, cookies, netrc, certificates, and what owners ask for (row 18)."""

from __future__ import annotations

import datetime
import socket
import ssl
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from crawler.errors import FetchError
from crawler.fetch import PRODUCT, Fetcher
from crawler.optout import opted_out
from crawler.wire import trusted_roots
from tests.traps import PUBLIC, QUICK, TrapServer, by_name, near

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def secure(authority: trustme.CA, name: str, age_days: int = 0) -> TrapServer:
    """A server with a certificate for ``name`` that ran out ``age_days`` ago, if any."""
    until = datetime.datetime.now(datetime.UTC) - DAY * age_days if age_days else None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name, not_before=until - DAY if until else None, not_after=until).configure_cert(context)
    return TrapServer(context)


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_no_proxy_of_the_environment_is_touched(server: TrapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with TrapServer() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        assert near(server).picture(f"{server.url}/ok").body == b"picture"
    assert proxy.connections == 0


def test_no_password_of_a_netrc_is_sent(server: TrapServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with pytest.raises(FetchError) as refused:
        near(server).picture(f"{server.url}/status/401")
    assert (refused.value.code, refused.value.status) == ("http_status", 401)
    assert server.header("Authorization") is None


def test_another_service_that_an_answer_names_is_not_asked(server: TrapServer) -> None:
    for _ in range(2):
        assert near(server).picture(f"{server.url}/alt-svc").body == b"picture"
    assert server.connections == 2


def test_a_question_for_a_password_is_a_status_and_gets_no_answer(server: TrapServer) -> None:
    with pytest.raises(FetchError) as refused:
        near(server).picture(f"{server.url}/log-in")
    assert (refused.value.code, refused.value.status, server.connections) == ("http_status", 401, 1)


def test_a_cookie_is_not_sent_on(server: TrapServer) -> None:
    assert near(server).picture(f"{server.url}/cookie").body == b"picture"
    assert server.connections == 2
    assert server.header("Cookie") is None


def test_a_certificate_is_checked_against_the_name(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    with secure(authority, "good.example") as server:
        fetched = by_name(server, tls=trusting).picture("https://good.example/ok")
        assert (fetched.body, fetched.url) == (b"picture", "https://good.example/ok")
        assert server.header("Host") == "good.example"


@pytest.mark.parametrize(("name", "age_days"), [("other.example", 0), ("good.example", 2)])
def test_a_certificate_that_is_wrong_or_old_is_tls_failed(
    authority: trustme.CA, trusting: ssl.SSLContext, name: str, age_days: int
) -> None:
    with secure(authority, name, age_days) as server, pytest.raises(FetchError) as refused:
        by_name(server, tls=trusting).picture("https://good.example/ok")
    assert refused.value.code == "tls_failed"
    assert server.heads == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environment_cannot_make_a_certificate_trusted(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    roots = tmp_path / "roots.pem"
    authority.cert_pem.write_to_path(roots)
    monkeypatch.setenv(variable, str(roots))
    trusted_roots.cache_clear()
    with secure(authority, "good.example") as server, pytest.raises(FetchError) as refused:
        by_name(server).picture("https://good.example/ok")
    assert refused.value.code == "tls_failed"


def test_a_server_that_speaks_no_tls_is_tls_failed() -> None:
    near_end, far_end = socket.socketpair()
    far_end.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    fetcher = Fetcher(resolver=lambda host, port: [PUBLIC], connector=lambda address, port, timeout: near_end)
    with far_end, pytest.raises(FetchError) as refused:
        fetcher.picture("https://plain.example/ok")
    assert refused.value.code == "tls_failed"


def test_a_picture_may_be_redirected_to_plain_http_and_a_page_may_not(
    server: TrapServer, authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    with secure(authority, "good.example") as secured:
        fetcher = by_name(server, tls=trusting, secure_server=secured)
        url = f"https://good.example/redirect/{quote('http://good.example/ok', safe='')}"
        assert fetcher.picture(url).url == "http://good.example/ok"
        with pytest.raises(FetchError) as refused:
            fetcher.page(url)
    assert refused.value.code == "bad_scheme"


OPT_OUTS = {
    "noai": True,
    "NoImageAI": True,
    "all": False,
    "noarchive, nosnippet": False,
    "nofollow, noindex": True,
    "unavailable_after: 25 Jun 2026 15:00:00 PST, noai": True,
    "unavailable_after: Thu, 25 Jun 2026 15:00:00 GMT, noai": True,
    "unavailable_after: Thu, 25 Jun 2026 15:00:00 GMT": False,
    "otherbot: noindex, noai": False,
    f"otherbot: noindex, {PRODUCT}: noai": True,
    "otherbot: nofollow, *: none": True,
    f"{PRODUCT.upper()}: noml": True,
    "max-image-preview: large, noai": True,
    "otherbot: unavailable_after: 25 Jun 2026 15:00:00 PST, noai": False,
    ": noai": True,
    "": False,
}


@pytest.mark.parametrize(("line", "refuses"), OPT_OUTS.items())
def test_an_owners_line_is_understood(line: str, refuses: bool) -> None:
    assert opted_out([line], {}, PRODUCT) is refuses
    assert opted_out(["all", line], {}, PRODUCT) is refuses


def test_a_reservation_of_text_and_data_mining_is_an_opt_out() -> None:
    assert opted_out([], {"tdm-reservation": "1"}, PRODUCT)
    assert not opted_out([], {"tdm-reservation": "0"}, PRODUCT)


def test_an_opt_out_binds_the_collector_and_not_a_visitors_own_address(server: TrapServer) -> None:
    fetcher = Fetcher({server.pair}, limits=QUICK)
    url = f"{server.url}/robots/noai"
    assert fetcher.picture(url).body == b"bytes"
    with pytest.raises(FetchError) as refused:
        fetcher.picture(url, collecting=True)
    assert refused.value.code == "opted_out"
    assert fetcher.picture(f"{server.url}/robots/all", collecting=True).body == b"bytes"
