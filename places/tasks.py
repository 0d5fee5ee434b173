"""Celery tasks: each calls one function."""

import contextlib
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from errors import UserError
from places import (
    candidates,
    fetching,
    finding,
    first_look,
    gallery,
    health,
    nearby,
    newcomers,
    prelabelling,
    promoting,
    reporting,
    searching,
    serving,
    training,
)


@shared_task(soft_time_limit=30, time_limit=40)
def recognise(pk: str) -> None:
    """Answer a search."""
    searching.recognise(UUID(pk))


@shared_task(soft_time_limit=30, time_limit=40)
def predict(keys: list[str]) -> None:
    """Answer another program's pictures."""
    serving.answer([UUID(key) for key in keys])


@shared_task
def watch_newcomers() -> None:
    """Notice places that can answer without training from now on, or no more."""
    newcomers.watch()


@shared_task
def fetch(pk: str) -> None:
    """Fetch the photo behind a search's address."""
    searching.fetch(UUID(pk))


@shared_task
def find_similar(pk: str) -> None:
    """Find pictures like an answered search's photo."""
    finding.find_similar(UUID(pk))


@shared_task
def fetch_web_picture(pk: str, small: bool) -> None:
    """Fetch one picture that a source named."""
    fetching.fetch(UUID(pk), small)


@shared_task
def fetch_thumbnails(pks: list[str]) -> None:
    """Fetch small pictures that a source named, one after the other."""
    fetching.fetch_thumbnails(pks)


@shared_task(soft_time_limit=30, time_limit=40)
def embed_web_picture(pk: str) -> None:
    """Embed one picture of the web."""
    fetching.embed(UUID(pk))


@shared_task(soft_time_limit=30, time_limit=40)
def embed_picture(pk: str) -> None:
    """Embed one picture of the gallery."""
    gallery.embed(UUID(pk))


@shared_task
def embed_missing() -> None:
    """Queue pictures whose message was lost, or that a new model has not seen; have what it says of others stand."""
    gallery.send_missing()
    fetching.send_missing()
    prelabelling.catch_up()


@shared_task
def collect_pictures(pk: int) -> None:
    """Collect candidates, or go on with it."""
    with contextlib.suppress(UserError):  # the row says what went wrong
        candidates.run(pk)


@shared_task
def fetch_first_pictures() -> None:
    """Fetch the pictures of the first look, until they are there."""
    first_look.fetch()


@shared_task(soft_time_limit=30, time_limit=40)
def judge_first_picture(name: str, slug: str, about: dict[str, str]) -> None:
    """Keep a fetched picture if it shows its place."""
    first_look.judge(name, slug, about)


@shared_task
def fill_nearby(pks: list[int]) -> None:
    """Ask OpenStreetMap for what is near places."""
    nearby.fill_each(pks)


@shared_task
def train(pk: int) -> None:
    """Train a model."""
    training.run(pk)


@worker_shutting_down.connect
def give_training_back(**_: object) -> None:
    """Let a worker that is stopped end its training, which another one goes on with."""
    training.let_go()


@worker_ready.connect
def announce(sender: Any = None, **_: object) -> None:
    """Let the site know that there is this worker."""
    health.announce(sender)


@worker_ready.connect
def go_on_with_promotion(sender: Any = None, **_: object) -> None:
    """Have a search worker that is back do what it was at."""
    if str(sender.hostname).startswith("search@"):
        promoting.resume()


@shared_task
def continue_promotion(pk: int) -> None:
    """Bring a promotion a step further."""
    promoting.step(pk)


@shared_task(soft_time_limit=300, time_limit=330)
def embed_for_promotion(pk: int, own: list[str], web: list[str]) -> None:
    """Embed pictures with the version that is being promoted."""
    promoting.embed(pk, own, web)


@shared_task
def sweep() -> None:
    """Save what lost workers left behind."""
    searching.sweep()
    training.sweep()
    promoting.sweep()
    candidates.sweep()


@shared_task
def purge() -> None:
    """Delete what has expired."""
    searching.purge()
    promoting.purge()
    finding.forget_old_queries()
    reporting.forget_old()


@shared_task
def forget_logins() -> None:
    """Delete old records of failed logins."""
    from django.core.management import call_command

    call_command("axes_reset_logs", age=30)
