"""``promote``: have a version serve."""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from errors import UserError
from places import health, promoting
from places.management.commands.evaluate import version_of
from places.management.commands.reindex import followed
from places.models import Promotion

EXAMPLES = """
examples:
  manage.py promote 2026.11.21-0a1b2c3d            embed the gallery with it, then have it serve
  manage.py promote 2026.11.21-0a1b2c3d --no-wait  begin, and leave it to the workers
  manage.py promote --cancel                       leave everything as it is

The version before serves until all pictures are embedded; then model and embeddings switch together, in running
workers too. Ctrl-C ends only the watching. `manage.py rollback` goes back at once.
"""


class Command(BaseCommand):
    """Promote."""

    help = "Check a version's bundle, embed the gallery with it in the background, then have it serve."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Show the examples as they stand."""
        kwargs |= {"epilog": EXAMPLES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the version."""
        parser.add_argument("version", nargs="?", metavar="VERSION", help="as the admin and `evaluate` call it")
        parser.add_argument("--no-wait", action="store_true", help="do not wait until it serves")
        parser.add_argument("--cancel", action="store_true", help="cancel the promotion that is going on")

    def handle(self, *args: Any, **options: Any) -> None:
        """Begin, or cancel; wait until it serves."""
        going_on = Promotion.open()
        if options["cancel"]:
            if going_on is None:
                raise CommandError("No version is being promoted.")
            promoting.cancel(going_on, None)
            self.stdout.write(f"The promotion of {going_on.version} was cancelled; nothing was changed.")
            return
        if not options["version"]:
            raise CommandError("Please say which version: `manage.py evaluate --help` shows how they are called.")
        version = version_of(options["version"])
        try:
            promotion = going_on if going_on and going_on.version == version else promoting.promote(version, None)
        except UserError as error:
            raise CommandError(error.message) from error
        if options["no_wait"]:
            self.stdout.write(f"{version} will serve once {promotion.total} pictures are embedded.")
            return
        if not health.worker_answers("search"):
            raise CommandError("No search worker is answering: the promotion waits for one. Start the site: `make run`")
        followed(lambda: _left(promotion), "embedded")
        promotion.refresh_from_db()
        if promotion.state != Promotion.State.DONE:
            raise CommandError(f"{version} does not serve: {promotion.error or promotion.get_state_display()}")
        self.stdout.write(f"{version} serves. `manage.py rollback` goes back.")


def _left(promotion: Promotion) -> int | None:
    """Return how many pictures are still to be embedded; None once the promotion has ended."""
    promotion.refresh_from_db()
    return promoting.left(promotion) if promotion.state == Promotion.State.EMBEDDING else None
