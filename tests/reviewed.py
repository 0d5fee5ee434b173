"""Pictures for tests of the review: rows as a search worker leaves them, without one."""

from __future__ import annotations

from places import copies, gallery, looks, prelabelling, storage
from places.models import Embedding, ModelVersion, Picture, Place
from places.prelabelling import Said
from tests.drawn import drawn, jpeg

LABELS = ["petra", "stonehenge", "louvre", "unknown", "not_a_place"]


def version(name: str = "1", serving: bool = True) -> ModelVersion:
    """Return a model that knows three places, and those places."""
    for slug in (*LABELS[:3], "lantern-bridge"):
        Place.objects.get_or_create(
            slug=slug, defaults={"name": slug.title(), "country": "FR", "latitude": 48.8, "longitude": 2.3}
        )
    return ModelVersion.objects.create(kind="places", version=name, name="test", labels=LABELS, serving=serving)


def said(*shares: float, kind: str = "place", confidence: float = 0.0, thing: str = "") -> Said:
    """Return an answer with these probabilities of the labels; the rest of them are 0."""
    full = [*shares, *[0.0] * (len(LABELS) - len(shares))]
    places = sorted(zip(LABELS[:3], full[:3], strict=True), key=lambda each: -each[1])
    guesses = [*places, *zip(LABELS[3:], full[3:], strict=True)]
    return {"kind": kind, "confidence": confidence or max(full), "guesses": guesses, "thing": thing}


def seen(number: int, slug: str | None, model: ModelVersion, answer: Said, **fields: str) -> Picture:
    """Return a picture that was decoded and that ``model`` gave an answer for."""
    place = Place.objects.get(slug=slug) if slug else None
    picture = gallery.take_in(jpeg(number), place, **fields)
    storage.delete(str(picture.original.name))
    picture.original.name, picture.width, picture.height = "", 320, 240
    picture.image = storage.save(f"pictures/{picture.pk}.jpg", jpeg(number))
    picture.thumbnail = storage.save(f"pictures/{picture.pk}-small.jpg", jpeg(number, (160, 120)))
    picture.look = looks.look(drawn(number))
    picture.save()
    copies.join(picture.pk, picture.look)
    Embedding.objects.create(picture=picture, model_version=model, vector=[1.0] + [0.0] * 511, answer=answer)
    if model.serving:
        prelabelling.apply(picture.pk, answer, model)
    picture.refresh_from_db()
    return picture
