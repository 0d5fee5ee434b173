"""Collecting and the gates on the running site: from the admin's form through its workers into the review."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.site import Site, until
from tests.test_admin import Admin, admin, manage

__all__ = ["admin"]
KEPT_WITHIN_S = 60


@pytest.fixture
def steady_bing(site: Site) -> Iterator[None]:
    site.bing.shape = "ok"
    yield
    site.bing.shape = "ok"


def begin(admin: Admin, slug: str, per_place: int) -> str:
    """Fill in the form and return the address of the run."""
    page = admin.get(f"{admin.site.url}/admin/collecting/?place={slug}").text
    chosen = re.search(r'<option value="(\d+)" selected>', page)
    assert chosen
    fields = {"places": chosen[1], "sources": "bing", "per_place": str(per_place), "drawings": "on"}
    answer = admin.form(f"/admin/collecting/?place={slug}", fields)
    assert re.search(r"/admin/collecting/\d+/$", answer.url), re.findall(r"errorlist.*", answer.text)
    return answer.url


def state(admin: Admin, run: str) -> dict[str, object]:
    return dict(admin.get(f"{run}state/").json())


def queue(site: Site, *arguments: str) -> dict[str, object]:
    return dict(json.loads(manage(site, "review_queue", "--json", "--place", "petra", *arguments)))


def test_pictures_come_from_a_source_through_the_workers_into_the_review(admin: Admin, steady_bing: None) -> None:
    run = begin(admin, "petra", 1)
    until(lambda: state(admin, run)["state"] == "done", KEPT_WITHIN_S, "the run's end")
    counts = state(admin, run)["counts"]
    assert isinstance(counts, dict) and counts["places"] == {"petra": 1}
    review = f"{admin.site.url}/admin/review/?place=petra&source=bing&status=second_look"
    # A drawing of two rectangles passes the first gate, being a file that can be read, and no other.
    shown = until(lambda: cards(admin, review), KEPT_WITHIN_S, "the second look")
    page = admin.get(run).text
    assert "Kept of each place" in page and 'http-equiv="refresh"' not in page
    printed = queue(admin.site, "--status", "second_look", "--source", "bing")
    assert {line["id"] for line in printed["next"]} == set(shown)  # type: ignore[attr-defined]
    decide(admin, review, shown, "rejected")
    again = begin(admin, "petra", 1)
    until(lambda: state(admin, again)["state"] == "done", KEPT_WITHIN_S, "the second run's end")
    reasons = state(admin, again)["counts"]["reasons"]  # type: ignore[index]
    assert reasons["denied"] >= 1, "what was rejected never comes back"


def cards(admin: Admin, address: str) -> list[str]:
    """Return the pictures of a page of the review once there is one."""
    found = re.findall(r'data-id="([0-9a-f-]{36})"', admin.get(address).text)
    return found


def decide(admin: Admin, review: str, pictures: list[str], status: str) -> None:
    values = re.findall(r'name="picture" value="([^"]+)"', admin.get(review).text)
    path = review.removeprefix(admin.site.url)
    answer = admin.form(path, {"picture": values, "decide": status})  # type: ignore[dict-item]
    assert f"{len(pictures)} picture done." in answer.text


def test_a_run_is_stopped_from_its_page_and_goes_on(admin: Admin, site: Site) -> None:
    site.bing.shape = "slow"  # it answers after two seconds
    try:
        run = begin(admin, "stonehenge", 1)
        until(lambda: state(admin, run)["state"] == "running", KEPT_WITHIN_S, "its beginning")
        assert 'http-equiv="refresh"' in admin.get(run).text
        other = begin(admin, "petra", 1)
        assert "One run is at work at a time" in admin.get(other).text
        for each in (other, run):
            path = each.removeprefix(site.url)
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', admin.get(each).text)
            assert token
            told = {"csrfmiddlewaretoken": token[1], "stop": "1"}
            assert admin.post(f"{site.url}{path}change/", data=told, headers={"Referer": each}).status_code == 200
        until(lambda: state(admin, run)["state"] == "stopped", KEPT_WITHIN_S, "its end")
        assert state(admin, other)["state"] == "stopped"
    finally:
        site.bing.shape = "ok"
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', admin.get(run).text)
    assert token
    told = {"csrfmiddlewaretoken": token[1], "go": "1"}
    admin.post(f"{run}change/", data=told, headers={"Referer": run})
    until(lambda: state(admin, run)["state"] == "done", KEPT_WITHIN_S, "its end")


def test_a_form_that_makes_no_sense_comes_back_with_the_reason(admin: Admin) -> None:
    answer = admin.form("/admin/collecting/", {"per_place": "0", "sources": "bing"})
    assert "errorlist" in answer.text
    nothing = admin.form("/admin/collecting/", {"per_place": "5", "sources": "bing"})
    assert "at least one place" in nothing.text
    assert admin.get(f"{admin.site.url}/admin/collecting/999999/").status_code == 404
