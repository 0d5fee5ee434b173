"""Whose map tiles are shown when a visitor asks for a map: nobody's, OpenStreetMap's, or those of an address."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

OSM = "https://tile.openstreetmap.org/{z}/{x}/{y}.png"
COPYRIGHT = "https://www.openstreetmap.org/copyright"


@dataclass(frozen=True)
class Tiles:
    """``template``: an address with {z}, {x} and {y}; ``credit``: who made them, ``credit_url``: where that is said."""

    template: str
    credit: str
    credit_url: str = ""

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a Content-Security-Policy names them."""
        parts = urlsplit(self.template)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def host(self) -> str:
        """Who is asked."""
        return urlsplit(self.template).netloc


def read(setting: str) -> Tiles | None:
    """Return what MAP_TILES names: ``none``, ``osm``, or an address and, after a blank, who is to be credited.

    Raises ImproperlyConfigured.
    """
    template, _, credit = setting.strip().partition(" ")
    if template == "none":
        return None
    if template == "osm":
        return Tiles(OSM, "© OpenStreetMap contributors", COPYRIGHT)
    parts = urlsplit(template)
    whole = all(f"{{{name}}}" in template for name in "xyz")
    if not whole or "{" in parts.netloc or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ImproperlyConfigured(
            f"MAP_TILES is {setting!r}. Give none, osm, or an address of one host with {{z}}, {{x}} and {{y}} in it, "
            "such as https://tiles.example.org/{z}/{x}/{y}.png, and after a blank who is to be credited."
        )
    return Tiles(template, credit.strip() or parts.netloc)
