"""The places and bundles that come with the site."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from ml.bundle import Bundle
from places.models import Alias, Attraction, Collection, ModelVersion, Place

FILE = Path(__file__).parent / "places.json"
COLLECTIONS = {"landmarks": "Landmarks of the world", "seoul": "Seoul", "cities": "Cities of the world"}
BUNDLES = {ModelVersion.Kind.PLACES: "ml/starter/places", ModelVersion.Kind.OBJECTS: "ml/starter/objects"}


def load_places() -> int:
    """Create the starter places that are missing; what a curator changed stays. Return how many came."""
    entries: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    known = set(Place.objects.values_list("slug", flat=True))
    fresh = [entry for entry in entries if entry["slug"] not in known]
    with transaction.atomic():
        collections = {
            slug: Collection.objects.get_or_create(slug=slug, defaults={"name": name})[0]
            for slug, name in COLLECTIONS.items()
        }
        for entry in fresh:
            _create(entry, collections)
    return len(fresh)


def _create(entry: dict[str, Any], collections: dict[str, Collection]) -> None:
    fields = {name: value for name, value in entry.items() if name not in ("aliases", "collections", "nearby")}
    place = Place.objects.create(**fields)
    place.collections.set([collections[slug] for slug in entry["collections"]])
    names: dict[str, str] = entry["aliases"]
    Alias.objects.bulk_create([Alias(place=place, name=name, language=tag) for name, tag in names.items()])
    Attraction.objects.bulk_create([Attraction(place=place, **near) for near in entry["nearby"]])


def register_bundles() -> list[ModelVersion]:
    """Register the bundles in the box; one serves where none does, or where an older one from the box did.

    Raises BundleError when a file of a bundle is not what it should be.
    """
    return [_register(kind, path) for kind, path in BUNDLES.items()]


def _register(kind: str, path: str) -> ModelVersion:
    bundle = Bundle.load(settings.BASE_DIR / path)
    with transaction.atomic():
        version = ModelVersion.register(kind, path, bundle)
        serving = ModelVersion.serving_of(kind)
        if serving is None or (serving.path == path and serving.pk != version.pk):
            ModelVersion.objects.filter(kind=kind).update(serving=False)
            ModelVersion.objects.filter(pk=version.pk).update(serving=True)
    return version
