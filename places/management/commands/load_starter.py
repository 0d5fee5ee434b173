"""``load_starter``: the places and models in the box."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml.bundle import BundleError
from places import first_look, starter


class Command(BaseCommand):
    """Load what comes with the site; safe to repeat."""

    help = "Create the starter places that are missing and register the models in the box. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load places, then bundles."""
        count = starter.load_places()
        try:
            versions = starter.register_bundles()
        except BundleError as error:
            raise CommandError(str(error)) from error
        first_look.begin()
        self.stdout.write(f"{count} new places; models: {', '.join(map(str, versions))}")
