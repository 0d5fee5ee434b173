"""What an owner's headers say about collecting a picture."""

import re
from collections.abc import Iterable, Mapping

# Directives that keep a picture out of a training collection.
_NO = {"noai", "noimageai", "noindex", "noimageindex", "noml", "none"}
# Directives with a value of their own: their colon names no bot.
_VALUED = {
    "unavailable_after",
    "max-snippet",
    "max-image-preview",
    "max-video-preview",
}
_NAME = re.compile(r"[a-z*][a-z0-9_.*/-]*")


def opted_out(robots: Iterable[str], headers: Mapping[str, str], product: str) -> bool:
    """Whether the ``X-Robots-Tag`` lines or TDM-Reservation refuse ``product``."""
    if headers.get("tdm-reservation", "").strip() == "1":
        return True
    return any(_line_refuses(line.lower(), product.lower()) for line in robots)


def _line_refuses(line: str, product: str) -> bool:
    ours = {"*", product}
    scope = "*"
    in_date = False
    for token in (part.strip() for part in line.split(",")):
        name, colon, rest = token.partition(":")
        name = name.strip()
        if colon and name not in _VALUED and not in_date:
            if not _NAME.fullmatch(name):
                return True  # not understood: the owner gets the benefit
            scope, token = name, rest.strip()
            name = token.partition(":")[0].strip()
        # A date may hold a comma and colons; it ends at the first word we know.
        in_date = name == "unavailable_after" or (in_date and token[:1].isdigit())
        if scope in ours and token in _NO:
            return True
    return False
