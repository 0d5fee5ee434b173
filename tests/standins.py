"""A stand-in of Bing Images on loopback, in the shapes that Bing has been seen in.

    python -m tests.standins --port 9000
    BING_BASE_URL=http://127.0.0.1:9000/ FETCH_ALLOW_PRIVATE=127.0.0.1:9000 make run

A path before ``/images/async`` chooses a shape: ``http://127.0.0.1:9000/captcha/``.
All titles, addresses and pictures are invented.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import html
import io
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from PIL import Image

TOTAL = 80  # pictures in the stand-in's index, whatever the words
FILLER = "<!-- layout -->" * 20  # a real page is long; one card is some kilobytes


@dataclass(frozen=True)
class Looks:
    """How a page of results is written."""

    anchor: str = "iusc"
    data: str = "m"
    control: str = "dgControl hover"
    component: str = "mmComponent_images_1"
    caption: str = "{width} x {height} · jpeg"
    host_caption: str = '<div class="lnkw"><a href="#">pictures.example.org</a></div>'
    size_in_link: bool = True
    lazy: bool = False
    thumbs: str = "absolute"  # or relative, or only in the img
    strange_links: bool = False
    title_in: str = "data"  # or attribute, or text
    title: str = "{words}, picture {number}"
    extra: dict[str, Any] = field(default_factory=dict)
    wrapper: tuple[str, str] = ("", "")
    broken: frozenset[int] = frozenset()  # cards whose data is no JSON
    cards: int | None = None
    next_link: bool = True


@dataclass(frozen=True)
class Asked:
    """One request that the stand-in received."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Question:
    """What a page is made for."""

    words: str
    first: int
    count: int
    root: str  # the stand-in's own address, without a slash at the end


def page_of_results(question: Question, looks: Looks) -> str:
    """A page fragment with cards, as ``looks`` has it."""
    count = question.count if looks.cards is None else looks.cards
    # Past the end Bing repeats its last page.
    start = max(1, min(question.first, TOTAL - count + 1))
    items = "".join(_item(n, question, looks) for n in range(start, start + count))
    query = urlencode({"q": question.words, "first": start + count, "count": count})
    onward = f'data-nextUrl="/images/async?{html.escape(query)}"' if looks.next_link else ""
    before, after = looks.wrapper
    return (
        f'{before}<div class="dg_b"><div id="{looks.component}" class="{looks.control}" {onward}'
        f' data-iid="images.1" data-layout="row"><ul class="dgControl_list" data-row="0">{items}'
        f"</ul></div></div>{after}"
    )


def _item(number: int, question: Question, looks: Looks) -> str:
    width, height = 1200 + number, 800 + number
    md5 = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()
    name = f"Tür und Tor {number} 風景.jpg" if looks.strange_links else f"{number}.jpg"
    picture = f"{question.root}/pictures/{name}"
    thumb = (
        f"/th?id=OIP.{number}&pid=15.1"
        if looks.thumbs == "relative"
        else (f"{question.root}/th?id=OIP.{number}&pid=15.1")
    )
    title = looks.title.format(words=question.words, number=number)
    data: dict[str, Any] = {
        "sid": "", "cturl": "", "cid": md5[:8], "purl": f"https://pages.example.org/{number}",
        "murl": picture, "turl": "" if looks.thumbs == "img" else thumb, "md5": md5,
        "shkey": "", "t": title if looks.title_in == "data" else "", "mid": md5, "desc": "",
        **looks.extra,
    }  # fmt: skip
    written = "{murl:" if number in looks.broken else json.dumps(data, ensure_ascii=False)
    link = {"view": "detailV2", "mediaurl": picture}
    if looks.size_in_link:
        link |= {"expw": str(width), "exph": str(height)}
    source = (
        f'src="data:image/gif;base64,R0lGOD" data-src="{html.escape(thumb)}"'
        if looks.lazy
        else (f'src="{html.escape(thumb)}"')
    )
    shown = html.escape(title)
    of_link = f'title="{shown}"' if looks.title_in == "attribute" else ""
    name_text = shown if looks.title_in == "text" else "see the page"
    caption = looks.caption.format(width=width, height=height)
    return (
        f'<li data-idx="{number}"><div class="iuscp"><div class="imgpt">'
        f'<a class="{looks.anchor}" {looks.data}="{html.escape(written)}" {of_link}'
        f' href="/images/search?{html.escape(urlencode(link))}"><div class="img_cont">'
        f'<img class="mimg" alt="" {source}></div></a><div class="img_info">'
        f'<span class="nowrap">{caption}</span>{looks.host_caption}</div></div>'
        f'<div class="infopt"><div class="infnmpt"><span><a href="#">{name_text}</a></span></div>'
        f"</div></div>{FILLER}</li>"
    )


