"""A stand-in of Openverse's API on loopback; all pictures are invented."""

from __future__ import annotations

import uuid
from typing import Any

from tests.standins_json import COMMON, INTERPOSED, Answer, Question, Shape, StandIn, as_html, as_json, once

TOTAL = 50
LICENCES = [("by", "2.0"), ("by-sa", "4.0"), ("cc0", "1.0"), ("pdm", "1.0"), ("by-nc-nd", "3.0")]


def result(number: int, question: Question) -> dict[str, Any]:
    """One of ``results``."""
    licence, version = LICENCES[number % len(LICENCES)]
    tool = {"cc0": "publicdomain/zero", "pdm": "publicdomain/mark"}.get(licence, f"licenses/{licence}")
    name = str(uuid.UUID(int=number))
    return {
        "id": name,
        "title": f"Lantern Bridge {number}",
        "indexed_on": "2024-01-01T00:00:00Z",
        "foreign_landing_url": f"https://pages.example.org/photo/{number}",
        "url": f"{question.root}/pictures/{number}.jpg",
        "creator": f"Ann Bee {number}",
        "creator_url": "https://pages.example.org/ann",
        "license": licence,
        "license_version": version,
        "license_url": f"https://creativecommons.org/{tool}/{version}/",
        "provider": "example",
        "source": "example",
        "category": "photograph",
        "filesize": None,
        "filetype": "jpg",
        "tags": [{"name": "bridge"}],
        "attribution": "in words",
        "mature": False,
        "height": 800,
        "width": 1200,
        "thumbnail": f"{question.root}/pictures/thumb/{number}/",
        "detail_url": "https://api.example.org/",
    }


def listed(numbers: list[int], question: Question, pages: int) -> dict[str, Any]:
    """An answer with these results."""
    return {
        "result_count": min(TOTAL, 240),
        "page_count": pages,
        "page_size": int(question.params["page_size"]),
        "page": int(question.params["page"]),
        "results": [result(number, question) for number in numbers],
    }


def _numbers(question: Question, total: int = TOTAL) -> list[int]:
    size = int(question.params["page_size"])
    start = size * (int(question.params["page"]) - 1)
    return list(range(start + 1, min(start + size, total) + 1))


def _ok(question: Question) -> Answer:
    limits = {"x_ratelimit_limit_anon_burst": "20/min", "x_ratelimit_available_anon_burst": "19"}
    return as_json(listed(_numbers(question), question, 3), 200, **limits)


def _one_broken(question: Question) -> Answer:
    found = listed(_numbers(question), question, 1)
    found["results"][0]["url"] = None
    found["results"][1] = "odd"
    found["results"][2] |= dict.fromkeys(("title", "creator", "width", "height", "license_url", "thumbnail"))
    found["results"][3] |= {"width": "wide", "license": ["by"], "license_version": None, "license_url": 7, "id": {}}
    return as_json(found)


def _changed(question: Question) -> Answer:
    found = listed(_numbers(question), question, 1)
    found["results"] = [{"media": each} for each in found["results"]]
    return as_json(found)


def _ends_with(status: int) -> Shape:
    def answer(question: Question) -> Answer:
        if question.params["page"] == "1":
            return as_json(listed(_numbers(question), question, 12))
        return as_json({"detail": "Invalid page."}, status)

    return answer


DAYS: dict[str, Shape] = {
    **COMMON,
    "ok": _ok,
    "one-broken": _one_broken,
    "failing-once": once(as_html("Bad gateway", 502), _ok),
    "endless": lambda question: as_json(listed(_numbers(question, 10**6), question, 1000)),
    "repeating": lambda question: as_json(listed(list(range(1, 21)), question, 1000)),
    "ends-with-404": _ends_with(404),
    "ends-with-401": _ends_with(401),
    "none": lambda question: as_json(listed([], question, 0) | {"result_count": 0}),
    "page-size": lambda _: as_json({"detail": "page_size may not exceed 20 for anonymous requests"}, 401),
    "field-error": lambda _: as_json({"detail": {"license": ["not known"]}}, 400),
    "dependency": lambda _: as_json({"detail": "failed dependency"}, 424),
    "cloudflare": lambda _: as_html(INTERPOSED, 403),
    "changed": _changed,
}


class OpenverseStandIn(StandIn):
    path = "/v1/images/"
    shapes = DAYS
