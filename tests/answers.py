"""Searches as workers leave them, with photo and heat map, for tests of pages that need no worker."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.test import Client
from django.utils import timezone
from lxml import html

from places import storage
from places.models import Embedding, ModelVersion, Picture, Place, Search
from tests.drawn import jpeg

GRID = 14


def version() -> ModelVersion:
    """The bundle in the box, serving."""
    found, _ = ModelVersion.objects.get_or_create(
        kind="places", version="1",
        defaults={"name": "test", "labels": ["tower", "gate"], "path": "ml/starter/places", "serving": True},
    )  # fmt: skip
    return found


def place(slug: str = "tower", **values: Any) -> Place:
    """A place in Berlin unless told otherwise."""
    known = {
        "name": slug.title(), "country": "DE", "continent": "Europe", "city": "Berlin", "latitude": 52.5,
        "longitude": 13.4, "query": slug,
    }  # fmt: skip
    return Place.objects.create(slug=slug, **{**known, **values})


def heat_at(row: int, column: int, radius: int = 2) -> list[list[float]]:
    """A heat map that is hot around one cell and cold elsewhere."""
    rows, columns = np.indices((GRID, GRID))
    near = np.maximum(abs(rows - row), abs(columns - column)) <= radius
    return [[float(cell) for cell in line] for line in near]


def unit(angle: float) -> list[float]:
    """An embedding whose cosine to that of angle 0 is the angle's."""
    return [float(np.cos(angle)), float(np.sin(angle)), *[0.0] * 510]


def answered(tower: Place | None = None, **values: Any) -> Search:
    """A done search with its photo, for ``tower`` unless told otherwise."""
    done = {
        "state": "done", "similar_state": "done", "finished_at": timezone.now(), "model_version": version(),
        "kind": "place" if tower else "unknown", "place": tower, "confidence": 0.95 if tower else 0.1,
        "predictions": [["tower", 0.9], ["gate", 0.04]], "objects_seen": [["tabby", "n02123045", 0.7]],
        "timings": {"decode": 1, "recognise": 2, "total": 3}, "embedding": unit(0.0),
    }  # fmt: skip
    search = Search.objects.create(**{**done, **values})
    search.photo = storage.save(storage.photo_name(search.pk), jpeg(1, (400, 300)))
    search.save()
    return search


def picture(of: Place, angle: float = 0.1, **values: Any) -> Picture:
    """An approved picture of the gallery whose embedding lies at ``angle`` to that of ``answered``."""
    known = {"status": "approved", "thumbnail": "t", "image": "i", "width": 300, "height": 200}
    made = Picture.objects.create(place=of, content_hash=f"{of.slug} {Picture.objects.count()}", **{**known, **values})
    Embedding.objects.create(picture=made, model_version=version(), vector=unit(angle))
    return made


def tree_of(path: str, client: Client | None = None) -> Any:
    """The page at ``path``."""
    answer = (client or Client()).get(path)
    assert answer.status_code == 200, answer.status_code
    return html.fromstring(answer.content.decode())


def text(page: Any, xpath: str = "//main") -> str:
    """The text of a part of the page, white space folded."""
    return " ".join(page.xpath(f"string({xpath})").split())


def owner_of(search: Search) -> Client:
    """A browser that holds the search's owner's token."""
    token = search.new_token()
    search.save()
    client = Client()
    client.cookies[f"owner_{search.pk}"] = token
    return client
