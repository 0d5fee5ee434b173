"""``review_queue``: what waits for a curator, and what to look at first."""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count, Q

from ml.usefulness import MISLABELLED
from places import prelabelling, reviewing
from places.management.commands.collect import count
from places.models import Picture, Place
from places.reviewing import Queue

EXAMPLES = """
examples:
  manage.py review_queue                                how much waits, and what to look at first
  manage.py review_queue --place big-ben --next 50      of one place
  manage.py review_queue --status second_look           what the gates kept back
  manage.py review_queue --wrong                        labels of approved pictures that are likely wrong
  manage.py review_queue --json                         the same for programs

Pictures are decided on at /admin/review/. What comes first: what a visitor says is wrong, then what lies between two
answers (usefulness near 2), then what the model takes for something else than its label says (near 1).
"""


class Command(BaseCommand):
    """Print the queue."""

    help = "Show which pictures wait for a curator, by state and place, and the next ones with the reason."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Show the examples as they stand."""
        kwargs |= {"epilog": EXAMPLES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is asked for."""
        parser.add_argument("--status", choices=Picture.Status.values, default="candidate", help="(candidate)")
        parser.add_argument("--place", metavar="SLUG", help="pictures of this place only")
        parser.add_argument("--source", default="", metavar="NAME", help="pictures from there only, such as visitor")
        parser.add_argument("--wrong", action="store_true", help="likely wrong labels among the approved pictures")
        parser.add_argument("--next", type=count, default=20, metavar="N", help="how many pictures are named (20)")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        place = Place.objects.filter(slug=options["place"]).first() if options["place"] else None
        if options["place"] and place is None:
            raise CommandError(f"There is no place {options['place']}.")
        shown = "wrong" if options["wrong"] else ""
        pictures, _more = Queue(options["status"], place, options["source"], shown).page(count=options["next"])
        said = {
            "states": reviewing.counts(),
            "places": _waiting(place),
            "next": [_line(picture) for picture in pictures],
        }
        if options["json"]:
            self.stdout.write(json.dumps(said, ensure_ascii=False, indent=1))
        else:
            self._tell(said)

    def _tell(self, said: dict[str, Any]) -> None:
        for state, number in said["states"].items():
            self.stdout.write(f"{state:<12} {number:>8}")
        if said["places"]:
            self.stdout.write(f"\n{'place':<40} {'candidate':>10} {'second look':>12}")
        for slug, candidates, second_look in said["places"]:
            self.stdout.write(f"{slug:<40} {candidates:>10} {second_look:>12}")
        self.stdout.write(f"\nThe next {len(said['next'])}:" if said["next"] else "\nNothing waits here.")
        for line in said["next"]:
            self.stdout.write(f"{line['id']}  {line['usefulness']:.2f}  {line['label'] or '-'}: {line['why']}")


def _waiting(place: Place | None) -> list[tuple[str, int, int]]:
    """Return slug, candidates and second looks of each place that has any, most first."""
    rows = Picture.objects.filter(status__in=prelabelling.WAITING, place__isnull=False).order_by()
    if place is not None:
        rows = rows.filter(place=place)
    counts = {status.value: Count("pk", filter=Q(status=status)) for status in prelabelling.WAITING}
    found = rows.values_list("place__slug").annotate(**counts)
    return sorted(found, key=lambda row: (-row[1] - row[2], row[0]))


def _line(picture: Picture) -> dict[str, Any]:
    return {
        "id": str(picture.pk),
        "usefulness": picture.usefulness,
        "label": picture.place.slug if picture.place else "",
        "predicted": picture.predicted.slug if picture.predicted else "",
        "kind": picture.predicted_kind,
        "confidence": picture.confidence,
        "source": picture.source,
        "why": _why(picture),
    }


def _why(picture: Picture) -> str:
    """Say why a picture stands where it stands."""
    if not picture.predicted_kind:
        return "the model does not know this place, or has not looked yet"
    kinds = {"unknown": "none of our places", "not_a_place": "no place"}
    seen = picture.predicted.slug if picture.predicted else kinds.get(picture.predicted_kind, "a place that is gone")
    answer = f"the model says {seen} ({picture.confidence or 0.0:.0%})"
    if picture.usefulness >= prelabelling.DISPUTED:
        return f"a visitor says that the answer was wrong; {answer}"
    least, most = MISLABELLED
    if least <= picture.usefulness <= most:
        return f"probably mislabelled: {answer}"
    return f"near the boundary: {answer}" if picture.usefulness > most else answer
