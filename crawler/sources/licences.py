"""Licences by one spelling whatever a service calls them: ``cc-by-sa-4.0``, ``cc0-1.0``, ``pdm-1.0``."""

from __future__ import annotations

import re

UNKNOWN = "unknown"
RESERVED = "all-rights-reserved"
NO_KNOWN_RESTRICTIONS = "no-known-restrictions"

_CC_URL = re.compile(r"creativecommons\.org/(licenses|publicdomain)/([a-z-]+)(?:/(\d\.\d))?", re.IGNORECASE)
_CC_CODE = re.compile(r"cc-(by(?:-nc)?(?:-nd|-sa)?)(?:-|$)")
_PUBLIC = re.compile(r"cc0\b|pdm?\b|public[- ]domain|us-government")

_PUBLIC_TOOLS = {"zero": "cc0", "mark": "pdm"}
_COMMERCIAL = {"by", "by-sa", "by-nd"}
_FREE = {"by", "by-sa"}
_CHANGEABLE = {"by", "by-sa", "by-nc", "by-nc-sa"}
_ALL = {"by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd"}
_WANTED: dict[str, set[str]] = {
    "any-cc": _ALL,
    "public": set(),
    "share": _ALL,
    "share-commercially": _COMMERCIAL,
    "modify": _CHANGEABLE,
    "modify-commercially": _FREE,
}


def of_url(url: str) -> str:
    """The licence that an address of Creative Commons stands for, else "unknown"."""
    match = _CC_URL.search(url)
    if match is None:
        return UNKNOWN
    public = match[1].lower() == "publicdomain"
    name = _PUBLIC_TOOLS.get(match[2].lower(), "pd") if public else f"cc-{match[2].lower()}"
    return f"{name}-{match[3]}" if match[3] else name


def permits(licence: str, wanted: str | None) -> bool:
    """Whether a licence allows what is wanted (``Query.licence``); the public domain allows everything."""
    if wanted is None or _PUBLIC.match(licence):
        return True
    match = _CC_CODE.match(licence)
    return match is not None and match[1] in _WANTED[wanted]


def parts(wanted: str) -> list[str]:
    """The short names of the licences that allow what is wanted, as Openverse has them."""
    return [*sorted(_WANTED[wanted]), "cc0", "pdm"]
