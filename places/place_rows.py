"""One row of a spreadsheet of places: what it says, read from cells and written into them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crawler.sources.base import plain_text
from crawler.spreadsheet import as_text, check_cell, hexadecimal
from ml.calibrate import OTHER
from places.countries import CODES, code_of, swapped
from places.models import Place

CONTINENTS = ("Africa", "Antarctica", "Asia", "Europe", "North America", "Oceania", "South America")
TEXTS = (
    "name", "name_ko", "local_name", "local_language", "city", "continent", "query", "description", "description_ko",
)  # fmt: skip
COLUMNS = (
    "index", "name", "slug", "name_ko", "local_name", "local_language", "aliases", "country", "city", "continent",
    "latitude", "longitude", "query", "description", "description_ko", "collections",
)  # fmt: skip
HEADINGS = {name: name for name in COLUMNS} | {
    "hex": "index", "인덱스": "index", "번호": "index", "place": "name", "이름": "name", "장소": "name",
    "lat": "latitude", "위도": "latitude", "lon": "longitude", "경도": "longitude", "검색어": "query",
    "other names": "aliases", "korean name": "name_ko", "local name": "local_name",
}  # fmt: skip
LARGEST_INDEX = 16**8 - 1
LONGEST_TEXT = 10_000
SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_LANGUAGE = re.compile(r"([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*): +(.+)")
_LONGEST = {
    field.name: field.max_length for field in Place._meta.concrete_fields
    if isinstance(field, models.CharField) and field.max_length
}  # fmt: skip

Values = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """What one row says: ``values`` of the columns that are there; aliases are name to language, collections slugs."""

    number: int
    index: int
    values: Values


def read(number: int, cells: dict[str, Any]) -> Row:
    """Return what a row says. Raises ValueError with a sentence."""
    for name, value in cells.items():
        check_cell(name, value)
    index = int(hexadecimal(cells["index"]), 16)
    if not 1 <= index <= LARGEST_INDEX:
        raise ValueError(_("The index has to lie between 0001 and %(most)s.") % {"most": f"{LARGEST_INDEX:X}"})
    values: Values = {name: _text(name, cells[name]) for name in TEXTS if name in cells}
    if not values["name"]:
        raise ValueError(_("The name is missing."))
    if "continent" in values and values["continent"] not in ("", *CONTINENTS):
        raise ValueError(_("There is no such continent; there are: %(names)s.") % {"names": ", ".join(CONTINENTS)})
    if slug := as_text(cells.get("slug")):
        values["slug"] = _slug(slug)
    if "country" in cells:
        values["country"] = _country(as_text(cells["country"]))
    values |= _position(cells, values.get("country", ""))
    if "aliases" in cells:
        values["aliases"] = _aliases(as_text(cells["aliases"]))
    if "collections" in cells:
        values["collections"] = {slug for slug in re.split(r"[\s,|]+", as_text(cells["collections"])) if slug}
    return Row(number, index, values)


def fresh(row: Row) -> Values:
    """Return what a new place begins with. Raises ValueError for what such a row must have."""
    missing = [name for name in ("country", "latitude", "longitude") if row.values.get(name) in (None, "")]
    if missing:
        raise ValueError(_("A new place needs more columns: %(names)s.") % {"names": ", ".join(missing)})
    values = dict(row.values)
    values["query"] = values.get("query") or values["name"]
    values["slug"] = values.get("slug") or usual_slug(row)
    if not values["slug"]:
        raise ValueError(_("Its name has no Latin letters; please give it a slug, such as namdaemun-gate."))
    check_slug(values["slug"])
    return values


def check_slug(slug: str) -> None:
    """Raise ValueError with a sentence for the slug of a new place that models say of what is no place of ours."""
    if slug in OTHER:
        told = _("Models say this of photos that show none of our places; please give another slug than: %(slug)s")
        raise ValueError(told % {"slug": slug})


def usual_slug(row: Row) -> str:
    """Return the slug of a new place that is given none; empty for a name without Latin letters."""
    return slugify(str(row.values["name"]))[: _LONGEST["slug"]]


def cells_of(place: Place) -> list[str | float]:
    """Return a place as a row of ``COLUMNS``."""
    aliases = [f"{alias.language}: {alias.name}" if alias.language else alias.name for alias in place.aliases.all()]
    special: dict[str, str] = {
        "aliases": " | ".join(aliases),
        "collections": ", ".join(sorted(each.slug for each in place.collections.all())),
    }
    return [special[name] if name in special else getattr(place, name) for name in COLUMNS]


def _text(name: str, value: Any) -> str:
    text = plain_text(as_text(value))
    if len(text) > _LONGEST.get(name, LONGEST_TEXT):
        about = {"name": name, "most": _LONGEST.get(name, LONGEST_TEXT)}
        raise ValueError(_("The %(name)s is longer than %(most)d characters.") % about)
    return text


def _slug(text: str) -> str:
    if not SLUG.fullmatch(text) or len(text) > _LONGEST["slug"]:
        raise ValueError(_("The slug %(slug)r is not made of small letters, digits and hyphens.") % {"slug": text[:40]})
    return text


def _country(text: str) -> str:
    code = text.upper() if text.upper() in CODES else code_of(text)
    if not code:
        told = _("There is no country %(name)r; please give its two letters (ISO 3166-1), such as KR.")
        raise ValueError(told % {"name": text[:40]})
    return code


def _position(cells: dict[str, Any], country: str) -> Values:
    """Return both coordinates in degrees, or none where the sheet has neither column."""
    if not {"latitude", "longitude"} & cells.keys():
        return {}
    try:
        here = [float(as_text(cells.get(name)).replace(",", ".")) for name in ("latitude", "longitude")]
    except ValueError:
        raise ValueError(_("Latitude and longitude must both be numbers of degrees, such as 37.5512.")) from None
    if not (math.isfinite(here[0]) and abs(here[0]) <= 90 and abs(here[1]) <= 180):
        raise ValueError(_("Latitude goes from -90 to 90, longitude from -180 to 180."))
    if swapped(country, *here):
        raise ValueError(_("This lies elsewhere, but not with latitude and longitude the other way round."))
    return {"latitude": here[0], "longitude": here[1]}


def _aliases(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for piece in filter(None, (plain_text(part) for part in text.split("|"))):
        match = _LANGUAGE.fullmatch(piece)
        language, name = (match[1], match[2]) if match else ("", piece)
        if len(name) > _LONGEST["name"]:
            raise ValueError(
                _("The %(name)s is longer than %(most)d characters.") % {"name": "alias", "most": _LONGEST["name"]}
            )
        found[name] = language[:20]
    return found
