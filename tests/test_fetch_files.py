"""Large files come whole and right, or not at all, and go on where they stopped."""

from __future__ import annotations

import hashlib
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.errors import FILE_SENTENCES, FetchError, FileError
from crawler.fetch import Fetcher, Limits
from errors import UserError
from tests.traps import QUICK, TrapServer, near
from tests.webhost import Reply, WebHost

WEIGHTS = bytes(range(256)) * 4096  # 1 MB
SHA = hashlib.sha256(WEIGHTS).hexdigest()
MOST = 2 * 2**20


@pytest.fixture
def host() -> Iterator[WebHost]:
    with WebHost() as started:
        started.replies["/w.bin"] = lambda _: Reply(WEIGHTS)
        yield started


def refusal(host: WebHost, path: Path, sha256: str = SHA, most: int = MOST) -> UserError:
    with pytest.raises(UserError) as refused:
        Fetcher({host.pair}).file(f"{host.url}/w.bin", path, sha256, most)
    return refused.value


def ranges(host: WebHost) -> list[str | None]:
    return [headers.get("Range") for _, headers in host.asked]


def test_a_file_comes_whole_and_says_how_far_it_is(host: WebHost, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    path = tmp_path / "new" / "w.bin"
    Fetcher({host.pair}).file(
        f"{host.url}/w.bin", path, SHA.upper(), MOST, lambda have, total: told.append((have, total))
    )
    assert path.read_bytes() == WEIGHTS
    assert [item.name for item in path.parent.iterdir()] == ["w.bin"]
    assert told[-1] == (len(WEIGHTS), len(WEIGHTS)) and len(told) > 5
    assert told == sorted(told)
    assert host.asked[0][1]["Accept-Encoding"] == "identity"


def test_a_file_that_is_there_is_not_fetched(host: WebHost, tmp_path: Path) -> None:
    path = tmp_path / "w.bin"
    path.write_bytes(WEIGHTS)
    Fetcher({host.pair}).file(f"{host.url}/w.bin", path, SHA, MOST)
    assert host.asked == []


def test_a_file_that_is_another_is_replaced(host: WebHost, tmp_path: Path) -> None:
    path = tmp_path / "w.bin"
    path.write_bytes(b"old")
    Fetcher({host.pair}).file(f"{host.url}/w.bin", path, SHA, MOST)
    assert path.read_bytes() == WEIGHTS


def test_a_download_goes_on_where_it_broke_off(host: WebHost, tmp_path: Path) -> None:
    cuts = [300_000, 700_000, None]
    host.replies["/w.bin"] = lambda times: Reply(WEIGHTS, sent=cuts[times])
    Fetcher({host.pair}).file(f"{host.url}/w.bin", tmp_path / "w.bin", SHA, MOST)
    assert (tmp_path / "w.bin").read_bytes() == WEIGHTS
    assert ranges(host) == [None, "bytes=300000-", "bytes=700000-"]


def test_a_download_goes_on_after_a_kill(host: WebHost, tmp_path: Path) -> None:
    (tmp_path / "w.bin.part").write_bytes(WEIGHTS[:500_000])
    Fetcher({host.pair}).file(f"{host.url}/w.bin", tmp_path / "w.bin", SHA, MOST)
    assert ranges(host) == ["bytes=500000-"]
    assert (tmp_path / "w.bin").read_bytes() == WEIGHTS


def test_a_kill_just_before_the_end_costs_nothing(host: WebHost, tmp_path: Path) -> None:
    (tmp_path / "w.bin.part").write_bytes(WEIGHTS)
    Fetcher({host.pair}).file(f"{host.url}/w.bin", tmp_path / "w.bin", SHA, MOST)
    assert host.asked == []
    assert [item.name for item in tmp_path.iterdir()] == ["w.bin"]


def test_a_server_that_knows_no_ranges_begins_anew(tmp_path: Path) -> None:
    with WebHost(ranges=False) as host:
        host.replies["/w.bin"] = lambda _: Reply(WEIGHTS)
        (tmp_path / "w.bin.part").write_bytes(b"x" * 500_000)
        Fetcher({host.pair}).file(f"{host.url}/w.bin", tmp_path / "w.bin", SHA, MOST)
    assert ranges(host) == ["bytes=500000-"]
    assert (tmp_path / "w.bin").read_bytes() == WEIGHTS


def test_a_beginning_longer_than_the_file_begins_anew(host: WebHost, tmp_path: Path) -> None:
    (tmp_path / "w.bin.part").write_bytes(WEIGHTS + b"more")
    Fetcher({host.pair}).file(f"{host.url}/w.bin", tmp_path / "w.bin", SHA, MOST)
    assert ranges(host) == [f"bytes={len(WEIGHTS) + 4}-", None]
    assert (tmp_path / "w.bin").read_bytes() == WEIGHTS


def test_a_file_with_another_hash_is_not_kept(host: WebHost, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"what was there")
    error = refusal(host, tmp_path / "w.bin", "0" * 64)
    assert isinstance(error, FileError) and error.code == "wrong_hash" and "w.bin" in error.message
    assert {item.name: item.read_bytes() for item in tmp_path.iterdir()} == {"w.bin": b"what was there"}


def test_a_beginning_of_another_file_is_found_out_and_thrown_away(host: WebHost, tmp_path: Path) -> None:
    (tmp_path / "w.bin.part").write_bytes(b"x" * 500_000)
    assert refusal(host, tmp_path / "w.bin").code == "wrong_hash"
    assert list(tmp_path.iterdir()) == []
    Fetcher({host.pair}).file(f"{host.url}/w.bin", tmp_path / "w.bin", SHA, MOST)
    assert (tmp_path / "w.bin").read_bytes() == WEIGHTS


def test_a_server_that_always_breaks_off_at_the_same_place_is_given_up(host: WebHost, tmp_path: Path) -> None:
    host.replies["/w.bin"] = lambda _: Reply(WEIGHTS, sent=1000)
    error = refusal(host, tmp_path / "w.bin")
    assert isinstance(error, FileError) and error.code == "broke_off"
    assert (tmp_path / "w.bin.part").read_bytes() == WEIGHTS[:1000]
    assert not (tmp_path / "w.bin").exists()
    assert len(host.asked) == 2


@pytest.mark.parametrize("most", [len(WEIGHTS) - 1, 10])
def test_a_file_over_its_limit_is_refused(host: WebHost, tmp_path: Path, most: int) -> None:
    assert refusal(host, tmp_path / "w.bin", most=most).code == "too_large"
    assert not (tmp_path / "w.bin").exists()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("endless", "too_large"),
        ("endless-chunks", "too_large"),
        ("slow-body", "too_slow"),
        ("stalled-body", "too_slow"),
        ("silent", "too_slow"),
        ("status/404", "http_status"),
        ("status/206", "bad_headers"),
        ("coded/gzip", "bad_encoding"),
        ("loop", "too_many_redirects"),
        ("redirect/http%3A%2F%2F10.0.0.1%2F", "blocked_address"),
        ("hangs-up", "unreachable"),
        ("two-lengths", "bad_headers"),
        ("short", "broke_off"),
    ],
)
def test_the_rules_of_the_one_door_hold_for_files(server: TrapServer, tmp_path: Path, path: str, code: str) -> None:
    with pytest.raises(UserError) as refused:
        near(server).file(f"{server.url}/{path}", tmp_path / "w.bin", SHA, 2**20, seconds=3)
    assert refused.value.code == code
    assert not (tmp_path / "w.bin").exists()


