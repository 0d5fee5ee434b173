"""The app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from errors import UserError


class PlacesConfig(AppConfig):
    """The site itself."""

    name = "places"
    verbose_name = _("Places")

    def ready(self) -> None:
        """Register the start-up checks, and have errors told in the reader's language."""
        from places import checks, people  # noqa: F401  (registers the checks)

        UserError.translate = gettext
        post_migrate.connect(people.make_groups, sender=self)