_PLAIN = Looks()
_FULL = (
    '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body><header><img src="/logo.png"></header>',
    "</body></html>",
)
HOSTILE_TITLE = "\ue000{words}\ue001 <script>alert(1)</script>\u202e{{{{7*7}}}} &quot; \x07{number}"

# Pages with results, each written in its own way.
LOOKS: dict[str, Looks] = {
    "ok": _PLAIN,
    "counter": replace(_PLAIN, component="mmComponent_images_2"),
    "added-class": replace(_PLAIN, anchor="richImgLnk iusc isv", control="b_x dgControl  y"),
    "other-class": replace(_PLAIN, anchor="picLnk"),
    "other-attribute": replace(_PLAIN, anchor="picLnk", data="data-m"),
    "glued": replace(
        _PLAIN, size_in_link=False, title_in="text", caption="{width}×{height} · png",
        host_caption="<span>pictures.example.org</span>",
    ),
    "no-sizes-in-link": replace(_PLAIN, size_in_link=False, caption="<span>{width:,} X {height}</span>"),
    "no-sizes": replace(_PLAIN, size_in_link=False, caption="jpeg"),
    "lazy": replace(_PLAIN, lazy=True, thumbs="img"),
    "relative-thumbs": replace(_PLAIN, thumbs="relative"),
    "title-in-attribute": replace(_PLAIN, title_in="attribute"),
    "strange-links": replace(_PLAIN, strange_links=True),
    "extra-keys": replace(_PLAIN, extra={"new": {"a": [1, None]}, "mw": 3, "desc": None}),
    "hostile": replace(_PLAIN, title=HOSTILE_TITLE, extra={"purl": "javascript:alert(1)"}),
    "long-title": replace(_PLAIN, title="{words} " + "a" * 5000 + "{number}"),
    "one-broken": replace(_PLAIN, broken=frozenset({3})),
    "most-broken": replace(_PLAIN, broken=frozenset(range(1, 30))),
    "document": replace(_PLAIN, wrapper=_FULL),
    "one-card": replace(_PLAIN, cards=1, wrapper=(FILLER * 100, "")),
    "no-next": replace(_PLAIN, next_link=False),
    "few": replace(_PLAIN, cards=3),
}  # fmt: skip

NOTHING = '<div class="dg_b"><div id="mmComponent_images_1" class="dgControl"><ul></ul></div></div>'
NOTHING_SAID = f'<div class="no_results">Keine Ergebnisse.</div>{NOTHING}'
SHELL = '<div class="dg_b"></div>' + "<!-- -->" * 400
TINY = "<html><body>Please wait.</body></html>"
CAPTCHA = '<html><body><div id="b_captcha">One last step</div></body></html>' + "<!-- -->" * 400
CHANGED = '<div class="newGrid"><img src="/a.jpg"><img src="/b.jpg"><img src="/c.jpg"></div>' + "<p>.</p>" * 4000


class _Handler(BaseHTTPRequestHandler):
    """One request. ``standin`` is set by the stand-in that serves."""

    protocol_version = "HTTP/1.1"
    standin: BingStandIn

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        params = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.standin.asked.append(Asked(parts.path, params, dict(self.headers)))
        if parts.path.startswith(("/th", "/pictures/")):
            self.send(picture(self.path), "image/jpeg")
        elif parts.path == "/turing/captcha":
            self.page(CAPTCHA)
        elif parts.path.endswith("/images/async"):
            shape = parts.path.removesuffix("/images/async").strip("/") or self.standin.shape
            self.results(shape, params)
        else:
            self.send(b"not here", "text/plain", 404)

    def results(self, shape: str, params: dict[str, str]) -> None:
        """Answer a question in one of the shapes."""
        question = Question(params["q"], int(params["first"]), int(params["count"]), self.standin.url.rstrip("/"))
        self.standin.times[shape] += 1
        if shape in LOOKS:
            self.page(page_of_results(question, LOOKS[shape]))
        else:
            DAYS[shape](self, question)

    def page(self, text: str, status: int = 200, **headers: str) -> None:
        """Send HTML; without gzip, or to a nameless client, only what Bing sends to such."""
        if "Mozilla" not in self.headers.get("User-Agent", ""):
            text = CAPTCHA
        body = text.encode()
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            body, headers = gzip.compress(body), {"Content-Encoding": "gzip", **headers}
        self.send(body, "text/html; charset=utf-8", status, headers)

    def send(self, body: bytes, kind: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "MUID=1; path=/")
        self.end_headers()
        self.wfile.write(body)

    def onward(self, location: str) -> None:
        """Redirect."""
        self.send(b"", "text/html", 302, {"Location": location})

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def _plain(handler: _Handler, question: Question) -> bytes:
    return page_of_results(question, _PLAIN).encode()


