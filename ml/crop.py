"""The part of a picture that is looked at: read, checked, and cut out."""

from __future__ import annotations

import math

from PIL import Image

from errors import UserError
from ml.header import PictureError, PictureInfo

Crop = list[float]  # left, top, width, height, each as a fraction of the upright picture
NETWORK_SIDE = 224  # pixels that a part should have each way: what networks are shown
LARGEST_SIDE = 3200  # pixels; a larger decoding would cost a worker too much memory
SMALLEST_SIDE = 32  # pixels, as for whole pictures
_DIGITS = 4
_SLACK = 0.001  # of rounding in what clients send


def parse(text: str) -> Crop | None:
    """Return the part that ``text`` names as ``left,top,width,height``, or None for the whole picture.

    Raises UserError ``bad_form`` for what is no part of a picture.
    """
    if not text.strip():
        return None
    try:
        left, top, width, height = map(float, text.split(","))
    except ValueError as error:
        message = "`crop` has to be four numbers: left,top,width,height, each from 0 to 1."
        raise UserError("bad_form", message) from error
    return within([left, top, width, height])


def within(crop: Crop) -> Crop | None:
    """Return ``crop`` rounded and held inside the picture, or None when it is all of it.

    Raises UserError ``bad_form`` when it is not inside, or empty.
    """
    left, top, width, height = crop
    inside = min(left, top) >= -_SLACK and max(left + width, top + height) <= 1 + _SLACK
    if not inside or min(width, height) <= 0 or not all(map(math.isfinite, crop)):
        raise UserError("bad_form", "The selected part is not inside the photo. Please select it again.")
    left, top = max(left, 0.0), max(top, 0.0)
    width, height = min(width, 1 - left), min(height, 1 - top)
    if min(width, height) <= _SLACK:
        raise UserError("bad_form", "The selected part is empty. Please select a larger one.")
    if min(width, height) >= 1 - _SLACK:
        return None
    return [round(number, _DIGITS) for number in (left, top, width, height)]


def side_to_decode(info: PictureInfo, crop: Crop, side: int) -> int:
    """Return the long side to decode at, ``side`` or more, so that the part has the network's pixels if it can.

    How the picture is turned is not known yet, so the worse of both ways is reckoned with.
    """
    shortest = min(crop[2:]) * min(info.width, info.height)
    wanted = math.ceil(max(info.width, info.height) * NETWORK_SIDE / max(shortest, 1))
    return max(side, min(wanted, LARGEST_SIDE))


def cut(image: Image.Image, crop: Crop | None) -> Image.Image:
    """Return the part of an upright picture, or all of it for None.

    Raises PictureError ``too_small`` for fewer than 32 pixels each way.
    """
    if crop is None:
        return image
    left, top, width, height = crop
    across, down = image.size
    box = (round(left * across), round(top * down), round((left + width) * across), round((top + height) * down))
    size = (min(box[2], across) - box[0], min(box[3], down) - box[1])
    if min(size) < SMALLEST_SIDE:
        raise PictureError(
            "too_small",
            "The selected part is {width} x {height} pixels.",
            "Please select one of at least {least} pixels on each side.",
            width=size[0], height=size[1], least=SMALLEST_SIDE,
        )  # fmt: skip
    return image.crop((*box[:2], box[0] + size[0], box[1] + size[1]))
