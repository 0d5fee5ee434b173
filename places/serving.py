"""Answering other programs: pictures in, the model's whole vector out, nothing kept.

The web process has no model: pictures lie in the storage until a search worker has read them, as a visitor's photo
does; the vectors come back through Valkey, to who waits for them.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID, uuid4

import redis
from django.conf import settings

from errors import UserError
from ml.header import inspect
from places import broker, database, storage
from places.models import Search
from places.sending import send

log = logging.getLogger(__name__)
MOST = 32  # pictures a request
AT_ONCE = 4  # pictures a message; between two messages visitors' searches have their turn
WITHIN_S = 20.0  # what a request waits at most
SLICE_S = 4.0  # of it; shorter than the connection's own patience
# An eighth of the web threads wait for such answers; who comes beyond that is told to come again.
waiting = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 8))


@dataclass(frozen=True)
class Vectors:
    """The probabilities (N, C) over the labels of the version with the key ``version``."""

    version: int
    rows: list[list[float]]


class BadPicture(UserError):
    """One of several pictures cannot be used; ``number`` counts from 0."""

    def __init__(self, number: int, error: UserError) -> None:
        super().__init__(error.code, *error.sentences, **error.values)
        self.number = number


def predict(pictures: list[bytes], within_s: float = WITHIN_S) -> Vectors:
    """Return what the serving model says of ``pictures``, which are forgotten at once.

    Raises BadPicture, or UserError ``busy`` or ``queue_down`` when no search worker can answer.
    """
    for number, data in enumerate(pictures):
        try:
            inspect(data)
        except UserError as error:
            raise BadPicture(number, error) from error
    if Search.objects.waiting().count() >= settings.MAX_WAITING or not waiting.acquire(blocking=False):
        raise too_many()
    keys, until = [uuid4() for _ in pictures], time.monotonic() + within_s
    try:
        storage.check_space()
        for key, data in zip(keys, pictures, strict=True):
            storage.save(storage.original_name(key), data)
        parts = [_said_of(keys[start : start + AT_ONCE], start, until) for start in range(0, len(keys), AT_ONCE)]
    finally:
        waiting.release()
        storage.delete(*map(storage.original_name, keys))
    if len({part.version for part in parts}) > 1:  # another one was promoted meanwhile, with other labels
        raise UserError("busy", "The site cannot answer just now. Please try again in a minute.")
    return Vectors(parts[0].version, [row for part in parts for row in part.rows])


def too_many() -> UserError:
    """Return the refusal of who comes while many others are at it."""
    return UserError("busy", "Many pictures are waiting already. Please try again in half a minute.")


def _said_of(keys: list[UUID], start: int, until: float) -> Vectors:
    """Have a worker look at some of a request's pictures, of which the first is the ``start``-th."""
    send("predict", [str(key) for key in keys], expires=max(1, int(until - time.monotonic())))
    return _read(_await(keys[0], until), start)


def answer(keys: list[UUID]) -> None:
    """Look at the pictures of one message and ring with their vectors, unless nobody waits for them any more."""
    from ml import picture
    from places.recognising import recogniser

    model, version = recogniser()
    rows = []
    said: dict[str, object] = {}
    for number, key in enumerate(keys):
        try:
            image = picture.decode(storage.read(storage.original_name(key)))
        except FileNotFoundError:
            return
        except UserError as error:
            said = {"number": number, "code": error.code, "sentences": error.sentences, "values": error.values}
            break
        rows.append([round(float(p), 8) for p in model.probabilities(image)])
    _ring(keys[0], said or {"version": version.pk, "rows": rows})


def _name(key: UUID) -> str:
    return f"predicted:{key}"


def _ring(key: UUID, said: dict[str, object]) -> None:
    pipe = broker.connection().pipeline()
    pipe.lpush(_name(key), json.dumps(said))
    pipe.expire(_name(key), broker.WAKE_KEPT_S)
    pipe.execute()


def _await(key: UUID, until: float) -> bytes | str:
    """Wait for what a worker says. Raises UserError ``busy`` when none does in time."""
    database.give_back()
    with suppress(redis.RedisError):
        while (left := until - time.monotonic()) > 0:
            said = broker.connection().blpop([_name(key)], timeout=min(left, SLICE_S))
            if said is not None:
                return said[1]
    raise UserError("busy", "No worker answers just now. Please try again in half a minute.")


def _read(said: bytes | str, start: int) -> Vectors:
    values = json.loads(said)
    if "number" in values:
        error = UserError(values["code"], *values["sentences"], **values["values"])
        raise BadPicture(start + values["number"], error)
    return Vectors(values["version"], values["rows"])
