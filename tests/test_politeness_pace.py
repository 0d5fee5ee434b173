"""A host is asked at its pace: pauses, Retry-After, patience with what may pass."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from crawler.errors import FetchError
from crawler.fetch import Fetcher, Limits
from crawler.politeness import Clock, Manners, Polite, Rest, Turns, user_agent
from tests.sources import FakeTime
from tests.webhost import PICTURE, Reply, WebHost


def polite(host: WebHost, time: FakeTime, limits: Limits | None = None, **manners: float) -> Polite:
    fetcher = Fetcher({host.pair}, limits=limits or Limits(total=5))
    return Polite(fetcher, Manners(clock=time.clock, **manners))  # type: ignore[arg-type]


def refusal(polite: Polite, url: str) -> FetchError:
    with pytest.raises(FetchError) as refused:
        polite.picture(url)
    return refused.value


def test_two_pictures_of_a_host_are_a_pause_apart() -> None:
    time = FakeTime()
    with WebHost() as host:
        asking = polite(host, time, pause=3)
        for number in range(4):
            assert asking.picture(f"{host.url}/{number}.jpg").body == PICTURE
    assert len(time.slept) == 3
    assert all(3 <= pause <= 6 for pause in time.slept)
    assert len(set(time.slept)) > 1  # with jitter


def test_one_host_does_not_wait_for_another() -> None:
    time = FakeTime()
    with WebHost() as one, WebHost() as other:
        asking = Polite(Fetcher({one.pair, other.pair}), Manners(pause=3, clock=time.clock))
        for host in (one, other):
            asking.picture(f"{host.url}/1.jpg")
    assert time.slept == []


def test_without_delays_nothing_is_waited_for() -> None:
    time = FakeTime()
    with WebHost() as host:
        asking = Polite(Fetcher({host.pair}), Manners(delays=False, clock=time.clock))
        for number in range(5):
            asking.picture(f"{host.url}/{number}.jpg")
    assert time.slept == []


@pytest.mark.parametrize(("delays", "most"), [(True, 2), (False, 6)])
def test_two_requests_to_a_host_are_under_way_and_any_number_without_delays(delays: bool, most: int) -> None:
    everybody = threading.Barrier(most)

    def together(times: int) -> Reply:
        everybody.wait(10)  # only that many at once get past here
        return Reply()

    with WebHost() as host:
        host.replies = {f"/{number}.jpg": together for number in range(6)}
        asking = Polite(Fetcher({host.pair}), Manners(pause=0, delays=delays))
        asking.picture(f"{host.url}/first.jpg")
        with ThreadPoolExecutor(6) as threads:
            bodies = list(threads.map(lambda n: asking.picture(f"{host.url}/{n}.jpg").body, range(6)))
    assert bodies == [PICTURE] * 6
    assert host.busy.most == most


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again_after_growing_pauses(status: int) -> None:
    time = FakeTime()
    with WebHost() as host:
        host.replies["/1.jpg"] = lambda times: Reply(status=status) if times < 2 else Reply()
        assert polite(host, time, backoff=4, pause=0).picture(f"{host.url}/1.jpg").body == PICTURE
    first, second = time.slept
    assert 2 <= first <= 4 <= second <= 8


@pytest.mark.parametrize(("status", "times"), [(404, 1), (403, 1), (410, 1), (206, 1), (503, 3)])
def test_what_will_not_pass_is_asked_once(status: int, times: int) -> None:
    with WebHost() as host:
        host.replies["/1.jpg"] = lambda _: Reply(status=status)
        assert refusal(polite(host, FakeTime()), f"{host.url}/1.jpg").status == status
    assert host.times["/1.jpg"] == times


def test_a_body_that_broke_off_is_asked_for_again() -> None:
    with WebHost() as host:
        host.replies["/1.jpg"] = lambda times: Reply(sent=4 if times < 1 else None)
        host.replies["/2.jpg"] = lambda _: Reply(sent=4)
        asking = polite(host, FakeTime())
        assert asking.picture(f"{host.url}/1.jpg").body == PICTURE
        broken = asking.picture(f"{host.url}/2.jpg")
    assert (broken.body, broken.complete) == (PICTURE[:4], False)
    assert host.times["/2.jpg"] == 3


def test_a_short_retry_after_is_waited_for_even_without_delays() -> None:
    time = FakeTime()
    with WebHost() as host:
        host.replies["/1.jpg"] = lambda times: Reply(status=429, headers={"Retry-After": "7"}) if not times else Reply()
        asking = Polite(Fetcher({host.pair}), Manners(delays=False, clock=time.clock))
        assert asking.picture(f"{host.url}/1.jpg").body == PICTURE
    assert time.slept == [7]


def test_a_long_retry_after_leaves_the_whole_host_alone() -> None:
    time = FakeTime()
    with WebHost() as host:
        host.replies["/1.jpg"] = lambda _: Reply(status=429, headers={"Retry-After": "600"})
        asking = polite(host, time, pause=0)
        for path in ("1", "2", "3"):
            error = refusal(asking, f"{host.url}/{path}.jpg")
            assert (error.code, error.status, error.retry_after) == ("http_status", 429, 600)
        assert [path for path, _ in host.asked] == ["/robots.txt", "/1.jpg"]
        assert time.slept == []
        time.now += 600
        assert asking.picture(f"{host.url}/2.jpg").body == PICTURE


def test_a_host_that_never_answers_costs_its_deadline_and_is_then_left_alone() -> None:
    waiting = threading.Event()

    def silent(times: int) -> Reply:
        waiting.wait(5)
        return Reply()

    with WebHost() as host:
        host.replies = {f"/{number}.jpg": silent for number in range(9)}
        asking = polite(host, FakeTime(), Limits(first_byte=0.05, total=1), pause=0)
        codes = [refusal(asking, f"{host.url}/{number}.jpg").code for number in range(9)]
        waiting.set()
    assert codes == ["too_slow"] * 9
    assert sum(path != "/robots.txt" for path, _ in host.asked) == 5


def test_an_answer_in_between_begins_the_count_of_failures_anew() -> None:
    rest, error = Rest(FakeTime().clock), FetchError("unreachable")
    for _ in range(3):
        for _ in range(4):
            rest.after_failure(error)
        rest.after_success()
    assert rest.left() == 0
    for _ in range(5):
        rest.after_failure(error)
    assert rest.left() == 600


def test_no_rest_is_longer_than_a_day() -> None:
    rest, error = Rest(FakeTime().clock), FetchError("unreachable")
    rest.after_block(error, 10**9)
    assert rest.left() == 86_400
    for _ in range(30):
        rest.after_block(error, None)
    assert rest.left() == 86_400


def test_the_same_error_raised_often_does_not_grow() -> None:
    rest = Rest(FakeTime().clock)
    rest.after_block(FetchError("unreachable"), 1000)
    depths = []
    for _ in range(5):
        with pytest.raises(FetchError) as refused:
            rest.check(30)
        depths.append(len(refused.traceback))
    assert len(set(depths)) == 1


def test_turns_that_were_not_used_are_not_saved_up() -> None:
    time = FakeTime()
    turns = Turns(2, 1, time.clock)
    time.now += 100
    for _ in range(3):
        with turns.taken():
            pass
    assert len(time.slept) == 2


def test_a_turn_is_given_back_when_the_request_fails() -> None:
    turns = Turns(0, 1, Clock())
    for _ in range(3):
        with pytest.raises(ValueError, match="x"), turns.taken():
            raise ValueError("x")


def test_the_name_says_who_collects_and_where_to_write() -> None:
    assert user_agent("https://a.example") == "search-by-image/1.0 (https://a.example)"
    assert user_agent("") == "search-by-image/1.0"
