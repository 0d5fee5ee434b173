"""A name is resolved once, every answer is judged, and that answer is dialled (row 5)."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from crawler.errors import FetchError
from crawler.fetch import Fetcher, Limits
from crawler.wire import dial, resolve
from tests.traps import PUBLIC, QUICK, TrapServer, by_name


def refusal(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(FetchError) as refused:
        fetcher.picture(url)
    return refused.value.code


def test_a_name_is_resolved_once_so_that_it_cannot_be_rebound(server: TrapServer) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    dialled = []

    def connector(address: str, port: int, timeout: float) -> socket.socket:
        dialled.append(address)
        return socket.create_connection(("127.0.0.1", server.port), timeout)

    fetcher = Fetcher(resolver=lambda host, port: next(answers), connector=connector, limits=QUICK)
    assert fetcher.picture("http://rebound.example/ok").body == b"picture"
    assert dialled == [PUBLIC]
    assert next(answers) == ["127.0.0.1"]


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1", PUBLIC], ["64:ff9b::7f00:1"], ["fe80::1%eth0"], ["0.0.0.0"]],
)
def test_one_private_answer_refuses_the_name(server: TrapServer, answers: list[str]) -> None:
    assert refusal(by_name(server, {"mixed.example": answers}), "http://mixed.example/ok") == "blocked_address"
    assert server.connections == 0


def test_the_refusal_does_not_say_what_the_name_resolved_to(server: TrapServer) -> None:
    with pytest.raises(FetchError) as refused:
        by_name(server, {"inside.example": ["10.1.2.3"]}).picture("http://inside.example/")
    assert refused.value.message.startswith("The address points into a private network.")
    assert "10.1" not in refused.value.message and "inside" not in refused.value.message


def test_a_name_without_an_address_is_dns_failed(server: TrapServer) -> None:
    assert refusal(by_name(server, {"empty.example": []}), "http://empty.example/") == "dns_failed"
    assert refusal(Fetcher(), "http://no-such-name.invalid/") == "dns_failed"


def test_a_resolver_that_never_answers_costs_the_connecting_time_only() -> None:
    never = threading.Event()

    def stuck(host: str, port: int) -> list[str]:
        never.wait(30)
        return [PUBLIC]

    begin = time.monotonic()
    assert refusal(Fetcher(resolver=stuck, limits=Limits(connect=0.2)), "http://slow.example/") == "dns_failed"
    assert time.monotonic() - begin < 5
    never.set()


def test_the_next_address_is_tried_when_the_first_is_dead(server: TrapServer) -> None:
    def connector(address: str, port: int, timeout: float) -> socket.socket:
        if address == PUBLIC:
            raise ConnectionRefusedError
        return socket.create_connection(("127.0.0.1", server.port), timeout)

    fetcher = Fetcher(resolver=lambda host, port: [PUBLIC, "8.8.8.8"], connector=connector)
    assert fetcher.picture("http://two.example/ok").body == b"picture"


def test_dead_addresses_share_the_connecting_time() -> None:
    waits: list[float] = []

    def connector(address: str, port: int, timeout: float) -> socket.socket:
        waits.append(timeout)
        raise TimeoutError

    fetcher = Fetcher(resolver=lambda host, port: [PUBLIC] * 4, connector=connector, limits=Limits(connect=4))
    assert refusal(fetcher, "http://dead.example/") == "unreachable"
    assert waits[0] == pytest.approx(1, abs=0.1) and len(waits) == 4


def test_a_closed_port_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert refusal(Fetcher({f"127.0.0.1:{port}"}), f"http://127.0.0.1:{port}/") == "unreachable"


def test_a_connection_that_ends_elsewhere_is_refused(server: TrapServer) -> None:
    with pytest.raises(FetchError) as refused:
        dial("0.0.0.0", server.port, 1)  # Linux takes this for 127.0.0.1
    assert refused.value.code == "blocked_address"


def test_the_real_resolver_reads_odd_spellings_that_the_judge_then_sees() -> None:
    assert resolve("127.1", 80) == ["127.0.0.1"]
    assert "127.0.0.1" in resolve("localhost", 80)
