"""Names and bounds of countries, and Korean names of cities, from the starter data."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import get_language

FILE = Path(__file__).parent / "starter" / "countries.json"
CITIES = FILE.with_name("cities.json")


@cache
def countries() -> dict[str, Any]:
    """Return the table: ISO 3166-1 alpha-2 code to names and bounds."""
    table: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return table


def country_name(code: str) -> str:
    """Return a country's name in the reader's language, or the code itself when the table lacks it."""
    name: str = countries().get(code, {}).get("name_ko" if get_language() == "ko" else "name", code)
    return name


@cache
def cities() -> dict[str, str]:
    """Return the table: a city's English name to its Korean one."""
    table: dict[str, str] = json.loads(CITIES.read_text(encoding="utf-8"))
    return table


def city_name(name: str) -> str:
    """Return a city's name in the reader's language, or ``name`` where the table lacks it."""
    return cities().get(name, name) if get_language() == "ko" else name
