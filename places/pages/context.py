"""What every page knows, and the sentences that its scripts say."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ml.header import MAX_BYTES


def site(request: HttpRequest) -> dict[str, Any]:
    """Return what every template may use. Asks nothing of the database: error pages use it too."""
    return {
        "RETENTION_HOURS": settings.RETENTION_HOURS,
        "VERSION": settings.VERSION,
        "tiles": settings.MAP_TILES,
        "OPERATOR_NAME": settings.OPERATOR_NAME,
        "CONTACT_EMAIL": settings.CONTACT_EMAIL,
        "script": script,
    }


def script() -> dict[str, Any]:
    """Return the limits and sentences of static/js, in the reader's language."""
    return {
        "maxBytes": MAX_BYTES,
        "cookieSeconds": settings.RETENTION_HOURS * 3600,
        "texts": {
            "sending": _("Sending your photo."),
            "asking": _("Asking for the picture at this address."),
            "received": _("Received. Getting the picture from its address."),
            "waiting": _("Received. Waiting for its turn."),
            "ahead": _("Waiting, {n} ahead of you."),
            "looking": _("Looking at it."),
            "finding": _("Finding pictures like it."),
            "silent": _("The recogniser is not answering. Your photo waits and will be answered when it is back."),
            "offline": _("The connection is lost. Trying again."),
            "long": _("This takes long. Keep this page's address and come back later."),
            "network": _("The site could not be reached. Your photo is still here: please try again."),
            "broken": _("Something went wrong on our side. Your photo is still here: please try again."),
            "elapsed": _("{n} s so far."),
            "cancelled": _("Cancelled. Nothing of your photo is kept."),
            "notDeleted": _(
                "Cancelled, but the site could not be reached: what it received is deleted when its time is over."
            ),
            "shrinking": _("This photo is over 10 MB: making it smaller first."),
            "tooBig": _("This photo is over 10 MB. Please send one of at most 10 MB."),
            "noPhotos": _("None of these files is a picture."),
            "notShown": _(
                "This browser cannot show the photo, so it is searched whole. Parts can be selected in the answer."
            ),
            "photo": _("Photo {n}"),
            "frame": _("The part that is searched. Arrow keys move it, with Shift they change its size."),
            "linkCopied": _("The address is copied."),
            "copyLink": _("Copy this address:"),
            "nothingPasted": _("There is no picture and no address to paste."),
        },
    }
