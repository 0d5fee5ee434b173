"""The models in this process: the version that serves and, while it is promoted, the one that will."""

from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from errors import UserError
from places.models import ModelVersion

if TYPE_CHECKING:
    from ml.recognise import Recogniser

AT_ONCE = 2  # in memory: a promotion warms the next one, and a roll-back finds the last one warm


@lru_cache(maxsize=AT_ONCE)
def _load(places_id: int, objects_id: int) -> "Recogniser":
    # Imported here: only search workers need the engine in memory.
    from ml.recognise import Recogniser

    places, objects = (ModelVersion.objects.get(pk=pk).folder for pk in (places_id, objects_id))
    return Recogniser(places, objects, settings.ENGINE_CACHE_DIR, settings.ENGINE_THREADS, settings.ENGINE)


def recogniser(version: ModelVersion | None = None) -> "tuple[Recogniser, ModelVersion]":
    """Return the loaded model and the version it is: ``version``, or the one that serves when this is called.

    Raises UserError ``internal`` when no bundle was registered.
    """
    serving = {each.kind: each for each in ModelVersion.objects.filter(serving=True)}
    places, objects = version or serving.get(ModelVersion.Kind.PLACES), serving.get(ModelVersion.Kind.OBJECTS)
    if places is None or objects is None:
        raise UserError("internal", "The site has no model yet. Run `python manage.py load_starter`.")
    return _load(places.pk, objects.pk), places


def warm_up() -> None:
    """Load the model and tell the site, from now on, that this process answers."""
    from PIL import Image

    from places.health import keep_heart_beating

    model, _ = recogniser()
    model.recognise(Image.new("RGB", (64, 64)))
    keep_heart_beating()
