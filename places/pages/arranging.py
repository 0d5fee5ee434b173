"""Pictures as a page shows them: in one of three orders, near-copies folded, narrowed by licence and size.

All of it is in the address (``?order=colour&licence=cc&size=800``), so it works without scripts and can be shared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from places.ranking import LOOK, ORDERS, SAME

Result = dict[str, Any]  # as ``presenting.present_like`` returns it
SIZES = (800, 1600, 3200)  # pixels of the long side
KEPT = ("place",)  # what else may stand in the address of a page with pictures
_PUBLIC = re.compile(r"cc0|public.?domain|pdm|no known copyright", re.IGNORECASE)
_COMMONS = re.compile(r"cc\b|creative.?commons", re.IGNORECASE)


@dataclass(frozen=True)
class Choice:
    """One order, licence or size to choose; ``address`` is the query that chooses it."""

    value: str
    label: str
    address: str
    chosen: bool


@dataclass(frozen=True)
class Pack:
    """One picture that is shown, and its near-copies, which are folded away."""

    shown: Result
    copies: list[Result]

    @property
    def scores(self) -> dict[str, float | None]:
        """How alike it is, by order."""
        scores: dict[str, float | None] = self.shown["scores"]
        return scores


@dataclass(frozen=True)
class Arranged:
    """Near-copies of what was asked for, all others in packs, and what can be chosen.

    ``waiting``: whether pictures are there that were not looked at yet. ``narrowed``: whether some are left out.
    ``kept``: what a form that narrows sends on.
    """

    same: list[Result]
    packs: list[Pack]
    orders: list[Choice]
    licences: list[Choice]
    sizes: list[Choice]
    waiting: bool
    narrowed: bool
    kept: dict[str, str]


def arrange(results: list[Result], query: QueryDict) -> Arranged:
    """Arrange pictures as an address asks; what it asks for that is not offered does not count."""
    known = [order for order in ORDERS if any(result["scores"][order] is not None for result in results)]
    order = _one_of(query.get("order"), known) or LOOK
    licences = {licence_kind(result["licence"]) for result in results}
    licence = _one_of(query.get("licence"), licences)
    sizes = [size for size in SIZES if 0 < sum(long_side(result) >= size for result in results) < len(results)]
    size = _one_of(query.get("size"), map(str, sizes))
    chosen = {name: query.get(name, "") for name in KEPT} | {"order": order, "licence": licence, "size": size}
    kept = [
        result
        for result in results
        if licence in ("", licence_kind(result["licence"])) and long_side(result) >= int(size or 0)
    ]
    packs = _packs([result for result in kept if result["group"] != SAME])
    packs.sort(key=lambda pack: -2.0 if (score := pack.scores[order]) is None else score, reverse=True)
    return Arranged(
        same=sorted((result for result in kept if result["group"] == SAME), key=long_side, reverse=True),
        packs=packs,
        orders=_choices("order", {each: _order_label(each) for each in known}, chosen) if len(packs) > 1 else [],
        licences=_choices("licence", _licence_labels(licences), chosen) if len(licences) > 1 else [],
        sizes=_choices("size", _size_labels(sizes), chosen) if sizes else [],
        waiting=any(result["score"] is None for result in results),
        narrowed=len(kept) < len(results),
        kept={name: value for name, value in chosen.items() if value and name not in ("licence", "size")},
    )


def licence_kind(licence: str) -> str:
    """Return ``public``, ``cc``, ``other`` or ``unknown`` for a licence as its source states it."""
    if licence in ("", "unknown"):
        return "unknown"
    if _PUBLIC.match(licence):
        return "public"
    return "cc" if _COMMONS.match(licence) else "other"


def long_side(result: Result) -> int:
    """Return the longer side in pixels, 0 when it is not known."""
    return max(result["width"] or 0, result["height"] or 0)


def _packs(results: list[Result]) -> list[Pack]:
    """Fold near-copies: the one that is shown has a stated licence if one has, and is the largest of those."""
    groups: dict[int, list[Result]] = {}
    for result in results:
        groups.setdefault(result["group"], []).append(result)
    packs = []
    for group in groups.values():
        best = max(group, key=lambda result: (licence_kind(result["licence"]) != "unknown", long_side(result)))
        packs.append(Pack(best, [result for result in group if result is not best]))
    return packs


def _one_of(asked: str | None, offered: Any) -> str:
    return asked if asked in set(offered) else ""  # type: ignore[return-value]


def _choices(name: str, labels: dict[str, str], chosen: dict[str, str]) -> list[Choice]:
    return [
        Choice(value, label, _address(chosen | {name: value}), chosen[name] == value) for value, label in labels.items()
    ]


def _address(values: dict[str, str]) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in values.items() if value})
    return f"?{query.urlencode()}"


def _order_label(order: str) -> str:
    return {"look": _("by look"), "colour": _("by colour"), "style": _("by style")}[order]


def _licence_labels(kinds: set[str]) -> dict[str, str]:
    labels = {
        "": _("any licence"), "public": _("public domain"), "cc": _("Creative Commons"),
        "other": _("another licence"), "unknown": _("licence unknown"),
    }  # fmt: skip
    return {kind: label for kind, label in labels.items() if not kind or kind in kinds}


def _size_labels(sizes: list[int]) -> dict[str, str]:
    labels = {str(size): _("at least {pixels} pixels").format(pixels=size) for size in sizes}
    return {"": _("any size"), **labels}
