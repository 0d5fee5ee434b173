"""``rollback``: have the version before serve again."""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from errors import UserError
from places import promoting

EXAMPLES = """
example:
  manage.py rollback     at once: its embeddings are still there; again, and the one before that serves

A promotion that is going on is cancelled. Pictures that came since are embedded with it within minutes.
"""


class Command(BaseCommand):
    """Roll back."""

    help = "Have the version serve again that did before the last promotion."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Show the example as it stands."""
        kwargs |= {"epilog": EXAMPLES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def handle(self, *args: Any, **options: Any) -> None:
        """Switch."""
        try:
            version = promoting.roll_back(None)
        except UserError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{version} serves again.")
