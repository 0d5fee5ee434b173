"""Valkey as alarm clock, lock and heart rate monitor, beside being Celery's broker."""

import logging
import threading
from functools import cache

import redis
from django.conf import settings

from places import database

log = logging.getLogger(__name__)
WAKE_KEPT_S = 30
# At most half of the web threads wait; the others say at once that it takes longer.
answers = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))
looking = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


@cache
def connection() -> "redis.Redis":
    """Return this process's connection pool to Valkey."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=10)


def ring(name: str) -> None:
    """Wake who waits for ``name``; who comes within half a minute does not wait at all."""
    key = f"ended:{name}"
    pipe = connection().pipeline()
    pipe.lpush(key, 1)
    pipe.expire(key, WAKE_KEPT_S)
    try:
        pipe.execute()
    except redis.RedisError:
        log.warning("nobody was woken for %s: the broker is away", name)


def await_ring(name: str, seconds: float, permits: threading.Semaphore = answers) -> bool:
    """Wait for ``ring(name)`` while ``permits`` last; return whether it came in time.

    A broker that is away is no ring.
    """
    if seconds <= 0 or not permits.acquire(blocking=False):
        return False
    database.give_back()
    try:
        return connection().blpop([f"ended:{name}"], timeout=seconds) is not None
    except redis.RedisError:
        return False
    finally:
        permits.release()
