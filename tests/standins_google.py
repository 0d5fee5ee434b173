"""A stand-in of Google's script-free picture page on loopback; all pictures are invented."""

from __future__ import annotations

import html
from urllib.parse import urlencode

from tests.standins_json import COMMON, Answer, Question, Shape, StandIn, as_html, once

TOTAL = 50
SHELL = (
    "<!DOCTYPE html><html><head><noscript><style>table{display:none}</style>"
    '<meta content="0;url=/httpservice/retry/enablejs?sei=abc" http-equiv="refresh"></noscript></head>'
    "<body><script>'x'</script></body></html>" + "<!-- -->" * 200
)
CAPTCHA = '<html><body><form id="captcha-form" action="/sorry/index"></form></body></html>'
NOTHING = "<html><body><table class='x'><tr><td>Nothing fits.</td></tr></table></body></html>" + "<!-- -->" * 500
CHANGED = "<html><body>" + "<div class='tile'><span>?</span></div>" * 4000 + "</body></html>"


def cell(number: int, question: Question, whole: bool = True) -> str:
    """One cell of the table: a link that says all, or one that only leads to the page."""
    page = f"https://pages.example.org/{number}?a=1&b=2"
    if whole:
        query = {
            "imgurl": f"{question.root}/pictures/{number}.jpg",
            "imgrefurl": page,
            "w": 1200 + number,
            "h": 800,
            "tbnid": f"T{number}:",
        }
        link = f"/imgres?{urlencode(query)}"
    else:
        link = f"/url?{urlencode({'q': page, 'sa': 'U'})}"
    thumb = f"{question.root}/pictures/images?q=tbn:{number}&s"
    return (
        f'<td><a href="{html.escape(link)}"><img alt="" width="120" height="90" src="{html.escape(thumb)}">'
        f"<span>Lantern Bridge</span><span>{number}</span></a></td>"
    )


def table(cells: list[str]) -> Answer:
    return as_html(f"<html><body><table><tr>{''.join(cells)}</tr></table></body></html>")


def _numbers(question: Question, total: int = TOTAL) -> list[int]:
    start = int(question.params["start"])
    return list(range(start + 1, min(start + 20, total) + 1))


def _ok(question: Question) -> Answer:
    cells = [cell(number, question) for number in _numbers(question)]
    return table(cells) if cells else as_html(NOTHING)


def _thumbs(question: Question) -> Answer:
    return table([cell(number, question, whole=False) for number in _numbers(question, 20)])


def _one_broken(question: Question) -> Answer:
    cells = [cell(number, question) for number in range(1, 11)]
    cells[0] = '<td><a href="/imgres?imgurl=javascript:1"><img src="data:image/gif;base64,AA"></a></td>'
    cells[1] = '<td><a href="/imgres?w=5">no picture</a></td>'
    cells[2] = cells[2].replace("w=1203", "w=wide")
    return table(cells)


def _onward(location: str) -> Shape:
    return lambda _: Answer(b"", "text/html", 302, {"Location": location})


def _sorry(question: Question) -> Answer:
    return Answer(b"", "text/html", 302, {"Location": f"{question.root}/sorry/index?continue=x"})


DAYS: dict[str, Shape] = {
    **COMMON,
    "ok": _ok,
    "thumbs": _thumbs,
    "one-broken": _one_broken,
    "failing-once": once(as_html("Bad gateway", 502), _ok),
    "endless": lambda question: table([cell(number, question) for number in _numbers(question, 10**6)]),
    "repeating": lambda question: table([cell(number, question) for number in range(1, 21)]),
    "none": lambda _: as_html(NOTHING),
    "shell": lambda _: as_html(SHELL),
    "captcha": lambda _: as_html(CAPTCHA),
    "sorry": _sorry,
    "consent": _onward("https://consent.google.example/m?continue=x"),
    "tiny": lambda _: as_html("<html></html>"),
    "changed": lambda _: as_html(CHANGED),
    "links-changed": lambda _: table(['<td><a href="/imgres?x=1"><img src="data:image/gif;base64,AA"></a></td>'] * 9),
}


class GoogleStandIn(StandIn):
    path = "/search"
    shapes = DAYS

    def answer(self, path: str, params: dict[str, str]) -> Answer:
        """The page of the captcha has an address of its own."""
        if path == "/sorry/index":
            return as_html("<html><body>" + "About this page. " * 500 + "</body></html>")
        return super().answer(path, params)
