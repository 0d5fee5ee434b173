"""Every hostile file through the front door."""

from __future__ import annotations

import csv
import json
import time

import pytest
import requests

from tests.conftest import SHARED
from tests.drawn import jpeg
from tests.site import Site

HOSTILE = SHARED / "data" / "hostile"
STATUSES = {
    "empty_file": 400, "not_an_image": 400, "unsupported_format": 415, "too_many_pixels": 422, "too_small": 422,
    "truncated_image": 422, "corrupt_image": 422, "too_complex": 422, "metadata_bomb": 422,
}  # fmt: skip


@pytest.mark.shared
def test_every_hostile_file_gets_its_answer(site: Site) -> None:
    rows = list(csv.DictReader((HOSTILE / "expected.csv").open()))
    assert len(rows) == 99
    wrong = []
    for row in rows:
        began = time.monotonic()
        answer = site.post((HOSTILE / row["file"]).read_bytes(), row["file"])
        took = time.monotonic() - began
        if row["expect"] == "accept":
            fits = answer.status_code in (201, 202) and site.ended(answer.json())["state"] == "done"
        else:
            error = answer.json()["error"]
            code = row["error_code"]
            fits = (error["code"], answer.status_code) == (code, STATUSES[code]) and len(error["message"]) > 20
        if not fits or took > 10:
            wrong.append((row["file"], row["expect"], row["error_code"], answer.status_code, answer.text[:120], took))
    assert not wrong


@pytest.mark.shared
def test_awkward_names_change_nothing(site: Site) -> None:
    names = json.loads((HOSTILE / "names.json").read_text())
    names = [name["name"] if isinstance(name, dict) else name for name in names]
    taken = 0
    for name in names:
        safe = name.encode("utf-8", "surrogatepass").decode("latin-1")
        body = (
            (
                f'--b\r\nContent-Disposition: form-data; name="image"; filename="{safe}"\r\n'
                "Content-Type: image/jpeg\r\n\r\n"
            ).encode("latin-1")
            + jpeg(8)
            + b"\r\n--b--\r\n"
        )
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = requests.post(site.url + "/api/v1/searches/", data=body, headers=headers, timeout=30)
        assert answer.status_code < 500
        if answer.status_code in (201, 202):
            taken += 1
            assert answer.json()["photo_url"] in (None, f"/media/photos/{answer.json()['id']}.jpg")
    assert taken > len(names) / 2
