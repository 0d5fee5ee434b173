"""The sources and their stand-ins by name, for tests that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from crawler import sources
from crawler.fetch import Fetcher, Limits
from crawler.politeness import Clock, Manners
from crawler.sources.base import Hit, Page, Query, SourceError
from crawler.sources.bing import Bing
from crawler.sources.commons import Commons
from crawler.sources.flickr import Flickr
from crawler.sources.google import Google
from crawler.sources.openverse import Openverse
from crawler.sources.service import Service
from tests.standins_commons import CommonsStandIn
from tests.standins_flickr import KEY, FlickrStandIn
from tests.standins_google import GoogleStandIn
from tests.standins_json import StandIn
from tests.standins_openverse import OpenverseStandIn

AGENT = "search-by-image/1.0 (https://places.example.org)"
STAND_INS: dict[str, Callable[[], StandIn]] = {
    "commons": CommonsStandIn,
    "openverse": OpenverseStandIn,
    "flickr": FlickrStandIn,
    "google": GoogleStandIn,
}
WORDS = Query("Lantern Bridge")


@dataclass
class FakeTime:
    """A clock that only sleeping moves on."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, self.sleep)


def source(name: str, standin: StandIn, shape: str = "", manners: Manners | None = None) -> Service:
    """A source that asks its stand-in for a shape, without waiting for anything."""
    fetcher = Fetcher({standin.pair}, limits=Limits(total=5))
    manners = manners or Manners(delays=False, clock=FakeTime().clock)
    url = f"{standin.url}{shape}"
    if name == "commons":
        return Commons(fetcher, url, AGENT, manners=manners)
    if name == "openverse":
        return Openverse(fetcher, url, AGENT, manners=manners)
    if name == "flickr":
        return Flickr(fetcher, url, KEY, manners=manners)
    return {"google": Google, "bing": Bing}[name](fetcher, url, manners=manners)


def outcome(asked: sources.Source, query: Query = WORDS) -> tuple[list[Hit], str]:
    """The hits that came, and the state in which it ended: "ended" is well."""
    hits: list[Hit] = []
    try:
        hits.extend(asked.hits(query))  # what came before an error stays
    except SourceError as error:
        return hits, error.state
    return hits, "ended"


def first_page(asked: Service, query: Query = WORDS) -> Page:
    """The first page, without patience."""
    return asked.page(query, {})
