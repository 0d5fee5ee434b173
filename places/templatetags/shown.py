"""Numbers and addresses as people read them, for templates."""

from urllib.parse import urlsplit

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def percent(probability: float) -> str:
    """Return a probability in whole per cent; never 0 or 100, which would claim too much."""
    if probability < 0.01:
        return "<1 %"
    if probability > 0.99:
        return ">99 %"
    return f"{probability:.0%}".replace("%", " %")


@register.filter
def in_hundred(probability: float) -> int:
    """Return how many of a hundred such answers are right, 1 to 99."""
    return min(99, max(1, round(probability * 100)))


@register.filter
def bar(probability: float) -> str:
    """Return the width of a bar, for an SVG attribute."""
    return f"{max(0.0, min(1.0, probability)):.1%}"


@register.filter
def distance(metres: float) -> str:
    """Return metres below one kilometre, kilometres above."""
    if metres < 995:
        return f"{max(10, round(metres, -1)):.0f} m"
    kilometres = metres / 1000
    return f"{number_format(round(kilometres, 1) if kilometres < 10 else round(kilometres))} km"


@register.filter
def degrees(value: float) -> str:
    """Return a coordinate with four decimals (about ten metres) and a point, whatever the language."""
    return f"{value:.4f}"


@register.filter
def host(url: str) -> str:
    """Return the host of an address without www, or nothing when it has none."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


@register.filter
def initials(name: str) -> str:
    """Return up to two letters that stand for a name."""
    words = [word for word in name.replace("-", " ").split() if word[0].isupper() or not word[0].isascii()]
    return "".join(word[0] for word in words[:2]).upper() or name[:1].upper()
