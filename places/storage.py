"""Files by our own names, in one storage."""

import shutil
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from errors import UserError

ORIGINALS, PHOTOS = "searches", "photos"
# What is drawn of a photo when somebody asks how it was seen; each lies beside it and goes with it.
DRAWN = ("heat.png", "heat.jpg", "overlay.jpg", "segmentation.jpg", "maps.jpg")


def original_name(search_id: UUID) -> str:
    """Where a visitor's file lies until it is recognised."""
    return f"{ORIGINALS}/{search_id}"


def photo_name(search_id: UUID) -> str:
    """Where a visitor's re-encoded photo lies until it is deleted."""
    return f"{PHOTOS}/{search_id}.jpg"


def drawn_name(search_id: UUID, drawing: str) -> str:
    """Where one of ``DRAWN`` lies until the photo is deleted."""
    return f"{PHOTOS}/{search_id}-{drawing}"


def drawn_names(search_id: UUID) -> list[str]:
    """Return where all of ``DRAWN`` lie, those that nobody asked for too."""
    return [drawn_name(search_id, drawing) for drawing in DRAWN]


def check_space() -> None:
    """Raise UserError ``busy`` when the disk is nearly full, before anything is accepted."""
    settings.MEDIA_ROOT.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(settings.MEDIA_ROOT).free < settings.MIN_FREE_BYTES:
        raise UserError("busy", "The site has no room for more photos just now. Please try again later.")


def save(name: str, data: bytes) -> str:
    """Store ``data`` under exactly ``name``, replacing what was there.

    Raises UserError ``busy`` when the disk refuses; nothing partial stays.
    """
    try:
        return str(default_storage.save(name, ContentFile(data)))
    except OSError as error:
        default_storage.delete(name)
        raise UserError("busy", "The site could not store the photo. Please try again later.") from error


def exists(name: str) -> bool:
    """Whether there is a file of that name."""
    return bool(default_storage.exists(name))


def read(name: str) -> bytes:
    """Return a stored file's bytes. Raises FileNotFoundError."""
    with default_storage.open(name) as file:
        return bytes(file.read())


def delete(*names: str) -> None:
    """Delete files; empty names and absent files are fine."""
    for name in filter(None, names):
        default_storage.delete(name)


def delete_older(folder: str, age: timedelta) -> None:
    """Delete the files of ``folder`` that are older than ``age``: what a killed process left without a row."""
    try:
        names = default_storage.listdir(folder)[1]
    except FileNotFoundError:
        return
    for name in (f"{folder}/{name}" for name in names):
        if timezone.now() - default_storage.get_modified_time(name) > age:
            default_storage.delete(name)
