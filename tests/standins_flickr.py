"""A stand-in of Flickr's API on loopback; all photos are invented."""

from __future__ import annotations

from typing import Any

from tests.standins_json import COMMON, Answer, Question, Shape, StandIn, as_json, once

KEY = "0123456789abcdef"
TOTAL = 600
SIDES = {"n": 320, "z": 640, "c": 800, "l": 1024}


def photo(number: int, question: Question) -> dict[str, Any]:
    """One of ``photos.photo``; numbers are now strings, now integers."""
    found: dict[str, Any] = {
        "id": str(5_000_000 + number),
        "owner": "12345@N01",
        "secret": "aa",
        "server": "65535",
        "farm": 66,
        "title": f"Lantern Bridge {number}",
        "license": str(number % 11) if number % 2 else number % 11,
        "ownername": f"Ann Bee {number}",
        "pathalias": "annbee" if number % 3 else None,
        "latitude": f"{48 + number / 10_000:.4f}" if number % 5 else 0,
        "longitude": "2.2945" if number % 5 else 0,
        "accuracy": "16" if number % 5 else 0,
    }
    for size, side in SIDES.items():
        if size == "l" and number % 4 == 0:
            continue  # a free account's
        found |= {
            f"url_{size}": f"{question.root}/pictures/{number}_{size}.jpg",
            f"width_{size}": str(side) if number % 2 else side,
            f"height_{size}": side * 3 // 4,
        }
    return found


def listed(numbers: list[int], question: Question, pages: int) -> dict[str, Any]:
    """An answer with these photos."""
    return {
        "photos": {
            "page": int(question.params["page"]),
            "pages": pages,
            "perpage": int(question.params["per_page"]),
            "total": str(TOTAL),
            "photo": [photo(number, question) for number in numbers],
        },
        "stat": "ok",
    }


def _numbers(question: Question, total: int = TOTAL) -> list[int]:
    size = int(question.params["per_page"])
    start = size * (int(question.params["page"]) - 1)
    return list(range(start + 1, min(start + size, total) + 1))


def _fail(code: int) -> Shape:
    return lambda _: as_json({"stat": "fail", "code": code, "message": "in words"})


def _ok(question: Question) -> Answer:
    return as_json(listed(_numbers(question), question, 3))


def _one_broken(question: Question) -> Answer:
    found = listed(_numbers(question)[:10], question, 1)
    photos = found["photos"]["photo"]
    photos[0] = None
    photos[1] = {"id": photos[1]["id"], "title": "no size at all"}
    photos[2] |= {"title": {"_content": "wrapped"}, "latitude": "north", "ownername": ["x"], "license": None}
    photos[3] |= {"url_n": "javascript:alert(1)", "width_z": "-5"}
    photos[4] |= {"latitude": "NaN", "longitude": "1e999"}
    photos[5] |= {"id": "\ud800"}
    return as_json(found)


def _new_licences(question: Question) -> Answer:
    """Licences that were added later: only the list knows them."""
    found = listed(_numbers(question)[:3], question, 1)
    for each, number in zip(found["photos"]["photo"], ("11", "16", "99"), strict=True):
        each["license"] = number
    return as_json(found)


def _licences(_: Question) -> Answer:
    entries = [
        (0, "All Rights Reserved", ""),
        (4, "Attribution License", "https://creativecommons.org/licenses/by/2.0/"),
        (11, "CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
        (16, "CC BY-NC-ND 4.0", "https://creativecommons.org/licenses/by-nc-nd/4.0/"),
    ]
    licences = [{"id": number, "name": name, "url": url} for number, name, url in entries]
    return as_json({"licenses": {"license": licences}, "stat": "ok"})


def _changed(question: Question) -> Answer:
    found = listed(_numbers(question)[:10], question, 1)
    found["photos"]["photo"] = [{"image": each} for each in found["photos"]["photo"]]
    return as_json(found)


DAYS: dict[str, Shape] = {
    **COMMON,
    "ok": _ok,
    "one-broken": _one_broken,
    "new-licences": _new_licences,
    "failing-once": once(Answer(b"", "text/plain", 500), _ok),
    "outage-once": once(as_json({"stat": "fail", "code": 105}), _ok),
    "endless": lambda question: as_json(listed(_numbers(question, 10**6), question, 4000)),
    "repeating": lambda question: as_json(listed(list(range(1, 251)), question, 4000)),
    "none": lambda question: as_json(listed([], question, 0)),
    "bad-key": _fail(100),
    "bad-signature": _fail(98),
    "outage": _fail(105),
    "our-bug": _fail(3),
    "changed": _changed,
}


class FlickrStandIn(StandIn):
    path = "/services/rest/"
    shapes = DAYS

    def answer(self, path: str, params: dict[str, str]) -> Answer:
        """Like Flickr: a wrong key before all, then the method."""
        if path.endswith(self.path) and params.get("api_key") != KEY:
            return _fail(100)(Question(params, 0, ""))
        if params.get("method") == "flickr.photos.licenses.getInfo":
            return _licences(Question(params, 0, ""))
        return super().answer(path, params)
