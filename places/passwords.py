"""What a password may not be."""

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from places.models import FirstPassword


class NotThePrintedOne:
    """Refuses the password that was printed, so that changing it means changing it."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError when ``password`` is still the one handed out."""
        if user is not None and FirstPassword.unchanged(user) and user.check_password(password):
            raise ValidationError(_("This is the password that was printed. Please choose one of your own."))

    def get_help_text(self) -> str:
        """Say it beside the form."""
        return _("Your password can\u2019t be the one that was printed.")
