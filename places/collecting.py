"""Collecting pictures for training: of places, of a spreadsheet's rows, or of any names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from django.conf import settings

from crawler import collect, spreadsheet
from crawler import sources as services
from crawler.clean import Decoder, Rules, Verdict, clean_packed, unpacked
from crawler.collect import Outcome, Plan, Progress, Tools, Wanted, never, no_news
from crawler.fetch import Fetcher
from crawler.limited import LimitedPool
from crawler.offers import Finder
from crawler.politeness import USUAL, DenyList, Manners, Polite, user_agent
from crawler.sources import Position, Query, Source
from errors import UserError
from ml import header, picture
from places.denying import denied
from places.models import Place

DECODER = Decoder(header.inspect, picture.decode, picture.to_jpeg)
_UNSAFE = re.compile(r"[/\\\0]+")


def of_places(places: Iterable[Place], within_km: float | None = None) -> list[Wanted]:
    """Return a class a place, its folder the slug; ``within_km`` asks for photos taken so near, where a source can."""
    return [
        Wanted(
            place.slug,
            place.name,
            Query(
                place.query or place.name,
                kind="photo",
                position=None if within_km is None else Position(place.latitude, place.longitude, within_km),
            ),
        )
        for place in places
    ]


def of_list(path: Path) -> list[Wanted]:
    """Return a class a row of a spreadsheet, its folder the index. Raises SpreadsheetError."""
    return [
        Wanted(row.index, row.name, Query(row.query, kind="photo", position=row.position))
        for row in spreadsheet.read(path)
    ]


def of_names(names: Iterable[str]) -> list[Wanted]:
    """Return a class a name, its folder called like it. Raises UserError ``bad_classes``."""
    wanted: dict[str, Wanted] = {}
    for name in (given.strip() for given in names):
        folder = _UNSAFE.sub("-", name).lstrip(".").strip()[:80]
        if not folder or folder.casefold() in wanted:
            raise UserError("bad_classes", f"{name!r} is no name for a class of its own. Please give different names.")
        wanted[folder.casefold()] = Wanted(folder, name, Query(name, kind="photo"))
    return list(wanted.values())


def write_list(path: Path, places: Iterable[Place]) -> None:
    """Write places as a spreadsheet that ``of_list`` reads; the index is the row's id in hexadecimal."""
    rows = [
        spreadsheet.Listed(
            place.name, place.index, place.query or place.name, Position(place.latitude, place.longitude)
        )
        for place in places
    ]
    spreadsheet.write(path, rows)


def sources(names: Sequence[str] = (), manners: Manners = USUAL) -> dict[str, Source]:
    """Return the sources that are set up, or those named. Raises UserError ``no_source`` for one that is not."""
    values = {name: str(getattr(settings, name, "")) for name in services.SETTINGS}
    # Pages are asked as the site asks them; only pictures are collected.
    fetcher = Fetcher(allow_private=settings.FETCH_ALLOW_PRIVATE)
    counting = replace(manners, counts=settings.REQUESTS_DIR)
    found = services.available(values, fetcher, counting, kept=settings.VAR_DIR / "log" / "pages")
    left_out = services.left_out(values)
    for name in names:
        if name not in found:
            known = ", ".join(services.LABELS)
            raise UserError("no_source", left_out.get(name, f"There is no source {name!r}. There are: {known}."))
    return {name: source for name, source in found.items() if not names or name in names}


def collect_into(
    folder: Path,
    wanted: Sequence[Wanted],
    asked: Mapping[str, Finder],
    *,
    plan: Plan | None = None,
    rules: Rules | None = None,
    deny: DenyList | None = None,
    unwanted: DenyList | None = None,
    manners: Manners = USUAL,
    on_progress: Callable[[Progress], None] = no_news,
    should_stop: Callable[[], bool] = never,
) -> Outcome:
    """Collect ``wanted`` into ``folder``: a folder a class, a manifest, a report.

    Safe to repeat: it goes on where it was stopped or killed. ``deny`` is what owners do not want,
    ``unwanted`` what we do not. ``on_progress`` is called twice a second; ``should_stop`` is asked all
    the time. Raises UserError.
    """
    agent = user_agent(settings.CRAWLER_CONTACT)
    fetcher = Fetcher(allow_private=settings.FETCH_ALLOW_PRIVATE, user_agent=agent, limits=collect.LIMITS)
    polite = Polite(fetcher, manners, deny or denied())
    refused = [polite.denied, *([unwanted] if unwanted else [])]
    work = partial(clean_packed, rules=rules or Rules(), decoder=DECODER)
    with LimitedPool(work) as pool:

        def judged(data: bytes) -> Verdict:
            return unpacked(pool(data))

        tools = Tools(
            fetch=lambda hit: polite.picture(hit.image_url, page=hit.page_url).body,
            clean=judged,
            denies=lambda sha256, look: any(each.denies_picture(sha256, look) for each in refused),
        )
        return collect.collect(folder, wanted, asked, tools, plan or Plan(), on_progress, should_stop)


def collect_classes(
    names: Sequence[str],
    per_class: int,
    folder: Path,
    asked: Mapping[str, Finder] | None = None,
    *,
    equal: bool = True,
    rules: Rules | None = None,
    manners: Manners = USUAL,
    on_progress: Callable[[Progress], None] = no_news,
    should_stop: Callable[[], bool] = never,
) -> Outcome:
    """Collect ``per_class`` pictures of everything named, into one folder a name below ``folder``.

    ``asked`` are the sources; all that are set up by default. ``equal`` leaves every class with as
    many pictures as the smallest has. Raises UserError.
    """
    return collect_into(
        folder,
        of_names(names),
        sources(manners=manners) if asked is None else asked,
        plan=Plan(per_class, equal=equal),
        rules=rules,
        manners=manners,
        on_progress=on_progress,
        should_stop=should_stop,
    )
