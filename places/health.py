"""Who answers and who does not: web, database, broker, search workers."""

import os
import socket
import threading
import time
from typing import Any

import redis
from django.db import Error, connection
from kombu.exceptions import KombuError

from geosite.celery import app
from places import broker, database

BEAT_EVERY_S = 3.0
BEAT_KEPT_S = 12
PING_TIMEOUT_S = 1.5
REPORT_KEPT_S = 0.5
_one_at_a_time = threading.Lock()
_last: tuple[float, dict[str, Any]] = (float("-inf"), {})


def keep_heart_beating() -> None:
    """Say, as long as this process lives, that it has a model and takes searches."""
    key = f"model:{socket.gethostname()}:{os.getpid()}"

    def beat() -> None:
        while True:
            time.sleep(BEAT_EVERY_S)
            _say(key)

    _say(key)
    threading.Thread(target=beat, name="heartbeat", daemon=True).start()


def announce(worker: Any) -> None:
    """Say, as long as a worker's own loop turns, that it is there to be asked."""
    key = f"worker:{worker.hostname}:{os.getpid()}"
    _say(key)
    worker.timer.call_repeatedly(BEAT_EVERY_S, _say, (key,))


def _say(key: str) -> None:
    try:
        broker.connection().set(key, 1, ex=BEAT_KEPT_S)
    except redis.RedisError:
        pass  # the next beat tries again


def _ping(**broadcast: Any) -> list[dict[str, Any]]:
    try:
        # A connection of its own: callers that share Celery's pool would wait for each other for ever.
        with app.connection_for_write() as own:
            return app.control.broadcast("ping", reply=True, connection=own, **broadcast) or []
    except (KombuError, redis.RedisError, OSError):
        return []


def _announced(pattern: str) -> int:
    """Return how many there are who say that they live; nobody waits for an answer of those who do not."""
    try:
        return sum(1 for _ in broker.connection().scan_iter(pattern, count=1000))
    except redis.RedisError:
        return 0


def worker_answers(queue: str) -> bool:
    """Whether a worker named after ``queue`` answers a ping now."""
    there = _announced(f"worker:{queue}@*")
    return bool(there and _ping(timeout=PING_TIMEOUT_S, limit=1, pattern=f"{queue}@*", matcher="glob"))


def answering_queues() -> set[str]:
    """Return the queues whose workers answer within a second: ``search``, ``io``, ``train``."""
    there = _announced("worker:*")
    replies = _ping(timeout=1.0, limit=there) if there else []
    return {name.partition("@")[0] for reply in replies for name in reply}


def processes_with_model() -> int:
    """Return how many search processes live and have loaded their model."""
    return _announced("model:*")


def search_worker_ready() -> bool:
    """Whether a search worker lives and has loaded its model."""
    return bool(processes_with_model()) and worker_answers("search")


def database_answers() -> bool:
    """Whether PostgreSQL answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def broker_answers() -> bool:
    """Whether Valkey answers."""
    try:
        return bool(broker.connection().ping())
    except redis.RedisError:
        return False


def report() -> dict[str, Any]:
    """Return what answers, part by part, and one sentence on what does not; at most half a second old."""
    global _last
    database.give_back()
    with _one_at_a_time:
        made, known = _last
        if time.monotonic() - made > REPORT_KEPT_S:
            known = _look()
            _last = (time.monotonic(), known)
        return known


def _look() -> dict[str, Any]:
    parts = {"web": True, "database": database_answers(), "broker": broker_answers()}
    parts["search_worker"] = parts["database"] and parts["broker"] and search_worker_ready()
    missing = [name.replace("_", " ") for name, answers in parts.items() if not answers]
    return {
        "ok": not missing,
        "parts": {name: "ok" if answers else "not answering" for name, answers in parts.items()},
        "message": f"Not answering: {', '.join(missing)}." if missing else "Everything answers.",
    }
