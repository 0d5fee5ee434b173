"""Searching a part of a photo, and a photo that the site keeps, on the running site."""

from __future__ import annotations

import io
from typing import Any
from uuid import uuid4

import pytest
import requests
from PIL import Image

from tests.drawn import drawn, jpeg
from tests.site import Site
from tests.test_api_searches import refused

RIGHT_HALF = "0.5,0,0.5,1"


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    both = Image.new("RGB", (left.width + right.width, left.height))
    both.paste(left)
    both.paste(right, (left.width, 0))
    return both


def send(site: Site, photo: bytes, crop: str) -> requests.Response:
    files = {"image": ("photo.jpg", photo, "image/jpeg")}
    return requests.post(f"{site.url}/api/v1/searches/", files=files, data={"crop": crop}, timeout=60)


def answered(site: Site, photo: bytes, crop: str = "") -> dict[str, Any]:
    return site.ended(send(site, photo, crop).json())


def again(site: Site, token: str = "", **question: Any) -> requests.Response:
    headers = {"X-Owner-Token": token} if token else {}
    return requests.post(f"{site.url}/api/v1/searches/", json=question, headers=headers, timeout=60)


def probabilities(search: dict[str, Any]) -> dict[str, Any]:
    return {row["place"]["slug"]: pytest.approx(row["probability"], abs=1e-4) for row in search["predictions"]}


def test_a_part_is_answered_as_a_photo_of_that_part_alone(site: Site) -> None:
    left, right = drawn(701), drawn(702)
    whole = png(side_by_side(left, right))
    part, alone, both = answered(site, whole, RIGHT_HALF), answered(site, png(right)), answered(site, whole)
    assert part["crop"] == [0.5, 0, 0.5, 1]
    assert alone["crop"] is None and both["crop"] is None
    assert probabilities(part) == probabilities(alone)
    assert probabilities(part) != probabilities(both)


def test_a_part_is_a_part_of_the_upright_photo(site: Site) -> None:
    upper, lower = drawn(703, (320, 200)), drawn(704, (320, 200))
    stored = Image.new("RGB", (320, 400))
    stored.paste(upper)
    stored.paste(lower, (0, 200))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right: what lies lower comes to the left
    out = io.BytesIO()
    stored.save(out, "PNG", exif=exif.tobytes())
    part = answered(site, out.getvalue(), "0,0,0.5,1")
    assert probabilities(part) == probabilities(answered(site, png(lower.transpose(Image.Transpose.ROTATE_270))))


def test_the_whole_photo_is_kept_and_shown_with_its_part(site: Site) -> None:
    search = answered(site, jpeg(705, (400, 300)), RIGHT_HALF)
    kept = Image.open(io.BytesIO(site.get(search["photo_url"]).content))
    assert kept.size == (400, 300)
    assert "M-1-1H2V2H-1ZM0.5 0h0.5v1h-0.5Z" in site.get(search["page_url"]).text


def test_answers_are_reused_for_the_same_part_only(site: Site) -> None:
    whole = png(side_by_side(drawn(706), drawn(707)))
    first, same = answered(site, whole, RIGHT_HALF), answered(site, whole, RIGHT_HALF)
    other, all_of_it = answered(site, whole, "0,0,0.5,1"), answered(site, whole)
    assert same["id"] != first["id"]
    assert same["predictions"] == first["predictions"]
    assert same["timings_ms"]["recognise"] == first["timings_ms"]["recognise"]
    assert probabilities(first) != probabilities(other) != probabilities(all_of_it)


@pytest.mark.parametrize("crop", ["1,1", "a,b,c,d", "0.5,0.5,0.9,0.5", "nan,0,1,1", "0,0,0,0"])
def test_what_is_no_part_is_refused(site: Site, crop: str) -> None:
    refused(send(site, jpeg(708), crop), 400, "bad_form")
    refused(again(site, url=f"{site.bing.url}pictures/708.jpg", crop=crop), 400, "bad_form")


def test_a_part_that_is_no_text_is_refused(site: Site) -> None:
    refused(again(site, url=f"{site.bing.url}pictures/709.jpg", crop=[0, 0, 1, 1]), 400, "bad_form")


