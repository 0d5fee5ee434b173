"""What is read from Bing's cards, however they are written (sources.md, 1.3 and 1.4)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from crawler.fetch import Fetcher
from crawler.sources import bing_cards
from crawler.sources.base import Hit, clean_link, clean_title
from crawler.sources.bing import Bing
from tests.standins import LOOKS, BingStandIn

WHOLE = [
    *("ok", "counter", "added-class", "other-class", "other-attribute", "glued", "no-sizes-in-link", "lazy"),
    *("relative-thumbs", "title-in-attribute", "extra-keys", "document", "no-next"),
]
URL = "https://www.bing.com/images/async?q=x"


@pytest.fixture(scope="module")
def standin() -> Iterator[BingStandIn]:
    with BingStandIn() as started:
        yield started


def hits(standin: BingStandIn, shape: str) -> list[Hit]:
    return Bing(Fetcher({standin.pair}), standin.url + shape).search("Lantern & Bridge").hits


def card(data: dict[str, object] | str, inside: str = "", around: str = "") -> str:
    written = data if isinstance(data, str) else json.dumps(data)
    escaped = written.replace("&", "&amp;").replace('"', "&quot;")
    return f'<li><a class="iusc" m="{escaped}">{inside}</a>{around}</li>'


def read(*cards: str) -> bing_cards.Cards:
    page = f'<div class="dgControl"><ul>{"".join(cards)}</ul></div>'
    return bing_cards.read(page.encode(), URL)


def one(data: dict[str, object], inside: str = "", around: str = "") -> Hit:
    (hit,) = read(card({"murl": "https://a.example/1.jpg", **data}, inside, around)).hits
    return hit


@pytest.mark.parametrize("shape", WHOLE)
def test_every_look_of_a_page_gives_the_same_hits(standin: BingStandIn, shape: str) -> None:
    found = hits(standin, shape)
    root = standin.url.rstrip("/")
    assert len(found) == 35
    assert found[4] == Hit(
        title="Lantern & Bridge, picture 5",
        image_url=f"{root}/pictures/5.jpg",
        thumb_url=f"{root}/th?id=OIP.5&pid=15.1",
        page_url="https://pages.example.org/5",
        width=1205,
        height=805,
        licence="unknown",
        key="e4da3b7fbbce2345d7772b0674a318d5",
    )


def test_the_pictures_that_a_hit_names_can_be_fetched(standin: BingStandIn) -> None:
    hit = hits(standin, "strange-links")[0]
    fetcher = Fetcher({standin.pair})
    for url in (hit.image_url, hit.thumb_url):
        assert url.isascii() and " " not in url
        assert fetcher.picture(url).body.startswith(b"\xff\xd8\xff")


def test_one_broken_card_costs_one_hit(standin: BingStandIn) -> None:
    found = hits(standin, "one-broken")
    assert len(found) == 34
    assert not any(hit.image_url.endswith("/3.jpg") for hit in found)


def test_sizes_that_are_nowhere_are_none(standin: BingStandIn) -> None:
    assert {(hit.width, hit.height) for hit in hits(standin, "no-sizes")} == {(None, None)}


def test_titles_of_strangers_are_made_fit_to_show(standin: BingStandIn) -> None:
    hit = hits(standin, "hostile")[0]
    assert hit.title == 'Lantern & Bridge <script>alert(1)</script>{{7*7}} " 1'
    assert hit.page_url == ""
    assert len(hits(standin, "long-title")[0].title) == 300


@pytest.mark.parametrize(
    "broken",
    [
        *("", "{", "[]", "null", '"murl"', "[" * 100_000, '{"murl": 5}', '{"murl": ""}', '{"murl": null}'),
        *('{"murl": "javascript:alert(1)"}', '{"murl": "data:image/png;base64,AA"}', '{"murl": "/relative.jpg"}'),
        *('{"murl": "http://a@b.example/"}', '{"turl": "https://a.example/"}', '{"murl": ' + "9" * 5000 + "}"),
    ],
)
def test_a_card_without_a_usable_picture_is_skipped(broken: str) -> None:
    good = card({"murl": "https://a.example/1.jpg"})
    cards = read(good, card(broken), card({"murl": "https://a.example/2.jpg"}))
    assert [hit.image_url[-5:] for hit in cards.hits] == ["1.jpg", "2.jpg"]
    assert (cards.seen, cards.readable) == (3, 2)


def test_a_card_without_data_is_skipped() -> None:
    cards = read('<li><a class="iusc" href="#">no m</a></li>', card({"murl": "https://a.example/1.jpg"}))
    assert (cards.seen, cards.readable, len(cards.hits)) == (2, 1, 1)


@pytest.mark.parametrize(
    ("caption", "size"),
    [
        ("3442 x 2972 · png", (3442, 2972)),
        ("3442×2972", (3442, 2972)),
        ("3,442 X 2,972 · jpeg", (3442, 2972)),
        ("3.442 × 2.972", (3442, 2972)),
        ("3\u202f442 × 2\u202f972", (3442, 2972)),
        ("<span>3442</span> x <span>2972</span>", (3442, 2972)),
        ("2024 3442 x 2972", (3442, 2972)),
        ("<!-- 1 x 1 -->3442 x 2972", (3442, 2972)),
        ("jpeg", (None, None)),
        ("0 x 0", (None, None)),
        ("99999999 x 2", (None, None)),
        ("x", (None, None)),
    ],
)
def test_a_size_is_read_from_its_caption(caption: str, size: tuple[int | None, int | None]) -> None:
    hit = one({}, around=f'<div class="img_info b"><span class="nowrap">{caption}</span>pngexample.org</div>')
    assert (hit.width, hit.height) == size


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("expw=30&amp;exph=40", (30, 40)),
        ("expw=30", (7, 8)),
        ("expw=a&amp;exph=b", (7, 8)),
        ("expw=&amp;exph=", (7, 8)),
        ("expw=²&amp;exph=3", (7, 8)),
    ],
)
def test_the_links_size_comes_before_the_captions(query: str, size: tuple[int, int]) -> None:
    hit = one({}, around=f'<a href="/x?{query}"></a><i class="nowrap">7 x 8</i>')
    assert (hit.width, hit.height) == size


@pytest.mark.parametrize(
    ("data", "inside", "thumb"),
    [
        ({"turl": "https://ts1.example/th?id=1"}, "", "https://ts1.example/th?id=1"),
        ({"turl": "/th?id=1"}, "", "https://www.bing.com/th?id=1"),
        ({"turl": "//ts1.example/1"}, "", "https://ts1.example/1"),
        ({"turl": ""}, '<img src="/th?id=2">', "https://www.bing.com/th?id=2"),
        ({}, '<img src="data:image/gif;base64,AA" data-src="/th?id=3">', "https://www.bing.com/th?id=3"),
        ({"turl": "javascript:1"}, '<img src="http://[bad">', "https://a.example/1.jpg"),
        ({"turl": 7}, "", "https://a.example/1.jpg"),
    ],
)
def test_the_thumbnail_is_found_wherever_it_is(data: dict[str, object], inside: str, thumb: str) -> None:
    assert one(data, inside).thumb_url == thumb


@pytest.mark.parametrize(
    ("data", "around", "title"),
    [
        ({"t": "A"}, '<a title="B"></a>', "A"),
        ({"t": ""}, '<a title="B"></a>', "B"),
        ({"t": " \ue000\u200e "}, '<div class="infnmpt"><a>C<b>D</b></a></div>', "C D"),
        ({"t": 5}, "", ""),
    ],
)
def test_the_title_is_found_wherever_it_is(data: dict[str, object], around: str, title: str) -> None:
    assert one(data, around=around).title == title


def test_an_escaped_ampersand_in_an_address_is_left_as_it_is() -> None:
    assert one({"murl": "https://a.example/?a=1&amp;b=2"}).image_url == "https://a.example/?a=1&amp;b=2"


def test_the_same_picture_comes_once() -> None:
    first = {"murl": "https://a.example/1.jpg#x", "md5": "aa"}
    same_link = {"murl": "HTTPS://A.example/1.jpg", "md5": "bb"}
    same_key = {"murl": "https://b.example/2.jpg", "md5": "aa"}
    other = {"murl": "https://c.example/3.jpg", "md5": ""}
    cards = read(*[card({**data}) for data in (first, same_link, same_key, other)])
    assert [hit.key for hit in cards.hits] == ["aa", "https://c.example/3.jpg"]
    assert cards.readable == 4


@pytest.mark.parametrize(
    "page", [b"", b"\x00", b"\xef\xbb\xbf", b"<", b"\xff\xfe<\x00a\x00", b"<div>" * 5000, b"<a m='{'>", b"\xc3"]
)
def test_any_bytes_are_a_page_without_cards(page: bytes) -> None:
    assert bing_cards.read(page, URL).hits == []


def test_the_innermost_of_nested_cards_is_the_card() -> None:
    inner = card({"murl": "https://a.example/1.jpg"}, around='<b class="nowrap">3 x 4</b>')
    outer = inner.replace("<li>", "<li data-x='{\"murl\": 1}'>")
    cards = read(outer, outer.replace("1.jpg", "2.jpg"))
    assert [(hit.image_url[-5:], hit.width) for hit in cards.hits] == [("1.jpg", 3), ("2.jpg", 3)]
    assert (cards.seen, cards.readable) == (2, 2)


def test_a_caption_is_not_taken_from_a_neighbour() -> None:
    bare = card({"murl": "https://a.example/1.jpg"})[4:-5]
    cards = read(f'<li>{bare}{bare.replace("1.jpg", "2.jpg")}<b class="nowrap">3 x 4</b></li>')
    assert [(len(cards.hits), hit.width) for hit in cards.hits] == [(2, None), (2, None)]


MANY = "".join(card({"murl": f"https://a.example/{n}.jpg"})[4:-5] for n in range(3000))


@pytest.mark.parametrize(
    "page",
    [
        f"<li>{MANY}",
        f"<li>{MANY.replace('</a>', '')}",
        f"<li>{MANY[:20_000]}{'<img src=x:y>' * 100_000}",
        f'<li>{card({"murl": "https://a.example/"})}<b class="nowrap">{"111 " * 500_000}',
        "<div>" * 300_000,
    ],
)
def test_a_hostile_page_costs_no_more_than_moments(page: str) -> None:
    begin = time.monotonic()
    assert len(bing_cards.read(page.encode(), URL).hits) <= bing_cards.MAX_CARDS
    assert time.monotonic() - begin < 3


def test_bytes_that_are_no_utf_8_cost_only_themselves() -> None:
    page = card({"murl": "https://a.example/1.jpg", "t": "Br@cke"}).encode().replace(b"@", b"\xfc\x00")
    (hit,) = bing_cards.read(page, URL).hits
    assert hit.title == "Br\ufffdcke"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\x00b\x1b[1m\u202ec\u2066d", "ab[1mcd"),
        ("  a \n\t b  ", "a b"),
        ("e\u0301", "é"),
        ("&amp;lt; &quot;x&quot;", '&lt; "x"'),
        ("\U0001f468\u200d\U0001f469 \ud800", "\U0001f468\u200d\U0001f469"),
        ("=1+1", "=1+1"),
    ],
)
def test_a_title_is_cleaned(text: str, clean: str) -> None:
    assert clean_title(text).rstrip() == clean
    assert len(clean_title(text * 500)) <= 300


def test_only_web_links_are_links() -> None:
    assert clean_link("HTTP://A.example/x y#z") == "http://a.example/x%20y"
    for bad in (None, 5, "", "javascript:alert(1)", "data:text/html,x", "ftp://a.example/", "/x", "http://a\nb/"):
        assert clean_link(bad) == ""


def test_every_look_of_the_stand_in_is_tried() -> None:
    tried = {*WHOLE, "strange-links", "one-broken", "no-sizes", "hostile", "long-title"}
    assert set(LOOKS) - tried == {"most-broken", "one-card", "few"}
