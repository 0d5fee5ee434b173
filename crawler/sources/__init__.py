"""Services that answer words with pictures, one module each, and which of them can be used.

    found = sources.available(settings, fetcher)          # {"bing": Bing, "commons": Commons, ...}
    for hit in found["bing"].hits(Query("Lantern Bridge")):
        ...
    sources.left_out(settings)                            # {"flickr": "Flickr is left out: ..."}

``settings`` maps names of ``SETTINGS`` to values; one that is missing or empty counts as not set.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from crawler.politeness import USUAL, Manners, user_agent
from crawler.sources.base import Door, Hit, Position, Query, Source, SourceError
from crawler.sources.bing import Bing
from crawler.sources.commons import Commons
from crawler.sources.flickr import Flickr
from crawler.sources.google import Google
from crawler.sources.openverse import Openverse

__all__ = [
    "LABELS",
    "SETTINGS",
    "Hit",
    "Position",
    "Query",
    "Source",
    "SourceError",
    "available",
    "left_out",
]

# In the order in which they are asked.
LABELS = {each.name: each.label for each in (Commons, Openverse, Flickr, Bing, Google)}
# What is read of the settings, and what stands where nothing is set.
SETTINGS: dict[str, str] = {
    "BING_BASE_URL": Bing.home,
    "COMMONS_BASE_URL": Commons.home,
    "OPENVERSE_BASE_URL": Openverse.home,
    "FLICKR_BASE_URL": Flickr.home,
    "GOOGLE_BASE_URL": Google.home,
    "FLICKR_API_KEY": "",
    "CRAWLER_GOOGLE": "0",
    "CRAWLER_CONTACT": "",
}


def available(
    settings: Mapping[str, str], fetcher: Door, manners: Manners = USUAL, kept: Path | None = None
) -> dict[str, Source]:
    """The sources that can be used, by name, those with clear licences first.

    ``kept`` is a folder for answers that were not understood, the newest few of each source.
    """
    values = _values(settings)
    agent = user_agent(values["CRAWLER_CONTACT"])
    made: dict[str, Source] = {
        "commons": Commons(fetcher, values["COMMONS_BASE_URL"], agent, manners=manners, kept=kept),
        "openverse": Openverse(fetcher, values["OPENVERSE_BASE_URL"], agent, manners=manners, kept=kept),
        "flickr": Flickr(fetcher, values["FLICKR_BASE_URL"], values["FLICKR_API_KEY"], manners=manners, kept=kept),
        "bing": Bing(fetcher, values["BING_BASE_URL"], manners=manners, kept=kept),
        "google": Google(fetcher, values["GOOGLE_BASE_URL"], manners=manners, kept=kept),
    }
    missing = left_out(settings)
    return {name: source for name, source in made.items() if name not in missing}


def left_out(settings: Mapping[str, str]) -> dict[str, str]:
    """The sources that cannot be used, by name, each with the sentence why."""
    values = _values(settings)
    sentences = {}
    if not values["FLICKR_API_KEY"]:
        sentences["flickr"] = "Flickr is left out: it needs a key. Please set FLICKR_API_KEY."
    if values["CRAWLER_GOOGLE"].lower() not in ("1", "true", "yes", "on"):
        sentences["google"] = "Google is left out: it is off. Set CRAWLER_GOOGLE=1 to ask it; expect little."
    if _is_wikimedia(values["COMMONS_BASE_URL"]) and not values["CRAWLER_CONTACT"]:
        sentences["commons"] = (
            "Wikimedia Commons is left out: it wants to know whom to write to. "
            "Please set CRAWLER_CONTACT to a web or mail address of yours."
        )
    return sentences


def _values(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: settings.get(name, "").strip() or default for name, default in SETTINGS.items()}


def _is_wikimedia(url: str) -> bool:
    return f".{urlsplit(url).hostname or ''}".endswith(".wikimedia.org")
