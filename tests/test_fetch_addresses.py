"""Which addresses are let through, before anything is sent (rows 1-4, 8-10, 12)."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.addresses import is_public, parse
from crawler.errors import SENTENCES, FetchError
from crawler.fetch import Fetcher, check_url
from tests.traps import TrapServer, by_name

CONTRACT_CODES = [
    *("bad_url", "bad_scheme", "bad_port", "blocked_address", "dns_failed", "tls_failed", "unreachable"),
    *("http_status", "too_many_redirects", "too_large", "too_slow", "bad_encoding", "bad_headers", "opted_out"),
]

PRIVATE = [
    "127.0.0.1", "10.0.0.5", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.100.100.200", "0.0.0.0", "255.255.255.255", "224.0.0.1", "239.1.1.1", "240.0.0.1", "168.63.129.16",
    "192.0.0.8", "192.0.0.192", "192.88.99.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.7",
    "::1", "::", "fc00::1", "fd00:ec2::254", "fe80::1", "ff02::1", "fec0::1", "5f00::1", "3fff::1",
    "2001:db8::1", "100::1", "2001:10::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "::a9fe:a9fe",
    "2002:7f00:1::", "2002:a00:5::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::ffff:0:127.0.0.1", "2002:a83f:8110::", "64:ff9b::e000:1",
]  # fmt: skip

PUBLIC = [
    "8.8.8.8", "1.1.1.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1",
    "168.63.129.17", "11.0.0.1", "126.0.0.1", "128.0.0.1", "223.255.255.1", "2606:4700::1111",
    "2a00:1450:4001::1", "64:ff9b::808:808", "2002:808:808::", "::ffff:8.8.8.8",
]  # fmt: skip

BLOCKED_NAMES = ["localhost", "LOCALHOST", "localhost.", "a.localhost", "x.local", "metadata.google.internal"]

REFUSED = {
    # Odd spellings of IPv4 (row 4)
    "http://2130706433/": "bad_url",
    "http://0x7f000001/": "bad_url",
    "http://0177.0.0.1/": "bad_url",
    "http://127.1/": "bad_url",
    "http://0/": "bad_url",
    "http://0x7f.1/": "bad_url",
    "http://0X7F.0.0.1/": "bad_url",
    "http://1.2.3.4.5/": "bad_url",
    "http://256.1.1.1/": "bad_url",
    "http://example.123/": "bad_url",
    "http://0x/": "bad_url",
    "http://①②⑦.⓪.⓪.①/": "blocked_address",
    "http://127。0。0。1/": "blocked_address",
    "http://１２７.0.0.1/": "blocked_address",
    "http://127.0.0.1./": "blocked_address",
    # Schemes (row 8)
    "file:///etc/passwd": "bad_scheme",
    "ftp://example.com/a.jpg": "bad_scheme",
    "gopher://example.com/": "bad_scheme",
    "dict://example.com:11211/": "bad_scheme",
    "data:image/png;base64,AAAA": "bad_scheme",
    "javascript:alert(1)": "bad_scheme",
    "blob:https://example.com/1": "bad_scheme",
    "//example.com/a.jpg": "bad_url",
    "example.com/a.jpg": "bad_url",
    "http:example.com": "bad_url",
    "http:/example.com": "bad_url",
    "http:///example.com": "bad_url",
    "http://": "bad_url",
    "http://?x": "bad_url",
    "": "bad_url",
    "   ": "bad_url",
    "a picture": "bad_url",
    # A user part, and what parsers disagree on (row 9)
    "http://good.example@127.0.0.1/": "bad_url",
    "http://127.0.0.1#@good.example/": "blocked_address",
    "http://good.example\\@127.0.0.1/": "bad_url",
    "http://a:b@example.com/": "bad_url",
    "http://@example.com/": "bad_url",
    "http://exam\tple.com/": "bad_url",
    "http://exam\nple.com/": "bad_url",
    "http://example.com/a\r\nHost: evil": "bad_url",
    "http://example.com/\x00": "bad_url",
    "http://exam ple.com/": "bad_url",
    "http://exam\u00a0ple.com/": "bad_url",
    "http://example.com%00.evil.com/": "bad_url",
    "http://example.com/a%00.jpg": "bad_url",
    "http://ex%61mple.com/": "bad_url",
    "http://example.com\\a/": "bad_url",
    "http://example.com:80:80/": "bad_url",
    "http://[::1/": "bad_url",
    "http://::1/": "bad_url",
    "http://[::1]x/": "bad_url",
    "http://[v1.a]/": "bad_url",
    "http://[fe80::1%25eth0]/": "bad_url",
    "http://[fe80::1%eth0]/": "bad_url",
    "http://example.com/\ud800": "bad_url",
    # Ports (row 10)
    "http://example.com:22/": "bad_port",
    "http://example.com:25/": "bad_port",
    "http://example.com:6379/": "bad_port",
    "http://example.com:8080/": "bad_port",
    "http://example.com:0/": "bad_port",
    "http://example.com:99999/": "bad_port",
    "http://example.com:/": "bad_port",
    "http://example.com:-80/": "bad_port",
    "http://example.com:８０/": "bad_port",
    # Names (row 12)
    "http://xn--/": "bad_url",
    "http://xn--../": "bad_url",
    "http://" + "a" * 300 + "/": "bad_url",
    "http://xn--a\u00fc.com/": "bad_url",
    "http://" + "a" * 64 + ".com/": "bad_url",
    "http://" + "a." * 150 + "com/": "bad_url",
    "http://a..com/": "bad_url",
    "http://-a.com/": "bad_url",
    "http://exa<mple.com/": "bad_url",
    "http://example.com/" + "a" * 10_000: "bad_url",
}

NORMALISED = {
    "HTTP://EXAMPLE.com": "http://example.com/",
    "https://example.com:443/a": "https://example.com/a",
    "http://example.com:443/a": "http://example.com:443/a",
    "http://example.com./a": "http://example.com/a",
    "  http://example.com/a b.jpg  ": "http://example.com/a%20b.jpg",
    "http://example.com/Tür/風.jpg?q=ä ö#part": "http://example.com/T%C3%BCr/%E9%A2%A8.jpg?q=%C3%A4%20%C3%B6",
    "http://example.com/a%20b%zz": "http://example.com/a%20b%25zz",
    "http://example.com/a%0d%0aHost:evil": "http://example.com/a%0D%0AHost:evil",
    "http://example.com?x=1": "http://example.com/?x=1",
    "http://example.com/a@b:c": "http://example.com/a@b:c",
    "http://ｅｘａｍｐｌｅ.com/": "http://example.com/",
    "http://bücher.example/": "http://xn--bcher-kva.example/",
    "http://XN--BCHER-KVA.example/": "http://xn--bcher-kva.example/",
    "http://пример.рф/": "http://xn--e1afmkfd.xn--p1ai/",
    "http://p\u0430ypal.example/": "http://xn--pypal-4ve.example/",  # a Cyrillic letter shows
    "http://my_host.example.com/": "http://my_host.example.com/",
    "http://com/": "http://com/",
    "http://[2606:4700:0:0::1111]/": "http://[2606:4700::1111]/",
    "http://8.8.8.8/x": "http://8.8.8.8/x",
}


def literal(address: str) -> str:
    return f"http://[{address}]/" if ":" in address else f"http://{address}/"


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    with pytest.raises(FetchError) as refused:
        check_url(literal(address))
    assert refused.value.code == "blocked_address"


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_let_through(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    check_url(literal(address))


@pytest.mark.parametrize("name", BLOCKED_NAMES)
def test_a_name_that_is_private_by_its_nature_is_refused(name: str) -> None:
    with pytest.raises(FetchError) as refused:
        check_url(f"http://{name}/")
    assert refused.value.code == "blocked_address"


@pytest.mark.parametrize(("url", "code"), REFUSED.items())
def test_a_url_is_refused_with_its_code(url: str, code: str) -> None:
    with pytest.raises(FetchError) as refused:
        check_url(url)
    assert refused.value.code == code


@pytest.mark.parametrize(("url", "normal"), NORMALISED.items())
def test_a_url_is_normalised_once_and_for_all(url: str, normal: str) -> None:
    check_url(url)
    assert parse(url).url == normal
    assert parse(normal).url == normal


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/", "http://LocalHost:80/", "http://[::1]:9000/"])
def test_an_allowed_pair_is_exempt_and_nothing_else_is(url: str) -> None:
    pair = parse(url).pair
    check_url(url, {pair})
    for other in ({pair.replace("9000", "9001").replace(":80", ":81")}, {parse(url).host}, {"x" + pair}, set()):
        with pytest.raises(FetchError):
            check_url(url, other)


def test_an_allowed_pair_may_be_written_in_any_case() -> None:
    with TrapServer() as server:
        fetcher = Fetcher({f" LOCALHOST:{server.port} "})
        assert fetcher.picture(f"http://localhost:{server.port}/ok").body == b"picture"


@pytest.mark.parametrize("url", [literal(address) for address in PRIVATE[:12]] + list(REFUSED))
def test_nothing_is_sent_to_what_is_refused(url: str) -> None:
    with TrapServer() as listener, pytest.raises(FetchError):
        by_name(listener).picture(url)
    assert listener.connections == 0


def test_every_code_of_the_contract_has_two_sentences_of_its_own() -> None:
    assert list(SENTENCES) == CONTRACT_CODES
    messages = [FetchError(code, status=404).message for code in CONTRACT_CODES]
    assert all(message.count(". ") >= 1 and message.endswith(".") for message in messages)
    assert len(set(messages)) == len(messages)
    assert "404" in FetchError("http_status", status=404).message


HOSTS = st.from_regex(r"[a-zA-Z0-9.@:\[\]_%üß。①\\-]{1,24}", fullmatch=True)


@settings(max_examples=150, deadline=None)
@given(host=HOSTS, path=st.text(max_size=20))
def test_the_host_that_was_judged_is_the_host_that_is_asked(host: str, path: str) -> None:
    resolved: list[str] = []
    with TrapServer() as server:
        fetcher = by_name(server, resolved=resolved)
        try:
            fetcher.picture(f"http://{host}/{path}")
        except FetchError:
            assert server.connections == 0
        else:
            asked = parse(f"http://{host}/{path}")
            assert server.header("Host") == asked.authority
            assert resolved == ([] if asked.ip else [asked.host])
            assert server.line() == f"GET {asked.path} HTTP/1.1"
