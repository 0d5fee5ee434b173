"""Celery tasks: each calls one function."""

from uuid import UUID

from celery import shared_task

from places import fetching, finding, first_look, gallery, reporting, searching


@shared_task(soft_time_limit=30, time_limit=40)
def recognise(pk: str) -> None:
    """Answer a search."""
    searching.recognise(UUID(pk))


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
    """Queue pictures whose message was lost, or that a new model has not seen."""
    gallery.send_missing()
    fetching.send_missing()


@shared_task
def fetch_first_pictures() -> None:
    """Fetch the pictures of the first look, until they are there."""
    first_look.fetch()


@shared_task(soft_time_limit=30, time_limit=40)
def judge_first_picture(name: str, slug: str, about: dict[str, str]) -> None:
    """Keep a fetched picture if it shows its place."""
    first_look.judge(name, slug, about)


@shared_task
def sweep() -> None:
    """Save what lost workers left behind."""
    searching.sweep()


@shared_task
def purge() -> None:
    """Delete what has expired."""
    searching.purge()
    finding.forget_old_queries()
    reporting.forget_old()


@shared_task
def forget_logins() -> None:
    """Delete old records of failed logins."""
    from django.core.management import call_command

    call_command("axes_reset_logs", age=30)
