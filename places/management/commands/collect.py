"""``collect``: pictures for training, from the web into folders."""

import signal
import sys
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from crawler.clean import Rules
from crawler.collect import Outcome, Plan, Progress, Wanted
from errors import UserError
from places import candidates, collecting
from places.models import Place

EXAMPLES = """
examples:
  manage.py collect photos --places big-ben louvre            two places of the database, 200 pictures each
  manage.py collect photos --collection europe --per-class 50 a collection of places
  manage.py collect photos --list places.xlsx                 a name and a hexadecimal index a row
  manage.py collect photos --classes "cat, dog" --equal       anything, as many of each
  manage.py collect --review --places big-ben             into the review of the site instead of a folder
  manage.py collect --write-list places.xlsx --collection europe

FOLDER gets a folder a class with numbered pictures, manifest.jsonl (source, page, licence, author, hashes
and time of each picture) and report.html (what was dropped and why). Stop with Ctrl-C; the same command goes
on where it was. Hosts, addresses and hashes in VAR_DIR/denied.txt are never collected, nor is what
robots.txt or the owner's headers keep from programs.
"""


def count(text: str) -> int:
    """Read a number of at least 1."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 to 1,000,000")
    return int(text)


class Command(BaseCommand):
    """Collect."""

    help = "Collect pictures of places, or of anything, from the web; clean them and keep each once."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Show the examples as they stand."""
        kwargs |= {"epilog": EXAMPLES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to collect, from where, and how it must be."""
        parser.add_argument("folder", nargs="?", type=Path, help="where the pictures go")
        what = parser.add_argument_group("what to collect (one of these)").add_mutually_exclusive_group(required=True)
        what.add_argument("--places", nargs="+", metavar="SLUG", help="places of the database")
        what.add_argument("--collection", metavar="SLUG", help="all places of a collection")
        what.add_argument("--all-places", action="store_true", help="every place of the database")
        what.add_argument("--list", type=Path, metavar="FILE", help="an .xlsx or .csv with the columns name and index")
        what.add_argument("--classes", metavar="NAMES", help="names of anything, with commas between them")
        how = parser.add_argument_group("how")
        how.add_argument("--per-class", type=count, default=200, metavar="N", help="pictures a class (200)")
        how.add_argument("--sources", default="", metavar="NAMES", help="with commas; all that are set up by default")
        how.add_argument("--within-km", type=float, metavar="KM", help="photos taken near, from sources that know")
        how.add_argument("--min-side", type=count, default=224, metavar="PX", help="shortest short side (224)")
        how.add_argument("--max-side", type=count, default=1600, metavar="PX", help="larger ones are shrunk (1600)")
        how.add_argument("--drawings", action="store_true", help="keep drawings, maps and pages of text too")
        how.add_argument("--equal", action="store_true", help="set aside what the smallest class has less")
        how.add_argument("--threads", type=count, default=32, metavar="N", help="downloads at once (32)")
        parser.add_argument(
            "--review", action="store_true", help="have the pictures wait in the site's review; places only, no FOLDER"
        )
        parser.add_argument("--write-list", type=Path, metavar="FILE", help="write the places to FILE and end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Collect, showing how it goes, and say what became of it."""
        try:
            if options["write_list"]:
                collecting.write_list(options["write_list"], self._places(options))
                return
            if options["review"]:
                self._collect_for_review(options)
                return
            if options["folder"] is None:
                raise CommandError("Please say which folder the pictures go to, or --review.")
            outcome = self._collect(self._wanted(options), options)
        except UserError as error:
            raise CommandError(error.message) from error
        self._tell(outcome, options["folder"])

    def _collect(self, wanted: list[Wanted], options: dict[str, Any]) -> Outcome:
        names = [name.strip() for name in options["sources"].split(",") if name.strip()]
        with stopping() as should_stop, Bar() as bar:
            return collecting.collect_into(
                options["folder"],
                wanted,
                collecting.sources(names),
                plan=Plan(options["per_class"], options["threads"], options["equal"]),
                rules=Rules(options["min_side"], max_side=options["max_side"], photos_only=not options["drawings"]),
                on_progress=bar.show,
                should_stop=should_stop,
            )

    def _collect_for_review(self, options: dict[str, Any]) -> None:
        """Do a run as an io worker does one; stopped, it goes on in the admin."""
        if options["folder"] is not None or options["equal"]:
            raise CommandError("With --review there is neither a FOLDER nor --equal.")
        names = [name.strip() for name in options["sources"].split(",") if name.strip()]
        run = candidates.start(self._places(options), names, options["per_class"], None, drawings=options["drawings"])
        with stopping() as should_stop, Bar() as bar:
            outcome = candidates.run(run.pk, on_progress=bar.show, should_stop=should_stop)
        if outcome is None:
            raise CommandError(f"Another run is at work. Run {run.pk} waits, and begins when that has ended.")
        for result in outcome.results:
            self.stdout.write(result.sentence)
        self.stdout.write(f"What was kept waits at {settings.SITE_URL or ''}/admin/review/.")
        if outcome.stopped:
            run.refresh_from_db(fields=["error"])
            why = run.error or "Stopped."
            raise CommandError(f"{why} Run {run.pk} goes on from /admin/collecting/{run.pk}/.", returncode=130)

    def _wanted(self, options: dict[str, Any]) -> list[Wanted]:
        if options["list"]:
            return collecting.of_list(options["list"])
        if options["classes"]:
            return collecting.of_names(options["classes"].split(","))
        return collecting.of_places(self._places(options), options["within_km"])

    def _places(self, options: dict[str, Any]) -> list[Place]:
        places = Place.objects.current().order_by("slug")
        if options["places"]:
            places = places.filter(slug__in=options["places"])
            if missing := set(options["places"]) - {place.slug for place in places}:
                raise CommandError(f"There is no place {', '.join(sorted(missing))}.")
        elif options["collection"]:
            places = places.filter(collections__slug=options["collection"])
        elif not options["all_places"]:
            raise CommandError("A list can be written of places only: --places, --collection or --all-places.")
        if not places:
            raise CommandError("There are no such places.")
        return list(places)

    def _tell(self, outcome: Outcome, folder: Path) -> None:
        for result in outcome.results:
            self.stdout.write(result.sentence)
        if outcome.equal is not None:
            self.stdout.write(f"Every class has {outcome.equal} pictures now; the others are called .surplus.")
        self.stdout.write(f"What was dropped and why: {folder / 'report.html'}")
        if outcome.stopped:
            raise CommandError("Stopped. The same command goes on from here.", returncode=130)
        if not any(result.kept for result in outcome.results):
            raise CommandError("Nothing was collected.")


class Bar:
    """One line on stderr: kept, rate, dropped, time left."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] = tqdm(file=sys.stderr, unit=" pictures", mininterval=0.5)

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def show(self, progress: Progress) -> None:
        """Draw where the run stands."""
        if self._bar.total is None:
            self._bar.total = progress.wanted
            self._bar.reset(progress.wanted)
            self._bar.initial = self._bar.n = progress.kept
        self._bar.n = progress.kept
        self._bar.set_description(progress.name[:30], refresh=False)
        self._bar.set_postfix(dropped=progress.dropped, refresh=False)
        self._bar.refresh()


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and the end of a session into a wish to stop; a second one ends at once."""
    wishes: list[int] = []

    def wish(number: int, frame: object) -> None:
        wishes.append(number)
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, wish) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(wishes)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
