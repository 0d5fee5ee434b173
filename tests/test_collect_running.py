"""Collecting fetches what sources name, keeps each picture once, and says why when it is not enough."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.clean import Rules
from crawler.collect import Outcome, Plan, Progress, Result, Wanted, collect
from crawler.politeness import DenyList
from crawler.sources.base import Query
from errors import UserError
from tests.copies import CHANGES
from tests.drawings import drawing
from tests.drawn import jpeg
from tests.picture_site import Named, PictureSite, files_in, picture_site
from tests.pictures import encode
from tests.test_near_copies import textured

ONE = [Wanted("0A", "Lantern Bridge", Query("bridge"))]
TWO = [*ONE, Wanted("0B", "Old Mill", Query("mill"))]


@pytest.fixture
def site() -> Iterator[PictureSite]:
    with picture_site() as started:
        started.pictures = {f"{number}.jpg": jpeg(number) for number in range(40)}
        yield started


def names(first: int, last: int) -> list[str]:
    return [f"{number}.jpg" for number in range(first, last)]


def gathered(
    site: PictureSite,
    folder: Path,
    *sources: Named,
    wanted: list[Wanted] = ONE,
    plan: Plan | None = None,
    denied: DenyList | None = None,
) -> Outcome:
    by_name = {source.name: source for source in sources}
    return collect(folder, wanted, by_name, site.tools(denied=denied), plan or Plan(10, 4))


def only(outcome: Outcome) -> Result:
    (result,) = outcome.results
    return result


def rows(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_it_gets_as_many_as_were_asked_for_and_no_more(site: PictureSite, tmp_path: Path) -> None:
    outcome = gathered(site, tmp_path, site.source("a", names(0, 40)))
    assert only(outcome).sentence == "Lantern Bridge: asked for 10, got 10."
    assert files_in(tmp_path) == [f"0A/{number:06d}.jpg" for number in range(1, 11)]
    assert sum(count for name, count in site.asked.items() if name != "robots.txt") == 10


def test_sources_take_turns(site: PictureSite, tmp_path: Path) -> None:
    outcome = gathered(site, tmp_path, site.source("a", names(0, 20)), site.source("b", names(20, 40)))
    assert only(outcome).kept == 10
    assert abs(only(outcome).offered["a"] - only(outcome).offered["b"]) <= 2


def test_every_picture_has_a_row_that_says_where_it_is_from(site: PictureSite, tmp_path: Path) -> None:
    gathered(site, tmp_path, site.source("a", names(0, 1)))
    (row,) = rows(tmp_path)
    assert row["event"] == "kept"
    assert row["url"] == f"{site.url}/0.jpg"
    assert row["page"] == f"{site.url}/0.jpg.html"
    assert (row["source"], row["licence"], row["author"], row["file"]) == ("a", "CC0", "Ada", "0A/000001.jpg")
    assert len(str(row["sha256"])) == 64
    assert len(str(row["look"])) == 16
    assert str(row["time"]).endswith("Z")
    assert row["size"] == (tmp_path / "0A/000001.jpg").stat().st_size


def test_what_is_no_use_is_replaced_by_more_and_the_reasons_are_told(site: PictureSite, tmp_path: Path) -> None:
    site.pictures["1.jpg"] = b"<html>sign in</html>"
    site.pictures["2.jpg"] = jpeg(2, (100, 100))
    site.pictures["3.jpg"] = drawing("text", 1)
    site.pictures["4.jpg"] = site.pictures["0.jpg"]
    del site.pictures["5.jpg"]
    outcome = gathered(site, tmp_path, site.source("a", names(0, 40)))
    assert only(outcome).kept == 10
    assert dict(only(outcome).reasons) == {
        "not_an_image": 1, "too_small": 1, "not_a_photo": 1, "same_file": 1, "http_status": 1,
    }  # fmt: skip


def test_too_few_are_explained(site: PictureSite, tmp_path: Path) -> None:
    del site.pictures["2.jpg"]
    outcome = gathered(site, tmp_path, site.source("a", names(0, 5)), site.source("b", names(5, 7), "blocked"))
    assert only(outcome).sentence == (
        "Lantern Bridge: asked for 10, got 6. The sources offered: a 5, b 2. Dropped: http_status 1. "
        "b is not answering us right now."
    )


def test_a_source_that_fails_does_not_stop_the_others(site: PictureSite, tmp_path: Path) -> None:
    outcome = gathered(site, tmp_path, site.source("a", [], "unreachable"), site.source("b", names(0, 20)))
    assert only(outcome).kept == 10


def test_near_copies_are_kept_once(site: PictureSite, tmp_path: Path) -> None:
    import random

    photo = textured(1)
    site.pictures = {"0.jpg": encode(photo, "JPEG")}
    for number, change in enumerate(CHANGES.values(), 1):
        site.pictures[f"{number}.jpg"] = encode(change(photo.resize((640, 480)), random.Random(number)), "JPEG")
    outcome = gathered(site, tmp_path, site.source("a", names(0, len(CHANGES) + 1)))
    assert only(outcome).kept == 1
    assert only(outcome).reasons == {"near_copy": len(CHANGES)}


def test_a_picture_of_two_classes_is_kept_by_neither_and_both_are_filled(site: PictureSite, tmp_path: Path) -> None:
    shared = Named("a", [f"{site.url}/{name}" for name in names(0, 30)])

    class BySubject(Named):
        def hits(self, query):  # type: ignore[no-untyped-def]
            # Another address each, so that only the pictures tell.
            site.pictures |= {f"{query.text}-{name}": site.pictures[name] for name in names(0, 2)}
            own = names(2, 16) if query.text == "bridge" else names(16, 30)
            urls = [f"{site.url}/{query.text}-{name}" for name in names(0, 2)] + [f"{site.url}/{name}" for name in own]
            return Named("a", urls).hits(query)

    outcome = gathered(site, tmp_path, BySubject(shared.name, []), wanted=TWO)
    assert [result.kept for result in outcome.results] == [10, 10]
    withdrawn = [row["file"] for row in rows(tmp_path) if row["event"] == "withdrawn"]
    assert len(withdrawn) == 2
    assert not any((tmp_path / str(file)).exists() for file in withdrawn)
    assert len(files_in(tmp_path)) == 20


def test_equal_numbers_are_left_on_request_and_the_rest_can_come_back(site: PictureSite, tmp_path: Path) -> None:
    class Few(Named):
        def hits(self, query):  # type: ignore[no-untyped-def]
            some = names(0, 9) if query.text == "bridge" else names(9, 13)
            return Named("a", [f"{site.url}/{name}" for name in some]).hits(query)

    outcome = gathered(site, tmp_path, Few("a", []), wanted=TWO, plan=Plan(10, 4, equal=True))
    assert outcome.equal == 4
    assert len(files_in(tmp_path / "0A")) == len(files_in(tmp_path / "0B")) == 4
    again = gathered(site, tmp_path, Few("a", []), wanted=TWO)
    assert [result.kept for result in again.results] == [9, 4]
    assert len(files_in(tmp_path / "0A")) == 9
    assert max(site.asked.values()) == 1


def test_what_was_taken_down_is_not_kept(site: PictureSite, tmp_path: Path) -> None:
    gathered(site, tmp_path / "first", site.source("a", names(0, 3)))
    first, second, _ = rows(tmp_path / "first")
    denied = DenyList(pages=frozenset({str(first["page"])}), looks=frozenset({int(str(second["look"]), 16)}), near=0)
    outcome = gathered(site, tmp_path / "second", site.source("a", names(0, 3)), denied=denied)
    assert only(outcome).kept == 1
    assert only(outcome).reasons == {"opted_out": 1, "denied": 1}


def test_owners_who_opt_out_are_heard(site: PictureSite, tmp_path: Path) -> None:
    site.headers["0.jpg"] = {"X-Robots-Tag": "noai"}
    site.pictures["robots.txt"] = b"User-agent: *\nDisallow: /1.jpg"
    outcome = gathered(site, tmp_path, site.source("a", names(0, 3)))
    assert only(outcome).kept == 1
    assert only(outcome).reasons == {"opted_out": 2}
    assert site.asked["1.jpg"] == 0


def test_it_goes_on_where_it_was_without_asking_twice(site: PictureSite, tmp_path: Path) -> None:
    gathered(site, tmp_path, site.source("a", names(0, 40)))
    outcome = gathered(site, tmp_path, site.source("a", names(0, 40)), plan=Plan(20, 4))
    assert only(outcome).kept == 20
    assert len(files_in(tmp_path)) == 20
    assert max(count for name, count in site.asked.items() if name != "robots.txt") == 1


def test_what_may_be_better_later_is_asked_again(site: PictureSite, tmp_path: Path) -> None:
    missing = site.pictures.pop("0.jpg")
    gathered(site, tmp_path, site.source("a", names(0, 3)))
    site.pictures["0.jpg"] = missing
    assert only(gathered(site, tmp_path, site.source("a", names(0, 3)))).kept == 3


def test_a_picture_that_somebody_deleted_does_not_come_back(site: PictureSite, tmp_path: Path) -> None:
    gathered(site, tmp_path, site.source("a", names(0, 3)))
    (tmp_path / "0A/000002.jpg").unlink()
    outcome = gathered(site, tmp_path, site.source("a", names(0, 4)))
    assert only(outcome).kept == 3
    assert not (tmp_path / "0A/000002.jpg").exists()


def test_it_stops_when_it_is_asked_to_and_goes_on_later(site: PictureSite, tmp_path: Path) -> None:
    site.pause_s = 0.05
    told: list[Progress] = []
    sources = {"a": site.source("a", names(0, 40))}
    outcome = collect(
        tmp_path, ONE, sources, site.tools(), Plan(40, 2), told.append, lambda: len(list(tmp_path.glob("0A/*.jpg"))) > 3
    )
    assert outcome.stopped
    assert only(outcome).kept < 40
    assert (told[-1].kept, told[-1].wanted) == (only(outcome).kept, 40)
    site.pause_s = 0
    assert only(collect(tmp_path, ONE, sources, site.tools(), Plan(40, 4))).kept == 40


def test_two_runs_cannot_share_a_folder(site: PictureSite, tmp_path: Path) -> None:
    from crawler.manifest import Manifest

    with Manifest(tmp_path), pytest.raises(UserError) as refused:
        gathered(site, tmp_path, site.source("a", names(0, 1)))
    assert refused.value.code == "in_use"


@pytest.mark.parametrize("folder", ["", ".hidden", "a/b", "..", "a\\b"])
def test_folders_stay_inside(site: PictureSite, tmp_path: Path, folder: str) -> None:
    with pytest.raises(UserError):
        gathered(site, tmp_path, site.source("a", []), wanted=[Wanted(folder, "x", Query("x"))])


def test_our_own_errors_end_the_run_and_are_seen(site: PictureSite, tmp_path: Path) -> None:
    class Broken(Named):
        def hits(self, query):  # type: ignore[no-untyped-def]
            yield from Named("a", [f"{site.url}/0.jpg"]).hits(query)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        gathered(site, tmp_path, Broken("a", []))


def test_a_body_that_never_ends_costs_its_deadline_and_nothing_more(tmp_path: Path) -> None:
    from crawler.clean import clean
    from crawler.collect import Tools
    from tests.picture_site import DECODER
    from tests.traps import TrapServer, near

    with picture_site() as good, TrapServer() as bad:
        good.pictures = {f"{number}.jpg": jpeg(number) for number in range(20)}
        slow, well = near(bad), good.tools()
        urls = [f"{bad.url}/steady-body", *(f"{good.url}/{name}" for name in names(0, 20))]
        tools = Tools(
            lambda hit: slow.picture(hit.image_url).body if bad.pair in hit.image_url else well.fetch(hit),
            lambda data: clean(data, Rules(), DECODER),
            well.denies,
        )
        began = time.monotonic()
        outcome = collect(tmp_path, ONE, {"a": Named("a", urls)}, tools, Plan(20, 4))
        assert only(outcome).kept == 20
        assert time.monotonic() - began < 1.2 + 10  # its deadline is 1.2 s
