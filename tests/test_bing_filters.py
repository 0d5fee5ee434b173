"""Every filter reaches Bing in its own spelling (sources.md, 1.2)."""

from __future__ import annotations

import dataclasses
from typing import get_args, get_type_hints

import pytest

from crawler.fetch import Fetcher
from crawler.politeness import Manners
from crawler.sources.base import Query
from crawler.sources.bing import FILTERS, Bing, filter_tokens
from crawler.sources.google import FILTERS as GOOGLE_FILTERS
from tests.standins import BingStandIn


def choices(field: str) -> set[str]:
    """The words that a field of a query may have."""
    hint = get_type_hints(Query)[field]
    return {word for each in get_args(hint) for word in get_args(each) if isinstance(word, str)} | {
        word for word in get_args(hint) if isinstance(word, str)
    }


@pytest.mark.parametrize(
    ("query", "tokens"),
    [
        (Query("x"), ""),
        (Query("x", size="large"), "+filterui:imagesize-large"),
        (Query("x", size=(1600, 1200)), "+filterui:imagesize-custom_1600_1200"),
        (Query("x", kind="drawing"), "+filterui:photo-linedrawing"),
        (Query("x", layout="wide"), "+filterui:aspect-wide"),
        (Query("x", since="week"), "+filterui:age-lt10080"),
        (Query("x", licence="modify-commercially"), "+filterui:license-L2_L3"),
        (Query("x", colour="grey", people="face"), "+filterui:color2-bw+filterui:face-face"),
        (
            Query("x", size="medium", kind="photo", licence="public"),
            "+filterui:imagesize-medium+filterui:photo-photo+filterui:license-L1",
        ),
    ],
)
def test_filters_are_joined_by_pluses(query: Query, tokens: str) -> None:
    assert filter_tokens(query) == tokens


@pytest.mark.parametrize("table", [FILTERS, GOOGLE_FILTERS])
def test_every_choice_of_a_query_has_its_spelling(table: dict[str, dict[str, str]]) -> None:
    assert set(table) == {"size", "kind", "licence", "layout", "since", "colour", "people"}
    assert set(table) | {"text", "position", "safe", "market"} == {each.name for each in dataclasses.fields(Query)}
    for field, names in FILTERS.items():
        assert set(names) == choices(field)


def test_the_plus_survives_the_address() -> None:
    with BingStandIn() as standin:
        bing = Bing(Fetcher({standin.pair}), f"{standin.url}no-next", manners=Manners(delays=False))
        query = Query("Lantern & Bridge", size="large", safe="off", market="ko-KR", licence="share")
        hits = list(bing.hits(query))
        (asked,) = standin.asked
    assert asked.params["qft"] == "+filterui:imagesize-large+filterui:license-L2_L3_L4_L5_L6_L7"
    assert (asked.params["adlt"], asked.params["cc"], asked.params["setlang"]) == ("off", "KR", "ko")
    assert asked.headers["Accept-Language"] == "ko-KR,ko;q=0.9"
    assert asked.headers["Cookie"] == "SRCHHPGUSR=ADLT=OFF"
    # Bing's guess about the page is no licence of the picture.
    assert {(hit.licence, hit.licence_hint) for hit in hits} == {("unknown", "bing:L2_L3_L4_L5_L6_L7")}


def test_without_filters_none_are_sent() -> None:
    with BingStandIn() as standin:
        Bing(Fetcher({standin.pair}), standin.url).search("Lantern Bridge")
        assert "qft" not in standin.asked[0].params
