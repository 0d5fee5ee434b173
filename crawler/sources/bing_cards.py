"""The cards of a Bing Images page: from markup to hits, one broken card at a time.

Anchored on the data, the JSON that holds ``murl``, because classes, ids and nesting
change every few months and the data has not.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import cast
from urllib.parse import parse_qs, urljoin

from lxml import etree

from crawler.sources.base import Hit, clean_link, clean_title

MAX_SIDE = 100_000  # pixels
# Bing sends 47 at most. Without bounds a hostile page could cost minutes.
MAX_CARDS = 200
MAX_TRIES = 3
MAX_PIECES = 50
MAX_TEXT = 500


def _has_class(token: str) -> str:
    """XPath: a class among others. Equality breaks as soon as one is added."""
    return f'contains(concat(" ", normalize-space(@class), " "), " {token} ")'


Nodes = Callable[[etree._Element], list[etree._Element]]
Texts = Callable[[etree._Element], list[str]]


def _nodes(path: str) -> Nodes:
    return cast(Nodes, etree.XPath(path))


def _texts(path: str) -> Texts:
    return cast(Texts, etree.XPath(path))


_CARDS = _nodes('//*[@*[starts-with(normalize-space(), "{") and contains(., \'"murl"\')]]')
_ANCHORS = _nodes(f"//*[{_has_class('iusc')}]")
_CONTROL = _nodes(f"//*[{_has_class('dgControl')} or starts-with(@id, 'mmComponent_images')]")
_NEXT = _texts("//@data-nexturl")
_PICTURES = _nodes(".//img")
_LINKS = _texts("descendant-or-self::*/@href[contains(., 'expw=')]")
_TITLES = _texts("descendant-or-self::a/@title")
_CAPTIONS = _nodes(f".//*[{_has_class('nowrap')} or {_has_class('img_info')}]")
_NAMES = _nodes(f".//*[{_has_class('infnmpt')}]")

_NUMBER = r"(\d{1,3}(?:[.,'\s]\d{3})+|\d+)"
_SIZE = re.compile(rf"(?<!\d){_NUMBER}\s*[xX×]\s*{_NUMBER}")
_MD5 = re.compile(r"\w{1,64}")


@dataclass(frozen=True)
class Cards:
    """What a page holds: ``seen`` cards, of which ``readable``, each picture once.

    ``control`` says whether the list's own element is there, ``pictures`` how many
    pictures of any kind are in it, or on the page without it; ``next_first`` is the
    index in Bing's own link to more.
    """

    hits: list[Hit]
    seen: int
    readable: int
    control: bool
    pictures: int
    next_first: int | None


def read(body: bytes, url: str, licence_hint: str = "") -> Cards:
    """The cards of the page that ``url`` answered with."""
    root = parsed(body)
    cards, control = _with_holders(_CARDS(root)[:MAX_CARDS]), _CONTROL(root)
    readable = []
    for card, holder in cards:
        try:
            readable.append(_hit(card, holder, url, licence_hint))
        except (ValueError, RecursionError):
            continue  # one odd card says nothing about the others
    return Cards(
        hits=_distinct(readable),
        seen=max(len(cards), len(_ANCHORS(root)[:MAX_CARDS])),
        readable=len(readable),
        control=bool(control),
        pictures=len(_PICTURES(control[0] if control else root)),
        next_first=_next_first(root),
    )


def _with_holders(
    cards: list[etree._Element],
) -> list[tuple[etree._Element, etree._Element]]:
    """The innermost cards, each with the element around it that is its alone."""
    around = {outer for card in cards for outer in card.iterancestors()}
    inner = [card for card in cards if card not in around]
    crowd = Counter(outer for card in inner for outer in card.iterancestors())
    return [(card, _holder(card, crowd)) for card in inner]


def _holder(card: etree._Element, crowd: Counter[etree._Element]) -> etree._Element:
    for outer in card.iterancestors():
        if crowd[outer] > 1:
            break
        if outer.tag == "li" or "iuscp" in outer.get("class", "").split():
            return outer
    return card


def parsed(body: bytes) -> etree._Element:
    """The tree of any bytes that may be HTML."""
    # libxml2 guesses when bytes are not UTF-8, and stops at a NUL.
    text = body.decode("utf-8-sig", "replace").replace("\0", "")
    parser = etree.HTMLParser(encoding="utf-8", no_network=True)
    return etree.fromstring(b"<html>" + text.encode(), parser)


def _distinct(hits: list[Hit]) -> list[Hit]:
    """Each key and each address once, the first of them kept."""
    kept: list[Hit] = []
    seen: set[str] = set()
    for hit in hits:
        names = {hit.key, hit.image_url}
        if seen.isdisjoint(names):
            kept.append(hit)
        seen |= names
    return kept


def _hit(card: etree._Element, holder: etree._Element, base: str, licence_hint: str) -> Hit:
    """One picture. Raises ValueError where the card does not name one."""
    data = _data(card)
    image = _absolute(data.get("murl"))
    if not image:
        raise ValueError("no picture")
    width, height = _size(card, holder)
    md5 = data.get("md5")
    return Hit(
        title=_title(data, card, holder),
        image_url=image,
        thumb_url=_thumbnail(data, card, holder, base) or image,
        page_url=_absolute(data.get("purl")),
        width=width,
        height=height,
        licence="unknown",
        licence_hint=licence_hint,
        key=md5 if isinstance(md5, str) and _MD5.fullmatch(md5) else image,
    )


def _data(card: etree._Element) -> dict[str, object]:
    texts = [card.get("m", ""), *card.values()]
    data = json.loads(next(text for text in texts if '"murl"' in text))
    if not isinstance(data, dict):
        raise ValueError("no object")
    return data


def _absolute(link: object) -> str:
    if isinstance(link, str) and link.startswith("//"):
        link = f"https:{link}"
    return clean_link(link)


def _thumbnail(data: dict[str, object], card: etree._Element, holder: etree._Element, base: str) -> str:
    """Bing's small copy; its address may be relative, lazy ones are in ``data-src``."""
    found = [data.get("turl")]
    for picture in (_PICTURES(card) or _PICTURES(holder))[:MAX_TRIES]:
        found += [picture.get(name) for name in ("data-src", "data-src-hq", "src")]
    links = (_joined(base, link) for link in found if isinstance(link, str) and link)
    return next((link for link in links if link), "")


