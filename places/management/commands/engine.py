"""``engine``: what computes the answers on this machine, and how fast."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml.bundle import Bundle, BundleError
from ml.engine import EngineError, choice
from places.models import ModelVersion


class Command(BaseCommand):
    """Show the engines for each model that serves, as they were timed on this machine."""

    help = (
        "Show what computes the answers on this machine: every engine with its milliseconds for one picture, how it "
        "agrees with single precision, and which is used. ENGINE in the environment sets another."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take folders of bundles, --again and --json."""
        parser.add_argument("folders", nargs="*", type=Path, help="bundles; without any, the models that serve")
        parser.add_argument("--again", action="store_true", help="time them now, whatever is remembered")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a table for each bundle."""
        folders = options["folders"] or [version.folder for version in ModelVersion.objects.filter(serving=True)]
        if not folders:
            raise CommandError("The site has no model yet. Run `python manage.py load_starter`.")
        try:
            found = [_found(Bundle.load(folder), options["again"]) for folder in folders]
        except (BundleError, EngineError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=1))
        else:
            self.stdout.write("\n\n".join(_table(each) for each in found))


def _found(bundle: Bundle, again: bool) -> dict[str, Any]:
    cache, threads = settings.ENGINE_CACHE_DIR, settings.ENGINE_THREADS
    timed = choice.timings(bundle, cache, threads, again)
    return {
        "bundle": f"{bundle.name} {bundle.version}",
        "setting": settings.ENGINE,
        "chosen": choice.ranked(bundle, cache, threads, settings.ENGINE)[0],
        "engines": [each.to_dict() for each in timed],
    }


def _table(found: dict[str, Any]) -> str:
    lines = [f"{found['bundle']}, ENGINE={found['setting']}", f"  {'':<14} {'ms':>8} {'same':>7} {'cosine':>7}"]
    for each in found["engines"]:
        mark = "*" if each["name"] == found["chosen"] else " "
        figures = [("milliseconds", ".1f", 8), ("same", ".1%", 7), ("cosine", ".4f", 7)]
        columns = [
            f"{'-' if each[key] is None else format(each[key], style):>{width}}" for key, style, width in figures
        ]
        lines.append(" ".join([mark, f"{each['name']:<14}", *columns, each["note"]]).rstrip())
    return "\n".join(lines)
