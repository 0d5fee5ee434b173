"""The first page: asking, with and without scripts."""

from __future__ import annotations

import re

import pytest
import requests

from tests.drawn import jpeg
from tests.site import Site
from tests.visitor import Visitor, form_of, heading, tree, words

PAGES = ["/", "/places/", "/places/eiffel-tower/", "/nothing-here/", "/s/00000000-0000-4000-8000-000000000000/"]


def test_it_says_what_it_knows_and_how_long_a_photo_is_kept(site: Site) -> None:
    page = site.get("/")
    assert page.status_code == 200
    text = words(page)
    assert "Your photo is deleted after 24 hours." in text
    assert "Bing is sent words only, never the photo." in text
    assert "All 59 places it knows" in text
    faces = tree(page).xpath("//ul[@class='faces']//a/@href")
    assert len(faces) == 12
    assert all(site.get(path).status_code == 200 for path in faces[:3])


def test_the_file_field_leaves_a_phone_its_gallery(site: Site) -> None:
    plain, camera = form_of(site.get("/"), "ask").xpath(".//input[@type='file']")
    assert plain.get("accept").startswith("image/*")
    assert "capture" not in plain.attrib
    assert camera.get("capture") == "environment"


def test_a_photo_sent_without_scripts_leads_to_its_answer(site: Site) -> None:
    visitor = Visitor(site)
    sent = visitor.ask(jpeg(11), follow=False)
    assert sent.status_code == 303
    cookie = sent.headers["Set-Cookie"]
    path = sent.headers["Location"]
    assert re.search(r"owner_[0-9a-f-]{36}=", cookie)
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and f"Path={path}" in cookie
    assert visitor.get(path).status_code == 200


def test_a_link_prefills_the_field_and_starts_nothing(site: Site) -> None:
    address = f"{site.bing.url}pictures/prefilled.jpg?a=1&b=<2>"
    page = site.get("/", params={"url": address})
    (field,) = form_of(page, "ask").xpath(".//input[@name='url']")
    assert field.get("value") == address
    assert not [asked for asked in site.bing.asked if "prefilled" in asked.path]


def test_a_wrong_address_keeps_what_was_typed_and_says_why(site: Site) -> None:
    visitor = Visitor(site)
    page = visitor.send(visitor.get("/"), "ask", {"url": "ftp://example.org/a.jpg"})
    api = site.post_url("ftp://example.org/a.jpg")
    assert page.status_code == api.status_code == 400
    assert api.json()["error"]["message"] in words(page)
    (field,) = form_of(page, "ask").xpath(".//input[@name='url']")
    assert field.get("value") == "ftp://example.org/a.jpg"
    assert field.get("aria-invalid") == "true"


@pytest.mark.parametrize(
    ("photo", "status", "sentence"),
    [
        (None, 400, "No photo came."),
        (b"not a picture at all", 400, "This file is not a picture."),
        (jpeg(3) + bytes(10 * 1024 * 1024), 413, "This file is over 10 MB."),
    ],
    ids=["nothing", "text", "too large"],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(
    site: Site, photo: bytes | None, status: int, sentence: str
) -> None:
    visitor = Visitor(site)
    page = visitor.send(visitor.get("/"), "ask", {"url": ""}, photo=photo)
    assert page.status_code == status
    assert sentence in words(page)


def test_a_form_without_its_token_is_refused_kindly(site: Site) -> None:
    page = requests.post(f"{site.url}/", data={"url": "https://example.org/a.jpg"}, timeout=30)
    assert page.status_code == 403
    assert heading(page) == "Please try that once more"


@pytest.mark.parametrize("path", PAGES)
def test_pages_run_nothing_inline_and_name_no_other_site(site: Site, path: str) -> None:
    page = site.get(path)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    found = tree(page)
    assert not found.xpath("//style | //*[@style] | //script[not(@src) and not(@type='application/json')]")
    assert not found.xpath("//@*[starts-with(name(), 'on')]")
    loaded = found.xpath("//link/@href | //script/@src | //img/@src")
    assert loaded and all(address.startswith(("/static/", "/media/", "/manifest.")) for address in loaded)


def test_the_pages_own_files_are_small(site: Site) -> None:
    found = tree(site.get("/"))
    own = found.xpath("//link[@rel='stylesheet' or @rel='icon']/@href | //script/@src")
    own += [f"/static/js/{name}.js" for name in ("answer", "crop", "history", "pictures", "share", "shrink", "tray")]
    sizes = {}
    for path in own:
        with requests.get(site.url + path, headers={"Accept-Encoding": "gzip"}, stream=True, timeout=30) as answer:
            assert answer.status_code == 200
            sizes[path] = len(answer.raw.read(decode_content=False))
    assert sum(sizes.values()) < 100_000, sizes
