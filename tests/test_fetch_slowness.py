"""However a server dawdles, a fetch ends in time (row 14)."""

from __future__ import annotations

import socket
import ssl
import threading
import time

import pytest
import trustme

from crawler.errors import FetchError
from crawler.fetch import Fetcher, Limits
from crawler.wire import Meter
from tests.traps import QUICK, TrapServer, by_name, near

SPARE = 0.4  # for a busy machine


def ended(fetcher: Fetcher, url: str) -> tuple[str, float]:
    begin = time.monotonic()
    with pytest.raises(FetchError) as refused:
        fetcher.picture(url)
    return refused.value.code, time.monotonic() - begin


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("silent", QUICK.first_byte),
        ("slow-status", QUICK.grace),
        ("slow-headers", QUICK.grace),
        ("slow-body", QUICK.grace),
        ("slow-chunks", QUICK.grace),
        ("stalled-body", QUICK.grace),
        ("steady-body", QUICK.total),  # fast enough for its pace, too slow as a whole
    ],
)
def test_a_slow_server_costs_its_time_and_nothing_more(server: TrapServer, path: str, seconds: float) -> None:
    limits = Limits(first_byte=0.5, total=1.2, grace=0.6, slowest=QUICK.slowest if path != "steady-body" else 0.1)
    code, took = ended(near(server, limits), f"{server.url}/{path}")
    assert code == "too_slow"
    assert seconds - 0.1 < took < seconds + SPARE


def test_a_server_that_is_late_but_in_time_is_heard(server: TrapServer) -> None:
    assert near(server).picture(f"{server.url}/late").body == b"picture"


def test_redirects_share_one_deadline(server: TrapServer) -> None:
    limits = Limits(first_byte=5, total=0.5)
    code, took = ended(near(server, limits), f"{server.url}/late-loop")  # 0.2 s a hop
    assert code == "too_slow"
    assert took < 0.5 + SPARE


def test_no_time_left_before_a_redirect_is_too_slow() -> None:
    meter = Meter(Limits(total=0), 1)
    with pytest.raises(FetchError) as refused:
        meter.left(1)
    assert refused.value.code == "too_slow"


def test_a_tls_handshake_that_stalls_is_too_slow(server: TrapServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        fetcher = Fetcher(
            limits=QUICK,
            resolver=lambda host, port: ["8.8.8.8"],
            connector=lambda address, port, timeout: socket.create_connection(mute.getsockname(), timeout),
        )
        code, took = ended(fetcher, "https://mute.example/")
    assert code == "too_slow"
    assert took < QUICK.first_byte + SPARE


def test_a_slow_body_under_tls_is_too_slow_as_well() -> None:
    authority, roots = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(roots)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("slow.example").configure_cert(context)
    with TrapServer(context) as secure:
        code, took = ended(by_name(secure, tls=roots), "https://slow.example/slow-body")
    assert code == "too_slow"
    assert took < QUICK.grace + SPARE


def test_the_thread_is_free_after_the_deadline(server: TrapServer) -> None:
    fetches = [
        threading.Thread(target=ended, args=(near(server), f"{server.url}/{path}"))
        for path in ("silent", "slow-headers", "slow-body", "stalled-body")
    ]
    for fetch in fetches:
        fetch.start()
    for fetch in fetches:
        fetch.join(QUICK.total + SPARE)
    assert not any(fetch.is_alive() for fetch in fetches)


def test_the_usual_limits_are_those_of_the_reference() -> None:
    usual = Limits()
    assert (usual.connect, usual.first_byte, usual.total) == (5, 10, 20)
    assert (usual.slowest, usual.grace, usual.redirects) == (1024, 5, 4)
    assert (usual.picture_bytes, usual.page_bytes, usual.header_bytes) == (10 * 2**20, 4 * 2**20, 64 * 2**10)
