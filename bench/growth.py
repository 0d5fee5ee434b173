"""The page's growth: the same requests to a site with ten times the pictures and searches.

python -m bench growth
"""

import statistics
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import filling, running
from bench.embeddings import gallery
from bench.gallery import folder_for
from bench.summary import line, page, row, table
from bench.uploads import SMALL, photo
from tests.site import Site, start_site

FEW, MANY, ROUNDS = 10_000, 100_000, 15
GOAL = 1.2


@dataclass(frozen=True)
class Grown:
    """Median milliseconds of a request with few and with many rows."""

    few: float
    many: float

    @property
    def ratio(self) -> float:
        return self.many / self.few


def measure(out: Path, quick: bool = False) -> list[str]:
    """Write growth.md to ``out``; return the row of the summary."""
    few, many = (200, 2000) if quick else (FEW, MANY)
    found = compare(2 if quick else ROUNDS, few, many, 60 if quick else None)
    rows = [line(name, f"{each.few:.1f}", f"{each.many:.1f}", f"{each.ratio:.2f}") for name, each in found.items()]
    text = [
        f"Two sites, asked in turns over HTTP: one with {few:,} pictures and as many searches, one with {many:,}.",
        "",
        *table(("request", f"{few:,}: ms", f"{many:,}: ms", "ratio"), rows),
    ]
    page(out / "growth.md", "Ten times the pictures and searches", text, quick)
    worst = max(found, key=lambda name: found[name].ratio)
    most = found[worst].ratio
    what = f"{many // few} times the pictures and searches: the most that a latency grew"
    return [row(what, f"{most:.2f} ({worst})", f"{GOAL} at most", most <= GOAL)]


def compare(rounds: int, few: int, many: int, pictures: int | None) -> dict[str, Grown]:
    """Return how long requests take on two sites, one with ten times the rows, that are asked in turns."""
    embeddings = gallery(many, pictures)
    with ExitStack() as stack:
        sites = []
        for count in (few, many):
            folder = folder_for(count)
            with filling.database(folder):
                filling.fill(folder, embeddings.first(count))
            sites.append(stack.enter_context(start_site(folder)))
        taken: list[dict[str, list[float]]] = [defaultdict(list) for _ in sites]
        for turn in range(-2, rounds):
            for site, times in zip(sites, taken, strict=True):
                for name, work in requests(site, 300_000 + turn).items():
                    spent = running.milliseconds(work)
                    times[name] += [spent] if turn >= 0 else []
        few_, many_ = taken
        return {name: Grown(statistics.median(few_[name]), statistics.median(many_[name])) for name in few_}


def requests(site: Site, turn: int) -> dict[str, Callable[[], object]]:
    """Return what a visitor asks for, by name; each is asked in the order given."""
    large, small = photo(turn), photo(turn, SMALL)
    search = site.ended(site.post(photo(-turn, SMALL)).json())
    return {
        "a new photo of 12 megapixels, POST to answer": partial(site.post, large),
        "the same photo of 12 megapixels again": partial(site.post, large),
        "a new photo of 640 x 480, POST to answer": partial(site.post, small),
        "POST to similar pictures, 640 x 480": lambda: site.ended(site.post(photo(turn + 50_000, SMALL)).json()),
        "an answered search, JSON": partial(site.get, search["url"]),
        "an answered search, page": partial(site.get, search["page_url"]),
        "the first page": partial(site.get, "/"),
        "all places, page": partial(site.get, "/places/"),
        "all places, JSON": partial(site.get, "/api/v1/places/"),
        "one place, page": partial(site.get, "/places/taj-mahal/"),
        "one place, JSON": partial(site.get, "/api/v1/places/taj-mahal/"),
        "health": partial(site.get, "/healthz"),
    }
