"""What dies comes back, and nothing that was asked is lost."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.drawn import jpeg
from tests.site import Site, processes, until


def healthy(site: Site) -> bool:
    return site.get("/healthz").status_code == 200


@contextmanager
def without(site: Site, words: str) -> Iterator[None]:
    """Kill a server and keep it down for a while: its supervisor sleeps meanwhile."""
    supervisor = processes(site, "supervisord")[0]
    supervisor.suspend()
    try:
        for process in processes(site, words):
            process.kill()
        yield
    finally:
        supervisor.resume()
        until(lambda: healthy(site), 60, "recovery")


def test_every_search_is_answered_though_workers_are_killed(site: Site) -> None:
    def send(seed: int) -> dict[str, Any]:
        posted: dict[str, Any] = site.post(jpeg(1000 + seed)).json()
        return posted

    workers = processes(site, "search@")
    for process in workers:
        process.suspend()
    with ThreadPoolExecutor(25) as pool:
        posted = list(pool.map(send, range(50)))
    assert [search["state"] for search in posted] == ["queued"] * 50
    for process in workers:
        process.resume()
    first = posted[0]["url"]
    until(lambda: site.get(first).json()["state"] == "done", 30, "the first answer")
    for process in processes(site, "search@"):
        process.kill()
    for search in posted:
        assert site.ended(search, 150)["state"] == "done"


def test_a_search_worker_that_is_gone_is_named_by_healthz(site: Site) -> None:
    assert site.get("/healthz").json()["ok"]
    with without(site, "search@"):
        until(lambda: not healthy(site), 10, "the loss being noticed")
        assert site.get("/healthz").json()["parts"] == {
            "web": "ok", "database": "ok", "broker": "ok", "search_worker": "not answering",
        }  # fmt: skip
        waiting = site.post(jpeg(31))
        assert waiting.status_code == 202
        assert waiting.json()["state"] == "queued"
    assert site.ended(waiting.json(), 90)["state"] == "done"


def test_a_broker_that_is_gone_refuses_at_once_and_stores_nothing(site: Site) -> None:
    with without(site, "valkey-server"):
        began = time.monotonic()
        answer = site.post(jpeg(32))
        assert time.monotonic() - began < 2
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "queue_down")
        assert "Retry-After" in answer.headers
        assert not list((site.var_dir / "media" / "searches").iterdir())
    assert site.ended(site.post(jpeg(32)).json())["state"] == "done"


def test_a_database_that_is_gone_is_a_plain_503(site: Site) -> None:
    with without(site, "/postgres"):
        page = site.get("/places/")
        assert page.status_code == 503
        assert "<html" in page.text
        api = site.get("/api/v1/places/")
        assert (api.status_code, api.json()["error"]["code"]) == (503, "busy")
        until(lambda: not healthy(site), 10, "the loss being noticed")
        assert site.get("/healthz").json()["parts"]["database"] == "not answering"
    assert site.get("/places/").status_code == 200


def test_clients_that_send_half_a_request_and_then_nothing_keep_nobody_waiting(site: Site) -> None:
    host = urlsplit(site.url)
    head = b"POST /api/v1/searches/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    halves = (
        b"GET / HTTP/1.1\r\nX: ",
        head + b"Content-Length: 9000\r\n\r\n",
        head + b"Content-Length: 99999999\r\n\r\n",
    )
    for half in halves:
        silent = [socket.create_connection((host.hostname, host.port)) for _ in range(40)]
        try:
            for connection in silent:
                connection.sendall(half)
            began = time.monotonic()
            assert site.get("/api/v1/places/").status_code == 200
            assert time.monotonic() - began < 3
        finally:
            for connection in silent:
                connection.close()


def test_many_who_ask_for_health_at_once_harm_nobody(site: Site) -> None:
    with ThreadPoolExecutor(60) as pool:
        assert [answer.status_code for answer in pool.map(lambda _: site.get("/healthz"), range(60))] == [200] * 60
    assert site.get("/places/").status_code == 200


def test_clients_that_drip_their_head_lose_their_threads_after_a_while(site: Site) -> None:
    host = urlsplit(site.url)
    dripping = [socket.create_connection((host.hostname, host.port)) for _ in range(120)]
    try:
        for connection in dripping:
            connection.sendall(b"GET / HTTP/1.1\r\nX: ")

        def answered() -> bool:
            for connection in dripping:
                try:
                    connection.sendall(b"x")
                except OSError:
                    continue  # given up
            try:
                return requests.get(f"{site.url}/api/v1/places/", timeout=1).status_code == 200
            except requests.RequestException:
                return False

        until(answered, 40, "an answer beside those that drip")
    finally:
        for connection in dripping:
            connection.close()