def test_a_silence_in_the_middle_of_a_fast_file_ends_it(server: TrapServer, tmp_path: Path) -> None:
    # At the least speed, what came so far would buy minutes of patience.
    fetcher = Fetcher({server.pair}, limits=Limits(slowest=0.001, silence=0.3))
    begin = time.monotonic()
    with pytest.raises(FetchError) as refused:
        fetcher.file(f"{server.url}/stalled-body", tmp_path / "w.bin", SHA, MOST)
    assert refused.value.code == "too_slow"
    assert time.monotonic() - begin < 2


def test_a_deadline_is_the_callers(server: TrapServer, tmp_path: Path) -> None:
    fetcher = Fetcher({server.pair}, limits=Limits(slowest=0.001, total=0.001))
    begin = time.monotonic()
    with pytest.raises(FetchError) as refused:
        fetcher.file(f"{server.url}/steady-body", tmp_path / "w.bin", SHA, MOST, seconds=0.4)
    assert refused.value.code == "too_slow"
    assert 0.3 < time.monotonic() - begin < 2


def test_a_folder_that_cannot_be_written_is_said(host: WebHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = refusal(host, tmp_path / "file" / "w.bin")
    assert isinstance(error, FileError) and error.code == "not_written"


def test_little_is_held_in_memory(host: WebHost, tmp_path: Path) -> None:
    body = b"x" * (16 * 2**20)
    host.replies["/w.bin"] = lambda _: Reply(body)
    tracemalloc.start()
    Fetcher({host.pair}).file(f"{host.url}/w.bin", tmp_path / "w.bin", hashlib.sha256(body).hexdigest(), 2**25)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_every_refusal_of_a_file_has_a_sentence() -> None:
    for code in FILE_SENTENCES:
        message = FileError(code, "w.bin").message
        assert "w.bin" in message and message.endswith(".") and len(message.split(". ")) == 2
    assert QUICK.silence == 20
