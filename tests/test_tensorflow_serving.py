"""TensorFlow Serving's REST form, asked as its documentation shows it. Over HTTP, but for what needs no worker."""

from __future__ import annotations

import base64
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import requests
from django.test import Client
from pytest_django.fixtures import Settings

from errors import UserError
from places import broker, serving, starter, storage
from places.api import tensorflow
from tests.drawn import jpeg
from tests.pictures import chunk, png_header
from tests.site import Site

PREDICT = "/v1/models/places:predict"
# Only a worker, which decodes it, finds out.
DAMAGED = png_header(320, 240) + chunk(b"IDAT", b"\x55" * 500) + chunk(b"IEND")


def b64(data: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(data).decode("utf-8")}


def ask(site: Site, body: Any, path: str = PREDICT) -> requests.Response:
    """Ask as the documentation's clients do, which say nothing about the body's type."""
    return requests.post(site.url + path, data=json.dumps(body), timeout=60)


def refused(answer: requests.Response, status: int) -> str:
    """Return the message of an error in TensorFlow Serving's shape."""
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    message: str = answer.json()["error"]
    return message


def test_a_picture_is_answered_with_a_vector_over_the_index_table(site: Site) -> None:
    answer = ask(site, {"instances": [b64(jpeg(1))]})
    answer.raise_for_status()
    (vector,) = answer.json()["predictions"]
    table = site.get("/v1/models/places/metadata").json()["metadata"]["index_table"]
    assert len(vector) == len(table) > 50
    assert sum(vector) == pytest.approx(1, abs=1e-5)
    assert [row["position"] for row in table] == list(range(len(table)))
    assert table[0] == {"position": 0, "label": "anitkabir", "place": "anitkabir", "name": "Anıtkabir"}
    assert [row["label"] for row in table[-2:]] == ["unknown", "not_a_place"]
    searched = site.ended(site.post(jpeg(1)).json())
    places = max(table[:-2], key=lambda row: vector[row["position"]])
    assert places["place"] == searched["predictions"][0]["place"]["slug"]


def test_rows_names_and_columns_are_the_same_question(site: Site) -> None:
    one, two = b64(jpeg(1)), b64(jpeg(2))
    rows = ask(site, {"instances": [one, two]}).json()["predictions"]
    assert rows[0] != rows[1]
    named = {"signature_name": "serving_default", "instances": [{"image_bytes": one}, {"image_bytes": two}]}
    assert ask(site, named).json() == {"predictions": rows}
    for inputs in ([one, two], {"image_bytes": [one, two]}):
        assert ask(site, {"inputs": inputs}).json() == {"outputs": rows}
    assert ask(site, {"inputs": {"image_bytes": one}}).json() == {"outputs": rows[:1]}


def test_more_pictures_than_a_message_has_are_answered_in_their_order(site: Site) -> None:
    many = ask(site, {"instances": [b64(jpeg(number)) for number in range(serving.AT_ONCE + 2)]}).json()["predictions"]
    (last,) = ask(site, {"instances": [b64(jpeg(serving.AT_ONCE + 1))]}).json()["predictions"]
    assert len(many) == serving.AT_ONCE + 2
    assert many[-1] == pytest.approx(last, abs=1e-6) != pytest.approx(many[0], abs=1e-6)


def test_the_body_is_read_whatever_its_type_is_said_to_be(site: Site) -> None:
    body = json.dumps({"instances": [b64(jpeg(3))]})
    for kind in ("application/x-www-form-urlencoded", "application/json", "text/plain", "nonsense"):
        answer = requests.post(site.url + PREDICT, data=body, headers={"Content-Type": kind}, timeout=60)
        assert answer.status_code == 200, kind
        assert answer.headers["Content-Type"] == "application/json"


