"""Celery: the work that web threads hand over."""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_after_setup, worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "geosite.settings")

app = Celery("geosite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["places"])

_consumed: set[str] = set()


@celeryd_after_setup.connect
def note_queues(instance: Any, **_: Any) -> None:
    """Remember, before the fork, which queues this worker consumes."""
    _consumed.update(instance.app.amqp.queues.consume_from)


@worker_process_init.connect
def load_model(**_: Any) -> None:
    """Load and warm the model in each search process, before its first task.

    A model compiled before the fork would run on one thread.
    """
    if "search" in _consumed:
        from places.recognising import warm_up

        warm_up()
