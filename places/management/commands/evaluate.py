"""``evaluate``: how good versions are, on photos that they were not trained on."""

from __future__ import annotations

import tempfile
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from errors import UserError
from places import material, training
from places.management.commands.train import collection_of
from places.models import ModelVersion

EXAMPLES = """
examples:
  manage.py evaluate                                the version that serves, on approved pictures that are held out
  manage.py evaluate 2026.11.21-0a1b2c3d            another one
  manage.py evaluate 2026.11.21-0a1b2c3d serving    both, compared on photos of places that both know
  manage.py evaluate --photos ../landmarks          on photos of your own: a folder for each place's slug
"""


class Command(BaseCommand):
    """Evaluate."""

    help = "Measure how right versions are, print the figures, and write a report to look at."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Show the examples as they stand."""
        kwargs |= {"epilog": EXAMPLES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take versions, and photos."""
        parser.add_argument("versions", nargs="*", default=["serving"], metavar="VERSION", help="default: serving")
        parser.add_argument("--collection", metavar="SLUG", help="pictures of a collection's places (default: all)")
        parser.add_argument("--photos", type=Path, metavar="FOLDER", help="photos of your own, as ml.train reads them")
        parser.add_argument("--out", type=Path, metavar="FOLDER", help="of the report (default: in VAR_DIR/reports)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Gather the photos, and evaluate."""
        versions = [version_of(name) for name in options["versions"]]
        out = options["out"] or settings.VAR_DIR / "reports" / "-".join(version.version for version in versions)
        try:
            if options["photos"]:
                training.evaluate(versions, options["photos"].resolve(), out.resolve())
                return
            with tempfile.TemporaryDirectory() as folder:
                material.gather(collection_of(options["collection"]), leave_out=True).write(Path(folder))
                training.evaluate(versions, Path(folder), out.resolve())
        except UserError as error:
            raise CommandError(error.message) from error


def version_of(name: str) -> ModelVersion:
    """Return the version of that name, or the one that serves for ``serving``; raises CommandError."""
    places = ModelVersion.objects.filter(kind=ModelVersion.Kind.PLACES)
    found = places.filter(serving=True) if name == "serving" else places.filter(version=name)
    version = found.first()
    if version is None:
        known = ", ".join(places.filter(retired_at=None).values_list("version", flat=True))
        raise CommandError(f"There is no version {name}. There are: {known or 'none; run `manage.py load_starter`'}")
    return version
