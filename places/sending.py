"""Handing work to the workers, by a task's name, so that verbs need not import the tasks that call them."""

import logging

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from errors import UserError
from geosite.celery import app

log = logging.getLogger(__name__)


def send(task: str, *arguments: object, expires: int | None = None) -> None:
    """Queue one of ``places.tasks``; after ``expires`` seconds nobody needs it.

    Raises UserError ``queue_down``, within two seconds, when the broker is away.
    """
    try:
        app.send_task(f"places.tasks.{task}", arguments, retry=False, expires=expires)
    except (OperationalError, RedisError, OSError) as error:
        log.error("the queue is down: %s", error)
        raise UserError("queue_down", "The site cannot take photos just now. Please try again in a minute.") from error
