"""Fields of a stranger's JSON: what is not of the expected kind is empty."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

from lxml import etree

from crawler.sources.base import clean_title, plain_text

MAX_AUTHOR = 200
MAX_WORD = 500
MAX_SIDE = 100_000  # pixels
_MAX_PIECES = 50


def document(body: bytes) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def mapping(value: object) -> dict[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, Any]]:
    """The objects in a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A string, or a number written out; Flickr wraps some in ``_content``."""
    if isinstance(value, dict):
        value = value.get("_content")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)[:10_000]


def word(value: object) -> str:
    """A key or a code: a string or a number on one line, fit for addresses and databases."""
    return plain_text(text(value))[:MAX_WORD]


def title(value: object) -> str:
    """A title fit to show."""
    return clean_title(text(value))


def author(value: object) -> str:
    """A name fit to show, out of text that may be HTML."""
    return plain_text(untagged(text(value)))[:MAX_AUTHOR].rstrip()


def untagged(markup: str) -> str:
    """The text of a piece of HTML, its nodes joined by spaces."""
    if "<" not in markup and "&" not in markup:
        return markup
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(f"<html><body>{markup}".replace("\0", "").encode("utf-8", "replace"), parser)
    return " ".join(str(piece).strip() for piece in islice(root.itertext(), _MAX_PIECES))


def side(value: object) -> int | None:
    """A width or a height in pixels, None where it makes no sense."""
    number = whole(value)
    return number if number is not None and 0 < number <= MAX_SIDE else None


def whole(value: object) -> int | None:
    """A whole number; some services write it as a string."""
    digits = text(value)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None


def position(latitude: object, longitude: object) -> tuple[float, float] | None:
    """Degrees, None where they are missing, out of range, or the zeros that stand for nothing."""
    try:
        here = float(latitude), float(longitude)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    # A comparison with NaN is false, too.
    sensible = abs(here[0]) <= 90 and abs(here[1]) <= 180
    return here if sensible and here != (0.0, 0.0) else None
