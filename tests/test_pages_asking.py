"""Asking in other ways than by the first page's form, without scripts."""

from __future__ import annotations

import pytest
import requests

from tests.drawn import jpeg
from tests.site import Site
from tests.visitor import Visitor, form_of, heading, tree, words

HALF = {"left": "50", "top": "0", "width": "50", "height": "100"}
SHEET = {"Sec-Fetch-Site": "none"}


def api_of(site: Site, page: requests.Response) -> str:
    """The API's address of the search that a page shows."""
    return f"/api/v1/searches/{page.url.rstrip('/').rsplit('/', 1)[1]}/"


def asked(visitor: Visitor, seed: int) -> requests.Response:
    """A photo's page once everything about it is known."""
    page = visitor.ask(jpeg(seed))
    visitor.site.ended(visitor.site.get(api_of(visitor.site, page)).json())
    return visitor.get(page.url.removeprefix(visitor.site.url))


def test_four_numbers_select_the_part_that_is_searched(site: Site) -> None:
    visitor = Visitor(site)
    page = visitor.send(visitor.get("/"), "ask", {**HALF, "url": ""}, photo=jpeg(801))
    assert site.get(api_of(site, page)).json()["crop"] == [0.5, 0, 0.5, 1]


@pytest.mark.parametrize(
    "numbers", [{"width": "60"}, {"width": ""}, {"width": "many"}, {"height": "nan"}, {"left": "-3"}]
)
def test_numbers_that_are_no_part_come_back_with_a_sentence(site: Site, numbers: dict[str, str]) -> None:
    visitor = Visitor(site)
    page = visitor.send(visitor.get("/"), "ask", {**HALF, **numbers, "url": ""}, photo=jpeg(802))
    assert page.status_code == 400
    assert "part" in tree(page).xpath("string(//p[@role='alert'][@class='wrong'])")


def test_a_part_is_selected_from_the_answer_without_sending_the_photo_again(site: Site) -> None:
    visitor = Visitor(site)
    page = asked(visitor, 803)
    part = visitor.send(page, "again/", HALF)
    assert part.url != page.url
    found = site.ended(site.get(api_of(site, part)).json())
    assert found["crop"] == [0.5, 0, 0.5, 1]
    shown = visitor.get(part.url.removeprefix(site.url))
    assert "Only the bright part was looked at." in words(shown)
    assert tree(shown).xpath("//*[@id='frame']/*[@class='crop-seen']/*/@d")
    assert "Delete now" in words(shown), "who asked for a part owns the answer to it"
    whole = visitor.send(shown, "again/", {"whole": "1"})
    assert site.ended(site.get(api_of(site, whole)).json())["crop"] is None


def test_a_bad_part_from_the_answer_is_refused_in_a_sentence(site: Site) -> None:
    visitor = Visitor(site)
    page = asked(visitor, 804)
    refused = visitor.send(page, "again/", {**HALF, "left": "90"})
    assert refused.status_code == 400
    assert "not inside the photo" in words(refused)


def test_a_deleted_photo_cannot_be_searched_again(site: Site) -> None:
    visitor = Visitor(site)
    page = asked(visitor, 805)
    visitor.send(page, "delete/")
    assert visitor.send(page, "again/", HALF).status_code == 410


def test_an_address_from_elsewhere_waits_for_a_press(site: Site) -> None:
    address = f"{site.bing.url}pictures/confirm.jpg"
    visitor = Visitor(site)
    page = visitor.get(f"/?url={address}")
    assert "Nothing is fetched until you press Search." in words(page)
    assert not [one for one in site.bing.asked if "confirm" in one.path]
    answer = visitor.send(page, "ask", {"url": address})
    assert "/s/" in answer.url
    assert [one for one in site.bing.asked if "confirm" in one.path]


