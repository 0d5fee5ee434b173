"""Names and bounds of countries, and Korean names of cities, from the starter data."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import get_language

# ISO 3166-1 alpha-2
_LISTED = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
    CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA
    GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
    MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS
    RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW
    TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
CODES = frozenset(_LISTED.split())
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


def code_of(name: str) -> str:
    """Return the code of a country of the table by one of its names, or nothing."""
    names = {each[key].casefold(): code for code, each in countries().items() for key in ("name", "name_ko")}
    return names.get(name.casefold(), "")


def swapped(code: str, latitude: float, longitude: float) -> bool:
    """Whether a point lies outside a country of the table, and would lie inside with its two numbers exchanged."""
    boxes = countries().get(code, {}).get("boxes", [])

    def inside(y: float, x: float) -> bool:
        return any(south <= y <= north and west <= x <= east for south, west, north, east in boxes)

    return not inside(latitude, longitude) and inside(longitude, latitude)


@cache
def cities() -> dict[str, str]:
    """Return the table: a city's English name to its Korean one."""
    table: dict[str, str] = json.loads(CITIES.read_text(encoding="utf-8"))
    return table


def city_name(name: str) -> str:
    """Return a city's name in the reader's language, or ``name`` where the table lacks it."""
    return cities().get(name, name) if get_language() == "ko" else name