def test_status_and_metadata_are_as_documented_and_of_a_version_too(site: Site) -> None:
    (row,) = site.get("/v1/models/places").json()["model_version_status"]
    assert row == {"version": row["version"], "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    of_version = f"/v1/models/places/versions/{row['version']}"
    assert site.get(of_version).json() == site.get("/v1/models/places").json()
    metadata = site.get(f"{of_version}/metadata").json()
    assert metadata["model_spec"] == {"name": "places", "signature_name": "", "version": row["version"]}
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    assert signature["inputs"]["image_bytes"]["dtype"] == "DT_STRING"
    assert ask(site, {"instances": [b64(jpeg(1))]}, f"{of_version}:predict").status_code == 200


@pytest.mark.parametrize("path", ["/v1/models/half", "/v1/models/half:predict", "/v1/models/half/metadata"])
def test_another_model_is_not_found(site: Site, path: str) -> None:
    for method in ("GET", "POST"):
        answer = requests.request(method, site.url + path, timeout=30)
        assert refused(answer, 404) == "Servable not found for request: Latest(half)"


def test_another_version_is_not_found(site: Site) -> None:
    message = "Servable not found for request: Specific(places, 9999)"
    assert refused(site.get("/v1/models/places/versions/9999"), 404) == message
    assert refused(ask(site, {"instances": [b64(jpeg(1))]}, "/v1/models/places/versions/9999:predict"), 404) == message


def test_other_requests_are_malformed(site: Site) -> None:
    for method, path in (("GET", PREDICT), ("POST", "/v1/models/places"), ("POST", "/v1/models/places:classify"),
                         ("GET", "/v1/nothing")):  # fmt: skip
        answer = requests.request(method, site.url + path, timeout=30)
        assert refused(answer, 400) == f"Malformed request: {method} {path}"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "JSON"),
        ("[1]", "JSON"),
        ("[" * 50_000, "JSON"),
        ("", "instances"),
        ({}, "instances"),
        ({"instances": [], "inputs": []}, "instances"),
        ({"instances": []}, "1 to 32"),
        ({"instances": "text"}, "1 to 32"),
        ({"instances": [b64(b"x")] * 33}, "1 to 32"),
        ({"instances": [[1.0, 2.0]]}, "b64"),
        ({"instances": [{"b64": 5}]}, "b64"),
        ({"instances": [{"image": b64(b"x"), "other": 1}]}, "b64"),
        ({"instances": [{"b64": "%%%"}]}, "base64"),
        ({"inputs": {"one": [], "two": []}}, "one input"),
        ({"signature_name": "classify", "instances": [b64(b"x")]}, "classify"),
        ({"instances": [b64(jpeg(1)), b64(b"no picture")]}, "Picture 1"),
        ({"instances": [b64(jpeg(1)[:3000])]}, "Picture 0"),
        ({"instances": [*[b64(jpeg(1))] * 5, b64(DAMAGED)]}, "Picture 5"),
        ('{"instances": [' + "{}," * 1000 + "{}]}", "1 to 32"),
    ],
)
def test_what_cannot_be_read_is_refused(site: Site, body: Any, said: str) -> None:
    data = body if isinstance(body, str) else json.dumps(body)
    assert said in refused(requests.post(site.url + PREDICT, data=data, timeout=60), 400)


def test_a_body_over_the_limit_is_refused(site: Site) -> None:
    assert "10 MB" in refused(ask(site, {"instances": [b64(bytes(9_000_000))]}), 413)


def test_nothing_is_kept(site: Site) -> None:
    before = set((site.var_dir / "media").rglob("*"))
    assert ask(site, {"instances": [b64(jpeg(11)), b64(jpeg(12))]}).status_code == 200
    assert not [path for path in set((site.var_dir / "media").rglob("*")) - before if path.is_file()]


def test_the_schema_names_these_addresses(site: Site) -> None:
    paths = site.get("/api/schema/?format=json").json()["paths"]
    assert {PREDICT, "/v1/models/places", "/v1/models/places/metadata"} <= set(paths)


@pytest.mark.shared
def test_real_photos_are_told_by_the_vector(site: Site, val: Path) -> None:
    table = site.get("/v1/models/places/metadata").json()["metadata"]["index_table"]
    files = [sorted((val / slug).iterdir())[0] for slug in ("taj-mahal", "stonehenge", "eiffel-tower")]
    vectors = ask(site, {"instances": [b64(path.read_bytes()) for path in files]}).json()["predictions"]
    told = [table[vector.index(max(vector))]["label"] for vector in vectors]
    assert sum(label == path.parent.name for label, path in zip(told, files, strict=True)) >= 2