def _first_then_ok(first: str, status: int = 200) -> Callable[[_Handler, Question], None]:
    """A bad answer to every other question, the first included."""

    def answer(handler: _Handler, question: Question) -> None:
        shape = urlsplit(handler.path).path.removesuffix("/images/async").strip("/") or handler.standin.shape
        if handler.standin.times[shape] % 2:
            handler.page(first, status)
        else:
            handler.page(page_of_results(question, _PLAIN))

    return answer


def _without_length(version: str) -> Callable[[_Handler, Question], None]:
    def answer(handler: _Handler, question: Question) -> None:
        handler.wfile.write(f"{version} 200 OK\r\nContent-Type: text/html\r\n\r\n".encode())
        handler.wfile.write(_plain(handler, question))
        handler.close_connection = True

    return answer


def _chunked(handler: _Handler, question: Question) -> None:
    body = gzip.compress(_plain(handler, question))
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for start in range(0, len(body), 1000):
        piece = body[start : start + 1000]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    handler.wfile.write(b"0\r\n\r\n")


def _broken_off(handler: _Handler, question: Question) -> None:
    body = _plain(handler, question)
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def _slow(handler: _Handler, question: Question) -> None:
    handler.standin.stopping.wait(2)
    handler.page(page_of_results(question, _PLAIN))


def _with_bom(handler: _Handler, question: Question) -> None:
    handler.send(b"\xef\xbb\xbf" + _plain(handler, question), "text/html")


def _redirect_within(handler: _Handler, question: Question) -> None:
    handler.onward(f"/ok/images/async?{urlsplit(handler.path).query}")


# Days on which there are no results, or not at once, or in an odd envelope.
DAYS: dict[str, Callable[[_Handler, Question], None]] = {
    "none": lambda handler, _: handler.page(NOTHING_SAID),
    "shell": _first_then_ok(SHELL),
    "shells": lambda handler, _: handler.page(SHELL),
    "failing-once": _first_then_ok("Bad gateway", 502),
    "failing": lambda handler, _: handler.page("Service unavailable", 503),
    "tiny": lambda handler, _: handler.page(TINY),
    "captcha": lambda handler, _: handler.onward("/turing/captcha?r=1"),
    "captcha-page": lambda handler, _: handler.page(CAPTCHA),
    "limited": lambda handler, _: handler.page("Slow down", 429, Retry_After="120"),
    "forbidden": lambda handler, _: handler.page("Forbidden", 403),
    "soft-limit": lambda handler, _: handler.page("", 202),
    "consent": lambda handler, _: handler.onward("https://login.live.example/consent"),
    "gone": lambda handler, _: handler.page("Not found", 404),
    "changed": lambda handler, _: handler.page(CHANGED),
    "moved": _redirect_within,
    "bom": _with_bom,
    "chunked": _chunked,
    "http10": _without_length("HTTP/1.0"),
    "until-close": _without_length("HTTP/1.1"),
    "broken-off": _broken_off,
    "slow": _slow,
}
SHAPES = [*LOOKS, *DAYS]


def picture(name: str, width: int = 474, height: int = 316) -> bytes:
    """A small JPEG in the colours of its name."""
    colours = hashlib.sha256(quote(name).encode()).digest()
    image = Image.new("RGB", (width, height), tuple(colours[:3]))
    image.paste(tuple(colours[3:6]), (width // 4, height // 4, width * 3 // 4, height))
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=85)
    return stored.getvalue()


class BingStandIn:
    """Serves while it is entered. ``shape`` is used where the path names none."""

    def __init__(self, shape: str = "ok", port: int = 0, host: str = "127.0.0.1") -> None:
        self.shape = shape
        self.asked: list[Asked] = []
        self.times: Counter[str] = Counter()
        self.stopping = threading.Event()
        handler = type("Handler", (_Handler,), {"standin": self})
        self._server = ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True
        self.pair = f"{host}:{self._server.server_port}"
        self.url = f"http://{self.pair}/"

    def __enter__(self) -> BingStandIn:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in of Bing Images.")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--shape", choices=SHAPES, default="ok")
    options = parser.parse_args()
    with BingStandIn(options.shape, options.port) as standin:
        print(f"BING_BASE_URL={standin.url} FETCH_ALLOW_PRIVATE={standin.pair}")
        print("Shapes, as first part of the path:", *SHAPES)
        threading.Event().wait()


if __name__ == "__main__":
    main()
