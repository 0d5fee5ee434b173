"""The app."""

from django.apps import AppConfig


class PlacesConfig(AppConfig):
    """The site itself."""

    name = "places"
    verbose_name = "Places"

    def ready(self) -> None:
        """Register the start-up checks."""
        from places import checks  # noqa: F401