def test_the_manifest_lets_photos_be_shared_to_the_page(site: Site) -> None:
    (address,) = tree(site.get("/")).xpath("//link[@rel='manifest']/@href")
    answer = site.get(address)
    assert answer.headers["Content-Type"] == "application/manifest+json"
    described = answer.json()
    target = described["share_target"]
    assert (target["method"], target["enctype"]) == ("POST", "multipart/form-data")
    assert all(site.get(icon["src"]).status_code == 200 for icon in described["icons"])
    field = target["params"]["files"][0]["name"]
    shared = requests.post(
        site.url + target["action"],
        files={field: ("a.jpg", jpeg(806))},
        headers=SHEET,
        allow_redirects=False,
        timeout=60,
    )
    assert shared.status_code == 303
    assert shared.headers["Location"].startswith("/s/")
    assert "owner_" in shared.headers["Set-Cookie"]


def test_a_shared_address_is_asked_about_first(site: Site) -> None:
    sent = {"title": "A tower", "text": "Look at https://example.org/tower.jpg?a=1&b=2 now", "url": ""}
    shared = requests.post(f"{site.url}/share/", data=sent, headers=SHEET, allow_redirects=False, timeout=30)
    assert shared.status_code == 303
    assert shared.headers["Location"] == "/?url=https%3A%2F%2Fexample.org%2Ftower.jpg%3Fa%3D1%26b%3D2"


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
def test_another_sites_page_cannot_share(site: Site, headers: dict[str, str]) -> None:
    page = requests.post(f"{site.url}/share/", files={"image": ("a.jpg", jpeg(807))}, headers=headers, timeout=30)
    assert page.status_code == 403
    assert heading(page) == "That is not possible"
    assert "Set-Cookie" not in page.headers


def test_what_is_too_large_to_share_is_refused(site: Site) -> None:
    large = jpeg(808) + bytes(10 * 1024 * 1024)
    page = requests.post(f"{site.url}/share/", files={"image": ("a.jpg", large)}, headers=SHEET, timeout=60)
    assert page.status_code == 413
    assert "over 10 MB" in words(page)


def test_opening_the_address_of_the_share_sheet_leads_home(site: Site) -> None:
    assert site.get("/share/", allow_redirects=False).headers["Location"] == "/"


def test_the_history_says_that_it_needs_scripts_and_holds_nothing(site: Site) -> None:
    page = site.get("/history/")
    assert "scripts are off" in tree(page).xpath("string(//noscript)")
    assert not tree(page).xpath("//ul[@class='history-list']/li")


def test_a_place_is_named_as_people_type_it(site: Site) -> None:
    for typed in ("Big Ben", "big ben", " big-ben "):
        visitor = Visitor(site)
        page = asked(visitor, 809)
        assert "Big Ben" in form_of(page, "feedback").xpath(".//datalist/option/@value")
        thanked = visitor.send(page, "feedback", {"right": "no", "place": typed})
        assert "Thank you. You said that it is: Big Ben." in words(thanked)


def test_what_is_in_no_list_can_be_said_without_a_name(site: Site) -> None:
    visitor = Visitor(site)
    thanked = visitor.send(asked(visitor, 810), "feedback", {"right": "no", "place": ""})
    assert "You said that it is something else." in words(thanked)


def test_consent_is_told_back(site: Site) -> None:
    visitor = Visitor(site)
    thanked = visitor.send(asked(visitor, 811), "feedback", {"right": "no", "place": "big-ben", "keep": "1"})
    assert "Your photo is kept to make the recogniser better." in words(thanked)


@pytest.mark.usefixtures("frozen_workers")
def test_a_search_that_waits_is_cancelled_with_its_photo(site: Site) -> None:
    visitor = Visitor(site)
    page = visitor.ask(jpeg(812))
    assert "Cancel" in words(page)
    assert "Cancel" not in words(Visitor(site).get(page.url.removeprefix(site.url)))
    pk = page.url.rstrip("/").rsplit("/", 1)[1]
    assert list((site.var_dir / "media").rglob(f"*{pk}*"))
    gone = visitor.send(page, "delete/")
    assert gone.status_code == 410
    assert not list((site.var_dir / "media").rglob(f"*{pk}*"))