@pytest.mark.django_db
@pytest.mark.usefixtures("clean_broker")
def test_without_a_worker_it_is_busy_and_the_pictures_are_gone(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    with pytest.raises(UserError) as told:
        serving.predict([jpeg(1)], within_s=0.3)
    assert told.value.code == "busy"
    assert "No worker" in told.value.message
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.django_db
@pytest.mark.usefixtures("clean_broker")
def test_the_line_is_as_long_as_that_of_searches(settings: Settings, client: Client) -> None:
    starter.register_bundles()
    settings.MAX_WAITING = 0
    body = json.dumps({"instances": [b64(jpeg(1))]})
    answer = client.post(PREDICT, data=body, content_type="application/json")
    assert (answer.status_code, list(answer.json()), answer["Retry-After"]) == (503, ["error"], "30")


@pytest.mark.django_db
@pytest.mark.usefixtures("clean_broker")
def test_every_picture_counts_against_the_clients_minute(settings: Settings, client: Client) -> None:
    starter.register_bundles()
    settings.RATE_LIMIT, settings.MAX_WAITING = 5, 0
    for count, status in ((3, 503), (2, 503), (1, 429)):
        body = json.dumps({"instances": [b64(jpeg(1))] * count})
        answer = client.post(PREDICT, data=body, content_type="application/json")
        assert (answer.status_code, list(answer.json())) == (status, ["error"])


@pytest.mark.django_db
@pytest.mark.usefixtures("clean_broker")
def test_who_asks_too_often_is_refused_before_the_body_is_read(settings: Settings, client: Client) -> None:
    starter.register_bundles()
    settings.RATE_LIMIT = 1
    for status in (400, 429):
        assert client.post(PREDICT, data="{", content_type="application/json").status_code == status


@pytest.mark.django_db
@pytest.mark.usefixtures("clean_broker")
def test_a_body_of_millions_of_things_is_not_parsed(client: Client) -> None:
    starter.register_bundles()
    body = '{"instances": [' + "{}," * 3_000_000 + "{}]}"
    tracemalloc.start()
    answer = client.post(PREDICT, data=body, content_type="application/json")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (answer.status_code, "1 to 32" in answer.json()["error"]) == (400, True)
    assert most < 5 * len(body)


@pytest.mark.django_db
@pytest.mark.usefixtures("clean_broker")
def test_few_bodies_are_parsed_at_a_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    starter.register_bundles()
    monkeypatch.setattr(tensorflow, "PARSED_WITHIN_S", 0.05)
    took = 0
    try:
        while tensorflow.parsing.acquire(blocking=False):
            took += 1
        answer = client.post(PREDICT, data="{", content_type="application/json")
    finally:
        for _ in range(took):
            tensorflow.parsing.release()
    assert (answer.status_code, answer["Retry-After"], took) == (503, "30", 4)
    assert client.post(PREDICT, data="{", content_type="application/json").status_code == 400


@pytest.mark.django_db
@pytest.mark.usefixtures("clean_broker")
def test_workers_get_a_few_pictures_at_a_time(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    with pytest.raises(UserError):
        serving.predict([jpeg(number) for number in range(serving.AT_ONCE + 2)], within_s=0.3)
    (message,) = broker.connection().lrange("search", 0, -1)
    (keys,), *_rest = json.loads(base64.b64decode(json.loads(message)["body"]))
    assert len(keys) == serving.AT_ONCE


@pytest.mark.django_db
@pytest.mark.usefixtures("clean_broker")
def test_a_worker_that_comes_too_late_does_nothing(settings: Settings, tmp_path: Path) -> None:
    from uuid import uuid4

    settings.MEDIA_ROOT = tmp_path
    starter.register_bundles()
    key = uuid4()
    assert not storage.exists(storage.original_name(key))
    serving.answer([key])
    assert not broker.connection().exists(f"predicted:{key}")
