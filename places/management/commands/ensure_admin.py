"""``ensure_admin``: an account for the operator."""

from typing import Any

from axes.utils import reset
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser

from places.models import FirstPassword

NAME = "admin"


class Command(BaseCommand):
    """Create the first admin, or give them a new password."""

    help = (
        f"Create the user '{NAME}' with a random password if there is no superuser, and print the password once. "
        "It has to be changed at the first login."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --reset."""
        parser.add_argument("--reset", action="store_true", help=f"give '{NAME}' a new password (create it if needed)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print name and password, or nothing when an admin is there."""
        if not options["reset"] and User.objects.filter(is_superuser=True).exists():
            return
        user, _ = User.objects.get_or_create(username=NAME)
        user.is_staff = user.is_superuser = user.is_active = True
        password = FirstPassword.hand_out(user)
        reset()  # whoever locked the account out, or the operator, with wrong passwords
        self.stdout.write(f"Admin: name {NAME}, password {password} (shown once; change it at the first login)")
