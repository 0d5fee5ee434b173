"""Whatever a service answers is one of the seven states, never another exception."""

from __future__ import annotations

import json
from typing import Any, get_args
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.addresses import parse
from crawler.fetch import Fetched
from crawler.sources.base import Page, Position, Query, State
from tests.sources import STAND_INS, source
from tests.standins_json import Question, StandIn

QUERIES = [Query("Lantern"), Query("Lantern", Position(1, 2), size=(300, 200), licence="modify", layout="wide")]
ODD = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    st.sampled_from(["\ud800", "<b>&amp;"]),
    st.lists(st.none() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


def whole(name: str, standin: StandIn, query: Query) -> dict[str, Any]:
    """A good answer, as data."""
    asked = source(name, standin)
    found = standin.shapes["ok"](Question(asked.params(query, {}), 0, "https://a.example")).body
    data: dict[str, Any] = shortened(json.loads(found))
    return data


def shortened(node: Any) -> Any:
    """The same with at most three in each list."""
    if isinstance(node, dict):
        return {key: shortened(child) for key, child in node.items()}
    return [shortened(child) for child in node[:3]] if isinstance(node, list) else node


def spots(node: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, as the keys that lead there."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(node, dict):
        inner = list(node.items())
    elif isinstance(node, list):
        inner = list(enumerate(node))[:2]
    return [path, *[spot for key, child in inner for spot in spots(child, (*path, key))]]


def replaced(node: Any, path: tuple[Any, ...], value: object) -> Any:
    if not path:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[path[0]] = replaced(node[path[0]], path[1:], value)
    return copy


def check(page: Page) -> None:
    assert page.state in get_args(State)
    for hit in page.hits:
        for url in filter(None, (hit.image_url, hit.thumb_url, hit.page_url, hit.licence_url)):
            assert parse(url).url == url
        assert hit.image_url and hit.thumb_url and hit.key and hit.licence
        f"{hit}".encode()  # fit for a database
        assert len(hit.title) <= 300
    urlencode(page.onward or {})  # fit for an address


@pytest.mark.parametrize("name", ["commons", "openverse", "flickr"])
def test_a_value_of_another_kind_anywhere_is_survived(name: str) -> None:
    with STAND_INS[name]() as standin:
        asked = source(name, standin)
        good = [whole(name, standin, query) for query in QUERIES]
        places = [spots(each) for each in good]

        @settings(max_examples=150, deadline=None)
        @given(st.data())
        def survived(data: st.DataObject) -> None:
            which = data.draw(st.sampled_from([0, 1]))
            spot = data.draw(st.sampled_from(places[which]))
            body = json.dumps(replaced(good[which], spot, data.draw(ODD))).encode()
            check(asked.judged(Fetched(standin.url, 200, {}, body), QUERIES[which], {}))

        survived()


@pytest.mark.parametrize("name", STAND_INS)
def test_any_bytes_are_survived(name: str) -> None:
    with STAND_INS[name]() as standin:
        asked = source(name, standin)

        @settings(max_examples=100, deadline=None)
        @given(
            st.one_of(
                st.binary(max_size=300),
                st.text(alphabet='<>&"/= atblehrfimgscu[]{}:,0', max_size=300).map(str.encode),
            ),
            st.booleans(),
        )
        def survived(body: bytes, complete: bool) -> None:
            page = asked.judged(Fetched(standin.url, 200, {}, body, complete), QUERIES[0], {})
            check(page)
            assert page.hits == []

        survived()