def _joined(base: str, link: str) -> str:
    try:
        return clean_link(urljoin(base, link.strip()))
    except ValueError:
        return ""


def _size(card: etree._Element, holder: etree._Element) -> tuple[int | None, int | None]:
    """Width and height in pixels, from the link's query or else from the caption."""
    for link in [*_LINKS(card), *_LINKS(holder)][:MAX_TRIES]:
        query = parse_qs(link.partition("?")[2])
        width, height = (query.get(name, [""])[0] for name in ("expw", "exph"))
        if (size := _sides(width, height)) != (None, None):
            return size
    match = _SIZE.search(_text(_CAPTIONS(holder)))
    return _sides(*match.groups()) if match else (None, None)


def _sides(*texts: str) -> tuple[int | None, int | None]:
    digits = [re.sub(r"[.,'\s]", "", text) for text in texts]
    if not all(text.isascii() and text.isdigit() and len(text) < 7 for text in digits):
        return None, None
    width, height = map(int, digits)
    fits = 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE
    return (width, height) if fits else (None, None)


def _title(data: dict[str, object], card: etree._Element, holder: etree._Element) -> str:
    """The picture's title, from the data or from the markup around it."""
    found = [data.get("t"), *_TITLES(card), _text(_NAMES(holder)), *_TITLES(holder)[:MAX_TRIES]]
    titles = (clean_title(text) for text in found if isinstance(text, str))
    return next((title for title in titles if title), "")


def _text(nodes: list[etree._Element]) -> str:
    """How the first few begin. Text nodes are joined by spaces, or they are glued."""
    pieces = (str(piece) for node in nodes[:MAX_TRIES] for piece in node.itertext())
    return " ".join(islice(pieces, MAX_PIECES))[:MAX_TEXT]


def _next_first(root: etree._Element) -> int | None:
    for link in _NEXT(root)[:MAX_TRIES]:
        first = parse_qs(link.partition("?")[2]).get("first", [""])[0]
        if first.isascii() and first.isdigit() and len(first) < 7:
            return int(first)
    return None
