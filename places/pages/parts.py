"""The part of a photo that a form names, and how it is drawn over the photo."""

from __future__ import annotations

from collections.abc import Mapping

from errors import UserError
from ml.crop import Crop, within

# What a form calls them, in per cent of the upright photo.
FIELDS = ("left", "top", "width", "height")


def sent_part(form: Mapping[str, str]) -> Crop | None:
    """Return the part that a form's four numbers name, or None when all are empty.

    Raises UserError ``bad_form``.
    """
    texts = [form.get(name, "").strip().replace(",", ".") for name in FIELDS]
    if not any(texts):
        return None
    if not all(texts):
        raise UserError("bad_form", "Of the part of the photo a number is missing. Please give all four, or none.")
    try:
        return within([float(text) / 100 for text in texts])
    except ValueError as error:
        raise UserError("bad_form", "The part of the photo has to be four numbers from 0 to 100.") from error


def outline(crop: Crop | None) -> str:
    """Return an SVG path that covers all but the part, and a rim, of a picture of 1 by 1; empty without a part."""
    if crop is None:
        return ""
    left, top, width, height = (f"{number:g}" for number in crop)
    return f"M-1-1H2V2H-1ZM{left} {top}h{width}v{height}h-{width}Z"
