"""``export_places``: places into a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from errors import UserError
from places import spreadsheets
from places.models import Place


class Command(BaseCommand):
    """Export."""

    help = "Write the places as a spreadsheet that import_places reads: .xlsx or .csv, by the file's name."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file and which places."""
        parser.add_argument("file", type=Path, metavar="FILE", help="the .xlsx or .csv to write")
        parser.add_argument("--collection", metavar="SLUG", help="only those of a collection")

    def handle(self, *args: Any, **options: Any) -> None:
        """Export."""
        places = Place.objects.current()
        if options["collection"]:
            places = places.filter(collections__slug=options["collection"])
        try:
            spreadsheets.export(options["file"], places)
        except UserError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{places.count():,} places written to {options['file']}")