def test_a_part_of_too_few_pixels_is_refused(site: Site) -> None:
    message = refused(send(site, jpeg(710), "0.1,0.1,0.02,0.02"), 422, "too_small")
    assert "pixels" in message


def test_a_part_of_the_photo_behind_an_address_is_answered(site: Site) -> None:
    posted = again(site, url=f"{site.bing.url}pictures/711.jpg", crop=RIGHT_HALF).json()
    search = site.ended(posted)
    assert (search["state"], search["crop"]) == ("done", [0.5, 0, 0.5, 1])


def test_a_kept_photo_is_searched_again_without_sending_it(site: Site) -> None:
    source = site.ended(site.post(jpeg(712)).json())
    posted = again(site, again=source["id"], crop=RIGHT_HALF)
    assert posted.status_code in (201, 202)
    search = site.ended(posted.json())
    assert search["id"] != source["id"]
    assert (search["state"], search["crop"]) == ("done", [0.5, 0, 0.5, 1])
    assert site.get(search["photo_url"]).content == site.get(source["photo_url"]).content
    assert search["expires_at"] == source["expires_at"], "the photo would be kept longer than was promised"


def test_searching_again_needs_a_search_whose_photo_is_kept(site: Site) -> None:
    refused(again(site, again="no id"), 400, "bad_form")
    refused(again(site, again=5), 400, "bad_form")
    refused(again(site, again=str(uuid4())), 404, "not_found")
    posted = site.post(jpeg(713)).json()
    site.ended(posted)
    requests.delete(site.url + posted["url"], headers={"X-Owner-Token": posted["owner_token"]}, timeout=10)
    refused(again(site, again=posted["id"]), 410, "gone")


def test_the_position_stays_with_the_owner(site: Site) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)})
    posted = site.post(jpeg(714, exif=exif.tobytes())).json()
    site.ended(posted)

    def position(token: str) -> Any:
        own = again(site, token, again=posted["id"], crop=RIGHT_HALF).json()
        site.ended(own)
        return site.get(own["url"], headers={"X-Owner-Token": own["owner_token"]}).json()["gps"]

    assert posted["gps"] is not None
    assert position(posted["owner_token"]) == posted["gps"]
    assert position("") is None


def test_deleting_a_photo_deletes_what_was_searched_of_it_and_not_the_other_way(site: Site) -> None:
    source = site.post(jpeg(715)).json()
    site.ended(source)
    first = again(site, again=source["id"], crop=RIGHT_HALF).json()
    site.ended(first)
    second = again(site, again=first["id"], crop="0,0,0.5,1").json()
    site.ended(second)

    def delete(search: dict[str, Any]) -> None:
        own = {"X-Owner-Token": search["owner_token"]}
        assert requests.delete(site.url + search["url"], headers=own, timeout=10).status_code == 204

    delete(first)
    assert [site.get(search["url"]).status_code for search in (source, first, second)] == [200, 410, 200]
    delete(source)
    assert site.get(second["url"]).status_code == 410
    assert site.get(f"/media/photos/{second['id']}.jpg").status_code == 410
    for search in (source, first, second):
        assert not list((site.var_dir / "media").rglob(f"*{search['id']}*"))


def test_the_schema_says_what_may_be_asked(site: Site) -> None:
    schema = site.get("/api/schema/?format=json").json()
    question = schema["components"]["schemas"]["Question"]["properties"]
    assert set(question) == {"image", "url", "again", "crop"}
    assert "crop" in schema["components"]["schemas"]["Search"]["properties"]


def test_who_sends_what_the_site_keeps_of_another_has_a_photo_of_their_own(site: Site) -> None:
    source = site.post(jpeg(716)).json()
    stranger = site.ended(site.post(site.get(site.ended(source)["photo_url"]).content).json())
    own = {"X-Owner-Token": source["owner_token"]}
    assert requests.delete(site.url + source["url"], headers=own, timeout=10).status_code == 204
    assert site.get(stranger["url"]).status_code == 200
