"""``export``: places, decisions, manifest and feedback as files."""

import sys
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from places import exporting

EXAMPLES = """
examples:
  manage.py export places > places.csv
  manage.py export manifest --format jsonl --out manifest.jsonl   every picture: source, licence, hash, who decided
  manage.py export all --out export.zip                           every table in every format

Cells that a spreadsheet would run as a formula begin with an apostrophe in csv; jsonl has every value as it is.
"""


class Command(BaseCommand):
    """Export."""

    help = "Write places, decisions, the manifest of pictures or feedback, or all of them in a zip file."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Show the examples as they stand."""
        kwargs |= {"epilog": EXAMPLES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to write, how and where."""
        parser.add_argument("table", choices=[*exporting.TABLES, "all"], help="what to write")
        parser.add_argument("--format", choices=list(exporting.FORMATS), default="csv", help="csv or jsonl (csv)")
        parser.add_argument("--out", type=Path, metavar="FILE", help="where to (standard output)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write, showing how far it is; a file is there whole or not at all."""
        out: Path | None = options["out"]
        if out is None:
            if options["table"] == "all" and sys.stdout.isatty():
                raise CommandError("Please say where the zip file goes: --out FILE.")
            self._write(sys.stdout.buffer, options)
            return
        part = out.with_name(f"{out.name}.part")
        try:
            with part.open("wb") as file:
                self._write(file, options)
            part.replace(out)
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
        finally:
            part.unlink(missing_ok=True)

    @staticmethod
    def _write(file: Any, options: dict[str, Any]) -> None:
        everything = options["table"] == "all"
        tables = exporting.TABLES if everything else {options["table"]: exporting.TABLES[options["table"]]}
        rows = sum(table.count() for table in tables.values()) * (len(exporting.FORMATS) if everything else 1)
        with tqdm(total=rows, file=sys.stderr, unit=" rows", mininterval=0.5) as bar:
            if everything:
                parts = exporting.archive(tables, bar.update)
            else:
                parts = exporting.text(tables[options["table"]], options["format"], bar.update)
            for each in parts:
                file.write(each)
