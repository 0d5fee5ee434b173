"""``embed_gallery``: queue the pictures that the serving model has not embedded."""

from typing import Any

from django.core.management.base import BaseCommand

from places import gallery


class Command(BaseCommand):
    """Queue pictures for the search workers."""

    help = "Queue every picture that the serving model has not embedded; beat does the same every minute."

    def handle(self, *args: Any, **options: Any) -> None:
        """Send one task a picture."""
        self.stdout.write(f"{gallery.send_missing()} pictures queued.")
