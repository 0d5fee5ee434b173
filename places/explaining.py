"""How an answer came about, drawn when somebody asks for it. No model is needed.

The heat map was computed with the answer and kept as numbers; the first layer is read from the bundle, once.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from django.utils.translation import gettext as _
from PIL import Image

from errors import UserError
from ml import drawing
from ml import picture as pictures
from ml.bundle import Bundle, BundleError
from ml.heatmap import TAIL, FirstLayer
from ml.preset import Preset, seen_box, to_input
from places import database, storage
from places.models import ModelVersion, Search

SIDE = 800  # pixels, the long side of what is drawn
HOT = 0.4  # from here on a part of the heat map counts as looked at
SPREAD = 0.45  # more than this share of the photo looked at is no particular part of it
_drawing = threading.BoundedSemaphore(2)  # decoding takes memory: not in every thread at once


@dataclass(frozen=True)
class Eye:
    """How a model is shown photos, and the first thing that it does with them."""

    preset: Preset
    first: FirstLayer | None


class Drawn(NamedTuple):
    """A file that was drawn of a search's photo."""

    name: str
    content_type: str


@lru_cache(maxsize=4)
def _read(folder: Path) -> Eye:
    bundle = Bundle.load(folder)
    path = folder / TAIL
    return Eye(bundle.preset, FirstLayer.load(path) if path.is_file() else None)


def eye_of(version: ModelVersion | None) -> Eye | None:
    """Return how ``version`` sees, or None when its bundle is not here any more."""
    try:
        return _read(version.folder) if version else None
    except BundleError:
        return None


def looked(search: Search) -> str:
    """Return in words where the network looked, such as "mostly in the upper middle"; empty without a heat map."""
    heat = _whole(search, (90, 90))
    if heat is None:
        return ""
    shares = np.asarray(heat, np.float32) / 255
    hot = np.where(shares >= HOT, shares, 0)
    if not hot.any():
        return ""
    if (hot > 0).mean() > SPREAD:
        return _("all over the photo")
    rows, columns = np.indices(hot.shape)
    down, across = (int((hot * index).sum() / hot.sum() // 30) for index in (rows, columns))
    return _parts()[down][across]


def _parts() -> list[list[str]]:
    return [
        [_("mostly in the upper left"), _("mostly in the upper middle"), _("mostly in the upper right")],
        [_("mostly on the left"), _("mostly in the middle"), _("mostly on the right")],
        [_("mostly in the lower left"), _("mostly in the lower middle"), _("mostly in the lower right")],
    ]


def _cut(search: Search, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the part of a photo of ``size`` that the search is about: left, top, right, bottom."""
    x, y, width, height = search.crop or (0, 0, 1, 1)
    left, top = round(x * size[0]), round(y * size[1])
    return (left, top, max(left + 1, round((x + width) * size[0])), max(top + 1, round((y + height) * size[1])))


def _whole(search: Search, size: tuple[int, int]) -> Image.Image | None:
    """Return the heat map as a grey picture of the whole photo; cold is what the network was not shown."""
    eye = eye_of(search.model_version)
    if not search.heat or eye is None:
        return None
    left, top, right, bottom = _cut(search, size)
    seen = seen_box(Image.new("1", (right - left, bottom - top)), eye.preset)
    box = (left + seen[0], top + seen[1], left + seen[2], top + seen[3])
    return drawing.stretch(np.asarray(search.heat, np.float32), size, box)


def drawn(search: Search, file: str) -> Drawn | None:
    """Return one of ``storage.DRAWN`` of a search's photo, drawn now unless it was before; None if it cannot be.

    Raises UserError ``busy`` when the disk refuses.
    """
    name, content_type = storage.drawn_name(search.pk, file), f"image/{'png' if file.endswith('png') else 'jpeg'}"
    if storage.exists(name):
        return Drawn(name, content_type)
    database.give_back()
    with _drawing:
        data = _draw(search, file)
    if data is None:
        return None
    storage.save(name, data)
    if not Search.objects.filter(pk=search.pk, deleted_at=None).exists():
        storage.delete(name)  # deleted while it was drawn
        return None
    return Drawn(name, content_type)


def _draw(search: Search, file: str) -> bytes | None:
    try:
        photo = pictures.decode(storage.read(search.photo), SIDE)
    except (FileNotFoundError, UserError):
        return None
    if file == "maps.jpg":
        return _maps(search, photo)
    heat = _whole(search, photo.size)
    if heat is None:
        return None
    if file == "heat.png":
        return _png(drawing.veil(heat.reduce(2)))  # it is soft: half the pixels each way show the same
    ways: dict[str, Callable[[], Image.Image]] = {
        "heat.jpg": lambda: drawing.coloured(heat),
        "overlay.jpg": lambda: drawing.overlay(photo, heat),
        "segmentation.jpg": lambda: drawing.segmentation(photo, heat),
    }
    return pictures.to_jpeg(ways[file]())


def _maps(search: Search, photo: Image.Image) -> bytes | None:
    """Return what the first layer makes of the photo, as a grid of maps."""
    eye = eye_of(search.model_version)
    if eye is None or eye.first is None:
        return None
    values = eye.first.maps(to_input(photo.crop(_cut(search, photo.size)), eye.preset))
    return pictures.to_jpeg(drawing.maps(values))


@lru_cache(maxsize=4)
def kernels(folder: Path) -> bytes | None:
    """Return the filters of the first layer in ``folder``'s bundle as a PNG, None if the bundle has none."""
    eye = _read(folder)
    return None if eye.first is None else _png(drawing.kernels(eye.first.kernels, eye.preset.order))


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
