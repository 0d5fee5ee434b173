"""``classify``: from class names to sorted pictures."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from errors import UserError
from places import classifying
from places.management.commands.collect import Bar


class Command(BaseCommand):
    """Collect, train, predict and sort."""

    help = (
        "Sort the pictures of a folder into classes that you name. A network that was trained for these classes before "
        "is used again; else pictures of each are loaded from search engines and cleaned, as many of each class, a "
        "fifth set apart, a network transfer-learned and fine-tuned. OUT gets a folder for each class, 'unsure', "
        "predictions.csv, and for every picture where the network looked."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take names, a folder and a threshold."""
        parser.add_argument("--classes", required=True, metavar="NAMES", help='names with commas: "cat, dog"')
        parser.add_argument("--pictures", required=True, type=Path, metavar="DIR", help="the pictures to sort")
        parser.add_argument("--threshold", type=float, default=0.99, help="confidence to be sorted by (default: 0.99)")
        parser.add_argument("--out", type=Path, metavar="OUT", help="default: the folder's name with -sorted")
        parser.add_argument(
            "--photos", type=Path, metavar="DIR", help="a folder of photos for each class: none are loaded"
        )
        parser.add_argument(
            "--per-class", type=int, default=classifying.PER_CLASS, help="pictures to load (default: 600)"
        )
        parser.add_argument("--network", default="vgg16", help="network to start from (default: vgg16)")
        parser.add_argument("--epochs", type=int, help="epochs to train at most")
        parser.add_argument("--again", action="store_true", help="train anew even if there is a network already")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what is missing, then sort."""
        names, network = [name.strip() for name in options["classes"].split(",") if name.strip()], options["network"]
        pictures, out = options["pictures"], options["out"]
        if not pictures.is_dir():
            raise CommandError(f"There is no folder {pictures}.")
        if len({name.casefold() for name in names}) < 2:
            raise CommandError('Name at least two different classes, with commas between them: --classes "cat, dog".')
        try:
            if options["again"] or not classifying.is_trained(names, network):
                photos = options["photos"] or self.collect(names, network, options["per_class"])
                classifying.train(names, network, check(photos, names), options["epochs"])
            out = out or pictures.with_name(f"{pictures.resolve().name}-sorted")
            classifying.sort(names, network, pictures, out, options["threshold"])
        except UserError as error:
            raise CommandError(error.message) from error

    def collect(self, names: list[str], network: str, per_class: int) -> Path:
        """Load pictures, with a progress bar."""
        with Bar() as bar:
            return classifying.collect(names, network, per_class, bar.show)


def check(photos: Path, names: list[str]) -> Path:
    """Return ``photos`` if it has a folder for each class; raises CommandError."""
    there = {path.name.casefold() for path in photos.iterdir() if path.is_dir()} if photos.is_dir() else set()
    if missing := [name for name in names if name.casefold() not in there]:
        raise CommandError(f"{photos} needs a folder of photos for each class; missing: {', '.join(missing)}.")
    return photos
