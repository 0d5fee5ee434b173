"""POST and GET of searches on the running site."""

from __future__ import annotations

import io
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import jsonschema
import pytest
import requests

from tests.drawn import jpeg
from tests.site import Site

OBJECT_KEYS = {
    "id", "state", "stage", "ahead", "url", "page_url", "photo_url", "crop", "created_at", "expires_at", "answer",
    "predictions", "objects", "similar", "model", "timings_ms", "gps", "error",
}  # fmt: skip


def refused(response: requests.Response, status: int, code: str) -> str:
    """Check an error answer and return its sentence."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["code"] == code
    assert len(error["message"]) > 10
    return str(error["message"])


def test_a_photo_is_answered_in_the_contracts_shape(site: Site) -> None:
    response = site.post(jpeg(1))
    assert response.status_code == 201
    posted = response.json()
    assert set(posted) == OBJECT_KEYS | {"owner_token"}
    assert response.headers["Location"] == posted["url"]
    search = site.ended(posted)
    assert set(search) == OBJECT_KEYS
    assert search["state"] == "done"
    assert len(search["predictions"]) == len(search["objects"]) == 5
    probabilities = [prediction["probability"] for prediction in search["predictions"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert search["answer"]["kind"] in ("place", "unknown", "not_a_place")
    assert (search["answer"]["place"] is not None) == (search["answer"]["kind"] == "place")
    assert search["stage"] == "finished"
    assert search["timings_ms"]["total"] > 0


def test_the_answer_fits_the_published_schema(site: Site) -> None:
    schema = site.get("/api/schema/?format=json").json()
    search = site.ended(site.post(jpeg(2)).json())
    jsonschema.validate(search, {"$ref": "#/components/schemas/Search", "components": schema["components"]})


def test_the_kept_photo_is_upright_and_without_metadata(site: Site) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "secret"
    search = site.ended(site.post(jpeg(3, (320, 200), exif=exif.tobytes())).json())
    answer = site.get(search["photo_url"])
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    image = Image.open(io.BytesIO(answer.content))
    assert image.size == (200, 320)
    assert not image.getexif()
    assert b"secret" not in answer.content


def test_gps_is_for_the_owner_alone(site: Site) -> None:
    from PIL import Image

    exif = Image.Exif()
    gps = {1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)}
    exif.get_ifd(0x8825).update(gps)
    posted = site.post(jpeg(4, exif=exif.tobytes())).json()
    assert posted["gps"] == {"latitude": pytest.approx(48.8583, abs=1e-3), "longitude": pytest.approx(2.2944, abs=1e-3)}
    assert site.get(posted["url"]).json()["gps"] is None
    assert site.get(posted["url"], headers={"X-Owner-Token": "guess"}).json()["gps"] is None
    own = site.get(posted["url"], headers={"X-Owner-Token": posted["owner_token"]}).json()
    assert own["gps"] == posted["gps"]


def test_only_the_owner_deletes_and_then_it_is_gone(site: Site) -> None:
    posted = site.post(jpeg(5)).json()
    site.ended(posted)
    address = site.url + posted["url"]
    refused(requests.delete(address, timeout=10), 403, "forbidden")
    answer = requests.delete(address, headers={"X-Owner-Token": posted["owner_token"]}, timeout=10)
    assert answer.status_code == 204
    refused(site.get(posted["url"]), 410, "gone")
    assert site.get(f"/media/photos/{posted['id']}.jpg").status_code == 410
    assert not list((site.var_dir / "media").rglob(f"*{posted['id']}*"))


def test_what_is_no_search_is_not_found(site: Site) -> None:
    for path in (f"/api/v1/searches/{uuid4()}/", "/api/v1/searches/1/", "/api/nothing/", "/api/v1/places/nowhere/"):
        refused(site.get(path), 404, "not_found")


def test_other_methods_are_refused_with_the_envelope(site: Site) -> None:
    refused(site.get("/api/v1/searches/"), 405, "method_not_allowed")
    refused(requests.put(site.url + "/api/v1/places/", timeout=10), 405, "method_not_allowed")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"json": {}}, 400, "no_file"),
        ({"json": {"url": 5}}, 400, "bad_form"),
        ({"json": []}, 400, "no_file"),
        ({"data": "{", "headers": {"Content-Type": "application/json"}}, 400, "bad_form"),
        ({"data": "[" * 50_000, "headers": {"Content-Type": "application/json"}}, 400, "bad_form"),
        ({"data": "x", "headers": {"Content-Type": "text/plain"}}, 415, "bad_form"),
        ({"data": {"image": "text"}}, 400, "no_file"),
        ({"files": [("image", jpeg(1)), ("image", jpeg(2))]}, 400, "one_file_only"),
        ({"files": [("image", jpeg(1)), ("other", jpeg(2))]}, 400, "one_file_only"),
        ({"files": [("photo", jpeg(1))]}, 400, "no_file"),
        ({"files": [(f"f{i}", b"x") for i in range(500)]}, 400, "bad_form"),
        ({"data": {f"f{i}": "x" for i in range(5000)}}, 400, "bad_form"),
        ({"data": b"--x\r\nbroken", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, "no_file"),
        ({"data": b"broken", "headers": {"Content-Type": "multipart/form-data"}}, 400, "bad_form"),
        ({"json": {"url": "http://127.0.0.1/"}}, 400, "blocked_address"),
        ({"json": {"url": "ftp://example.org/a.jpg"}}, 400, "bad_scheme"),
        ({"json": {"url": "http://example.org:22/a.jpg"}}, 400, "bad_port"),
        ({"json": {"url": "http://a\x00b/"}}, 400, "bad_url"),
        ({"json": {"url": "x" * 60_000}}, 400, "bad_url"),
    ],
)
def test_bad_forms_are_refused(site: Site, sent: dict[str, Any], status: int, code: str) -> None:
    refused(requests.post(site.url + "/api/v1/searches/", timeout=30, **sent), status, code)


def test_a_file_over_the_limit_is_refused_to_a_client_that_sends_it_all(site: Site) -> None:
    for size in (11, 100):
        message = refused(site.post(b"\xff\xd8" + bytes(size * 1024 * 1024)), 413, "too_large_bytes")
        assert "10 MB" in message


def test_a_body_over_the_limit_is_refused_from_its_header(site: Site) -> None:
    host = urlsplit(site.url)
    with socket.create_connection((host.hostname, host.port), timeout=5) as raw:
        raw.sendall(
            b"POST /api/v1/searches/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 999999999\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


def test_the_photo_behind_an_address_is_answered(site: Site) -> None:
    search = site.ended(site.post_url(f"{site.bing.url.rstrip('/')}/th?id=OIP.1").json())
    assert search["state"] == "done", search["error"]


def test_an_address_that_is_no_picture_is_refused(site: Site) -> None:
    refused(site.post_url(f"{site.bing.url.rstrip('/')}/images/async?q=x&first=1&count=35"), 400, "not_an_image")


def test_the_same_photo_sent_again_is_a_search_of_its_own(site: Site) -> None:
    first, second = site.ended(site.post(jpeg(6)).json()), site.ended(site.post(jpeg(6)).json())
    assert first["id"] != second["id"]
    assert first["predictions"] == second["predictions"]


def test_the_owner_gives_feedback(site: Site) -> None:
    posted = site.post(jpeg(7)).json()
    site.ended(posted)
    address, own = site.url + posted["url"] + "feedback/", {"X-Owner-Token": posted["owner_token"]}
    wrong = {"right": False, "place": "eiffel-tower", "keep": True}
    refused(requests.post(address, json=wrong, timeout=10), 403, "forbidden")
    assert requests.post(address, json=wrong, headers=own, timeout=10).json() == wrong
    nowhere = {"right": False, "place": "nowhere"}
    refused(requests.post(address, json=nowhere, headers=own, timeout=10), 400, "bad_form")
    refused(requests.post(address, json={"right": "perhaps"}, headers=own, timeout=10), 400, "bad_form")


@pytest.mark.shared
def test_real_photos_come_back_right(site: Site, val: Path) -> None:
    slugs = ("eiffel-tower", "taj-mahal", "stonehenge", "golden-gate-bridge")
    right = 0
    for slug in slugs:
        for path in sorted((val / slug).iterdir())[:3]:
            search = site.ended(site.post(path.read_bytes()).json())
            right += search["predictions"][0]["place"]["slug"] == slug
    assert right >= 10


@pytest.mark.shared
def test_a_full_size_photo_names_its_place_with_everything_around(site: Site, val: Path) -> None:
    photo = val.parent.parent / "originals" / "taj-mahal.jpg"
    answer = site.post(photo.read_bytes())
    assert answer.status_code == 201
    search = site.ended(answer.json())
    assert search["answer"]["kind"] == "place"
    place = search["answer"]["place"]
    assert (place["slug"], place["country"]) == ("taj-mahal", "India")
    assert place["latitude"] == pytest.approx(27.175, abs=0.01)
    assert len([near for near in place["nearby"] if near["source"] == "curated"]) == 3
    distances = [near["distance_m"] for near in place["nearby"]]
    assert distances == sorted(distances)
    assert search["similar"]["query"]
    assert len(search["similar"]["results"]) > 10


@pytest.mark.shared
@pytest.mark.parametrize("name", ["large-063.jpg", "large-076.jpg", "large-088.jpg"])
def test_a_cat_is_no_place_but_a_cat(site: Site, val: Path, name: str) -> None:
    search = site.ended(site.post((val.parent / "notplace" / "animals" / name).read_bytes()).json())
    assert search["answer"]["kind"] == "not_a_place"
    assert search["answer"]["place"] is None
    cats = {"tabby", "tiger cat", "Egyptian cat", "Persian cat", "Siamese cat"}
    assert cats & {seen["label"] for seen in search["objects"][:3]}
    assert search["similar"]["query"] == search["objects"][0]["label"]
