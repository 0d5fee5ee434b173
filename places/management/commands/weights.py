"""``weights``: fetch the trained numbers of a network that do not ship."""

import argparse
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from crawler.fetch import Fetcher
from errors import UserError
from ml import weights


class Command(BaseCommand):
    """Fetch weights into ``VAR_DIR``/weights, where training looks for them."""

    help = (
        "Fetch the trained weights of a network from their makers, check their SHA-256, and keep them in "
        "VAR_DIR/weights, where `python -m ml.train --network NAME` finds them. Goes on where it was interrupted."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the network's name."""
        known = ", ".join(f"{name} ({entry.megabytes} MB)" for name, entry in weights.DOWNLOADS.items())
        parser.add_argument("network", choices=weights.DOWNLOADS, metavar="NETWORK", help=f"one of {known}")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fetch, with a progress bar."""
        wanted = weights.DOWNLOADS[options["network"]]
        path = Path(settings.VAR_DIR) / "weights" / wanted.file
        with tqdm(unit="B", unit_scale=True, desc=wanted.file) as bar:

            def progress(size: int, total: int | None) -> None:
                bar.total = total
                bar.update(size - bar.n)

            try:
                fetcher = Fetcher(allow_private=settings.FETCH_ALLOW_PRIVATE)
                fetcher.file(wanted.url, path, wanted.sha256, max_bytes=wanted.megabytes * 1_100_000, progress=progress)
            except UserError as error:
                raise CommandError(f"{error.message} The file can also be copied to {path} by hand.") from error
        self.stdout.write(f"The weights of {options['network']} are at {path}.")
