"""Work on strangers' bytes costs no more than it may, and a child that dies is replaced."""

import os
import time

import psutil
import pytest

from crawler.limited import Bounds, LimitedPool

SMALL = Bounds(memory=60 * 2**20, cpu_s=0.5, wall_s=5.0, answer=1000)


def do(order: bytes) -> bytes:
    """Obey, in a child."""
    match order:
        case b"die":
            os.abort()
        case b"spin":
            while True:
                pass
        case b"sleep":
            time.sleep(3600)
        case b"swell":
            return bytes(len(bytearray(500 * 2**20)) % 7)
        case b"talk":
            return bytes(5000)
        case b"who":
            return str(os.getpid()).encode()
    return order[::-1]


@pytest.mark.parametrize("order", [b"die", b"spin", b"swell", b"talk"])
def test_work_beyond_its_bounds_has_no_answer_and_hurts_no_other(order: bytes) -> None:
    with LimitedPool(do, 1, SMALL) as pool:
        began = time.monotonic()
        assert pool(order) is None
        assert time.monotonic() - began < 30
        assert pool(b"abc") == b"cba"


def test_work_that_waits_ends_too() -> None:
    with LimitedPool(do, 1, Bounds(wall_s=0.3)) as pool:
        assert pool(b"sleep") is None
        assert pool(b"abc") == b"cba"


def test_children_are_used_again_and_end_with_the_pool() -> None:
    with LimitedPool(do, 1) as pool:
        first, second = pool(b"who"), pool(b"who")
    assert first is not None
    assert first == second
    assert not psutil.pid_exists(int(first))
