"""``reindex``: embed the pictures with the version that serves."""

from __future__ import annotations

import sys
import time
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError
from tqdm import tqdm

from errors import UserError
from places import broker, fetching, gallery, health
from places.models import ModelVersion, Picture
from places.sending import send

EXAMPLES = """
examples:
  manage.py reindex             what has no embedding yet; beat does the same every minute
  manage.py reindex --all       every picture anew, in place, while the site serves
  manage.py reindex --no-wait   only queue them
"""
LOOK_EVERY_S = 0.5


class Command(BaseCommand):
    """Queue pictures for the search workers."""

    help = "Embed the pictures of the gallery and of the web with the version that serves."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Show the examples as they stand."""
        kwargs |= {"epilog": EXAMPLES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which pictures."""
        parser.add_argument("--all", action="store_true", help="those that are embedded already, too")
        parser.add_argument("--no-wait", action="store_true", help="do not wait until they are embedded")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send one task a picture, and follow them."""
        version = ModelVersion.serving_places()
        if version is None:
            raise CommandError("The site has no model yet. Run `manage.py load_starter`.")
        try:
            count = _queue_all() if options["all"] else gallery.send_missing() + fetching.send_missing()
            waits = broker.connection().llen("embed")
        except (UserError, RedisError) as error:
            raise CommandError("The queue is down. Start the site with `make run`.") from error
        if options["no_wait"] or not waits:
            self.stdout.write(f"{count} pictures queued.")
            return
        if not health.worker_answers("search"):
            raise CommandError(f"{count} pictures wait, but no search worker is answering. Start one with `make run`.")
        followed(lambda: broker.connection().llen("embed") or None, "embedded")
        self.stdout.write(f"{count} pictures embedded with {version}.")


def _queue_all() -> int:
    pictures = Picture.objects.filter(problem="").values_list("pk", flat=True)
    for pk in pictures:
        send("embed_picture", str(pk))
    return len(pictures)


def followed(left: Callable[[], int | None], unit: str) -> None:
    """Draw a bar on stderr until ``left`` has none more to tell."""
    with tqdm(file=sys.stderr, unit=f" {unit}", leave=False) as bar:
        while (now := left()) is not None:
            bar.total = max(bar.total or 0, now)
            bar.n = bar.total - now
            bar.refresh()
            time.sleep(LOOK_EVERY_S)
