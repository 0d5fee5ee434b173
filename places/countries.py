"""Names and bounds of countries, from the starter data."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "starter" / "countries.json"


@cache
def countries() -> dict[str, Any]:
    """Return the table: ISO 3166-1 alpha-2 code to names and bounds."""
    table: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return table


def country_name(code: str) -> str:
    """Return a country's English name, or the code itself when the table lacks it."""
    name: str = countries().get(code, {}).get("name", code)
    return name
