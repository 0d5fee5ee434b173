"""``import_places``: places from a spreadsheet."""

from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from errors import UserError
from places import spreadsheets
from places.place_rows import COLUMNS

EXAMPLES = f"""
examples:
  manage.py import_places places.xlsx --dry-run    what would change, field by field; nothing is written
  manage.py import_places places.xlsx              all of it, or nothing if a row is wrong
  manage.py export_places places.xlsx              the places as such a spreadsheet

FILE is an .xlsx or a .csv in UTF-8 with headings in its first row. A row is a place by its hexadecimal index, so
`index` and `name` are needed; a new place needs `country`, `latitude` and `longitude` as well. Columns that are not
there stay as they are, empty cells empty their field. Slugs never change. Columns:
  {", ".join(COLUMNS[:8])},
  {", ".join(COLUMNS[8:])}
aliases: "ko: 남산타워 | Seoul Tower", with or without a language; collections: their slugs, with commas.
Formulas are refused, never computed. At most {spreadsheets.USUAL.rows:,} rows.
"""
SHOWN = 50


class Command(BaseCommand):
    """Import."""

    help = "Take places over from a spreadsheet: new ones and changes, all or nothing."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Show the examples as they stand."""
        kwargs |= {"epilog": EXAMPLES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file."""
        parser.add_argument("file", type=Path, metavar="FILE", help="an .xlsx or a .csv")
        parser.add_argument("--dry-run", action="store_true", help="say what would change and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, showing how it goes, and say what changed."""
        with tqdm(file=sys.stderr, unit=" rows", mininterval=0.5) as bar:

            def show(report: spreadsheets.Report) -> None:
                bar.update(report.rows - bar.n)
                bar.set_postfix(new=report.new, changed=report.changed, wrong=report.wrong, refresh=False)

            try:
                report = spreadsheets.run(options["file"], write=not options["dry_run"], on_progress=show)
            except UserError as error:
                raise CommandError(error.message) from error
        self._tell(report)
        if report.wrong:
            raise CommandError(f"{report.wrong:,} rows cannot be taken, so nothing was written.")
        if options["dry_run"]:
            self.stdout.write("Nothing was written.")

    def _tell(self, report: spreadsheets.Report) -> None:
        for change in report.changes[:SHOWN]:
            self.stdout.write(f"{'new' if change.new else 'changed'}: {change.place.index} {change.place.name}")
            for name, before, after in change.fields:
                self.stdout.write(f"  {name}: {before!r} -> {after!r}")
        if (more := report.new + report.changed - SHOWN) > 0:
            self.stdout.write(f"and {more:,} more")
        for number, sentence in report.errors[:SHOWN]:
            self.stderr.write(f"row {number}: {sentence}")
        self.stdout.write(f"{report.new:,} new, {report.changed:,} changed, {report.unchanged:,} unchanged")
