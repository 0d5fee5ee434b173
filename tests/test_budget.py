"""A service gets no more requests a day than it allows, whoever asks."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler.budget import Budget
from crawler.fetch import Fetcher
from crawler.politeness import Manners
from crawler.sources.bing import Bing
from tests.standins import BingStandIn

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_what_is_spent_comes_back_the_next_day(tmp_path: Path) -> None:
    budget = Budget(tmp_path, "bing", 2)
    assert [budget.spend(NOON), budget.spend(NOON), budget.spend(NOON)] == [None, None, 12 * 3600]
    assert budget.spend(NOON.replace(day=22)) is None
    assert [path.name for path in tmp_path.iterdir()] == ["bing-2026-11-22"]


def spent(folder: Path) -> int:
    budget = Budget(folder, "bing", 100)
    return sum(budget.spend(NOON) is None for _ in range(50))


def test_all_processes_share_it(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3) as pool:
        for number in range(20):
            assert sum(pool.map(spent, [tmp_path / str(number)] * 3)) == 100


def test_where_nothing_can_be_written_nothing_is_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert Budget(tmp_path / "file", "bing", 0).spend(NOON) is None


def test_a_source_whose_requests_are_spent_is_blocked_until_tomorrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bing, "daily", 1)
    with BingStandIn() as standin:
        manners = Manners(delays=False, counts=tmp_path)
        bing = Bing(Fetcher({standin.pair}), standin.url, manners=manners)
        assert bing.search("Lantern Bridge").state == "ok"
        page = bing.search("Lantern Bridge")
    assert page.state == "blocked"
    assert page.retry_after is not None
    assert 0 < page.retry_after <= 86_400
