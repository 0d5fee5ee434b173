"""Sentences that rows keep in English, told in the reader's language."""

from __future__ import annotations

import re

from django.utils.translation import gettext

from crawler.sources import LABELS
from crawler.sources.base import NOTES

_OF_SOURCES = {note.format(source=label): (note, label) for label in LABELS.values() for note in NOTES.values()}


def told(note: str) -> str:
    """Return a note of one or more of our own sentences."""
    if (whole := gettext(note)) != note:
        return whole
    return " ".join(map(_sentence, re.split(r"(?<=\.) ", note)))


def _sentence(sentence: str) -> str:
    template, source = _OF_SOURCES.get(sentence, (sentence, ""))
    return gettext(template).format(source=source) if source else gettext(template)
