"""A stand-in of Wikimedia Commons' API on loopback; all files are invented."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.standins_json import COMMON, Answer, Question, Shape, StandIn, as_json, once

TOTAL = 70  # files, whatever the words
LICENCES = [
    ("cc-by-sa-4.0", "CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0"),
    ("cc-by-3.0-de", "CC BY 3.0 de", "https://creativecommons.org/licenses/by/3.0/de/deed.en"),
    ("cc0", "CC0", "http://creativecommons.org/publicdomain/zero/1.0/deed.en"),
    ("pd", "Public domain", ""),
    ("", "GFDL", "http://www.gnu.org/copyleft/fdl.html"),
]


def file(number: int, question: Question) -> dict[str, Any]:
    """One page of ``query.pages``."""
    width = int(question.params["iiurlwidth"])
    code, short, url = LICENCES[number % len(LICENCES)]
    name = f"{number:03d}.jpg"
    metadata = {
        "LicenseShortName": short,
        "License": code,
        "LicenseUrl": url,
        "Artist": f'<a href="//example.org/u{number}" title="x">Ann<b>Bee</b></a> &amp; Co. {number}',
        "ImageDescription": "<p>A bridge</p>",
    }
    page: dict[str, Any] = {
        "pageid": 1000 + number,
        "ns": 6,
        "title": f"File:Lantern Bridge {number}.jpg",
        "index": number,
        "imageinfo": [
            {
                "url": f"{question.root}/pictures/full/{name}?utm_source=x",
                "descriptionurl": f"https://files.example.org/wiki/File:{name}",
                "thumburl": f"{question.root}/pictures/thumb/{width}px-{name}?utm_source=x",
                "thumbwidth": width,
                "thumbheight": width * (2 if number % 10 == 7 else 1) // (1 if number % 10 == 7 else 2),
                "width": 6000,
                "height": 3000,
                "size": 20_000_000,
                "mime": "image/jpeg",
                "sha1": hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(),
                "extmetadata": {key: {"value": value, "source": "x"} for key, value in metadata.items() if value},
            }
        ],
    }
    if number % 2:
        page["coordinates"] = [{"lat": 48 + number / 1000, "lon": -2.5, "primary": True, "globe": "earth"}]
    return page


def listed(numbers: list[int], question: Question, offset: int | None) -> dict[str, Any]:
    """An answer with these files, in an order of the server's own, as the real one has it."""
    found: dict[str, Any] = {"batchcomplete": True}
    if offset is not None:
        found["continue"] = {"gsroffset": offset, "continue": "gsroffset||"}
    found["query"] = {"pages": [file(number, question) for number in reversed(numbers)]}
    return found


def _start(question: Question) -> int:
    return int(question.params.get("gsroffset", "0"))


def _results(question: Question) -> dict[str, Any]:
    start, limit = _start(question), int(question.params.get("gsrlimit") or question.params["ggslimit"])
    end = min(start + limit, TOTAL)
    return listed(list(range(start + 1, end + 1)), question, end if end < TOTAL else None)


def _ok(question: Question) -> Answer:
    return as_json(_results(question))


def _one_broken(question: Question) -> Answer:
    found = _results(question)
    pages = found["query"]["pages"]
    del pages[-1]["imageinfo"]
    pages[-2]["imageinfo"] = [{"filemissing": True}]
    pages[-3]["imageinfo"][0] |= {"extmetadata": ["odd"], "thumbwidth": "wide", "sha1": None}
    pages[-3]["coordinates"] = [{"lat": "north", "lon": None}]
    pages[-3] |= {"title": 5, "index": "last"}
    pages[-4]["imageinfo"] = "nothing"
    return as_json(found)


def _changed(question: Question) -> Answer:
    found = _results(question)
    for page in found["query"]["pages"]:
        page["imageinfo"] = [{"links": page["imageinfo"]}]
    return as_json({"batchcomplete": True, "query": found["query"]})


def _endless(question: Question) -> Answer:
    start = _start(question)
    return as_json(listed(list(range(start + 1, start + 51)), question, start + 50))


def _repeating(question: Question) -> Answer:
    return as_json(listed(list(range(1, 51)), question, _start(question) + 50))


def _in_two_parts(question: Question) -> Answer:
    """What is said of the files comes in two answers, as it does when it is much."""
    found = listed([1, 2, 3], question, None)
    if "cocontinue" in question.params:
        found["query"]["pages"] = [{"pageid": 1000 + n, "title": "File:x.jpg", "index": n} for n in (1, 2, 3)]
        return as_json(found)
    return as_json(found | {"continue": {"cocontinue": "1|2", "continue": "||imageinfo"}})


def _error(code: str) -> Shape:
    return lambda _: as_json({"error": {"code": code, "info": "in words"}, "servedby": "mw1"})


DAYS: dict[str, Shape] = {
    **COMMON,
    "ok": _ok,
    "one-broken": _one_broken,
    "in-two-parts": _in_two_parts,
    "failing-once": once(Answer(b"bad gateway", "text/plain", 502), _ok),
    "outage-once": once(as_json({"error": {"code": "cirrussearch-too-busy-error"}}), _ok),
    "broken-off-once": once(Answer(b'{"query": {"pages": [', missing=1000), _ok),
    "endless": _endless,
    "repeating": _repeating,
    "none": lambda _: as_json({"batchcomplete": True}),
    "no-pages": lambda _: as_json({"batchcomplete": True, "query": {"pages": []}}),
    "maxlag": _error("maxlag"),
    "ratelimited": _error("ratelimited"),
    "outage": _error("cirrussearch-too-busy-error"),
    "internal": _error("internal_api_error_DBQueryError"),
    "badvalue": _error("badvalue"),
    "warning": lambda _: as_json({"batchcomplete": True, "warnings": {"main": {"warnings": "Unrecognized parameter"}}}),
    "changed": _changed,
}


class CommonsStandIn(StandIn):
    path = "/w/api.php"
    shapes = DAYS
