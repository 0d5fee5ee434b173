"""Promotion while people search: no answer is lost, and none mixes two models."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from docs.screenshots.make import scene
from tests.filled import fill
from tests.site import ROOT, Site, start_site, suspended, until
from tests.test_admin import manage

# What the bundle in the box says of the scene, and what the other version says, which calls each place as the next.
SAYS = {False: "eiffel-tower", True: "fatih-sultan-mehmet-bridge"}
SECOND = "second-on-site"


def photo(number: int) -> bytes:
    """The scene in other bytes each time, so that no answer is reused."""
    out = BytesIO()
    image = Image.open(BytesIO(scene_once())).convert("RGB")
    image.putpixel((0, 0), (number % 256, number // 256, 0))
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


_scenes: list[bytes] = []


def scene_once() -> bytes:
    if not _scenes:
        _scenes.append(scene())
    return _scenes[0]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with the scene in the gallery as either place's and little else to embed, and a second version."""
    folder = tmp_path_factory.mktemp("scenes")
    with start_site() as site:
        for number, slug in enumerate(SAYS.values()):
            path: Path = folder / f"{slug}.jpg"
            path.write_bytes(photo(60_000 + number))
            fill(site, slug, [path])
        environment = {**os.environ, "VAR_DIR": str(site.var_dir)}
        subprocess.run([sys.executable, "-m", "tests.second_version", SECOND], cwd=ROOT, env=environment, check=True)
        yield site


def consistent(search: dict[str, Any]) -> bool:
    """Whether answer and similar pictures are those of the version that the search names; return if the second's."""
    is_second: bool = search["model"]["version"] == SECOND
    assert search["state"] == "done"
    assert search["predictions"][0]["place"]["slug"] == SAYS[is_second] == search["answer"]["place"]["slug"]
    own = [each for each in search["similar"]["results"] if each["kind"] == "gallery"]
    assert own, search["similar"]
    assert own[0]["score"] > 0.95, "compared with the other version's embeddings"
    return is_second


def test_searches_during_promotion_and_roll_back_are_answered_by_one_model_each(gallery: Site) -> None:
    site, ended, numbers = gallery, threading.Event(), iter(range(40_000))
    posted: list[dict[str, Any]] = []

    def ask() -> None:
        while not ended.is_set():
            answer = site.post(photo(next(numbers)))
            assert answer.status_code in (201, 202), answer.text
            posted.append(answer.json())

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        try:
            until(lambda: len(posted) > 3, 30, "the first answers")
            manage(site, "promote", SECOND)
            promoted_after = len(posted)
            until(lambda: len(posted) > promoted_after + 6, 30, "answers of the new version")
            manage(site, "rollback")
            back_after = len(posted)
            until(lambda: len(posted) > back_after + 6, 30, "answers of the old version")
        finally:
            ended.set()
        for each in asking:
            each.result()
    by_second = [consistent(site.ended(search)) for search in posted]
    assert not any(by_second[:3])
    assert by_second[promoted_after + 4] and not any(by_second[back_after + 4 :])


def test_a_worker_that_is_killed_in_mid_promotion_loses_nothing(gallery: Site) -> None:
    with suspended(gallery, "search@") as workers:
        manage(gallery, "promote", SECOND, "--no-wait")
        for worker in workers:
            worker.kill()
    until(lambda: gallery.get("/healthz").status_code == 200, 60, "the worker's return")
    manage(gallery, "promote", SECOND)  # joins, and waits for its end
    assert consistent(gallery.ended(gallery.post(photo(45_000)).json()))
    manage(gallery, "rollback")
    assert not consistent(gallery.ended(gallery.post(photo(45_001)).json()))
