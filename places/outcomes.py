"""A new version beside the one that serves, photo by photo, on photos that neither was trained on."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ml.calibrate import OTHER
from places import material
from places.models import Picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from places.models import ModelVersion

CONFUSIONS = 12  # pairs that are listed


@dataclass(frozen=True)
class Answered:
    """One held-out photo: what it shows, what the new version says, and the old one; None where it was not asked.

    The old one is not asked about places that it does not know.
    """

    pk: UUID
    truth: str
    new: str
    old: str | None


def report_of(folder: Path, version: ModelVersion) -> Path:
    """Return where a comparison in ``folder`` has its report on a version."""
    return folder / f"{version.name}-{version.version}"


def read(new: Path, old: Path | None, seen: Iterable[UUID]) -> list[Answered]:
    """Return the answers of the reports in two folders; photos that the old version was trained on are left out."""
    before = {pk: said for pk, _, said in _answers(old)} if old is not None else {}
    known = set(seen)
    return [Answered(pk, truth, said, before.get(pk)) for pk, truth, said in _answers(new) if pk not in known]


def _answers(folder: Path) -> list[tuple[UUID, str, str]]:
    with open(folder / "answers.csv", encoding="utf-8", newline="") as file:
        return [(UUID(Path(row["photo"]).stem), row["truth"], row["said"]) for row in csv.DictReader(file)]


def seen_by(version: ModelVersion) -> set[UUID]:
    """Return the pictures that a version was trained on or chosen by, as far as it was trained here."""
    run = version.runs.order_by("-created_at").first()
    lists = [run.folder / f"{name}.txt" for name in (material.TRAIN, material.CHOOSE)] if run else []
    return {pk for path in lists for pk, _ in material.listed(path)}


def outcome(answers: list[Answered], new: Path, old: Path | None) -> dict[str, Any]:
    """Return both versions side by side as plain JSON values: how right, which places, which confusions, what cost."""
    given = Picture.objects.filter(pk__in=[a.pk for a in answers], source="visitor")
    visitors = set(given.values_list("pk", flat=True))
    rows: list[tuple[str, Callable[[Answered], bool]]] = [
        ("all", bool),
        ("both", lambda a: a.old is not None),
        ("places", lambda a: a.truth not in OTHER),
        ("others", lambda a: a.truth in OTHER),
        ("visitors", lambda a: a.pk in visitors),
        ("rest", lambda a: a.pk not in visitors),
    ]
    return {
        "compared": old is not None,
        "rows": {name: _right([a for a in answers if belongs(a)]) for name, belongs in rows},
        "classes": _classes(answers) if old is not None else [],
        "confusions": _confusions(answers) if old is not None else [],
        "cost": {name: _cost(folder) for name, folder in (("old", old), ("new", new)) if folder is not None},
    }


def _right(answers: list[Answered]) -> dict[str, int]:
    """Return how many photos there are, and to how many either version's answer is right."""
    return {
        "photos": len(answers),
        "old": sum(a.old == a.truth for a in answers),
        "new": sum(a.new == a.truth for a in answers),
    }


def _classes(answers: list[Answered]) -> list[dict[str, Any]]:
    """Return the classes with gains and losses, most lost first, then most gained."""
    found = []
    for name in sorted({a.truth for a in answers}):
        mine = [a for a in answers if a.truth == name]
        known = any(a.old is not None for a in mine)
        found.append({"name": name, "known": known, **_right(mine)})
    changed = [each for each in found if each["old"] != each["new"]]
    return sorted(changed, key=lambda each: (each["new"] - each["old"]) / each["photos"])


def _confusions(answers: list[Answered]) -> list[dict[str, Any]]:
    """Return pairs of classes that one version confuses more often than the other, those of photos both were asked."""
    asked = [a for a in answers if a.old is not None]
    old = Counter((a.truth, a.old or "") for a in asked if a.old != a.truth)
    new = Counter((a.truth, a.new) for a in asked if a.new != a.truth)
    pairs = sorted(set(old) | set(new), key=lambda pair: (-abs(new[pair] - old[pair]), pair[0]))
    return [
        {"truth": truth, "said": said, "old": old[truth, said], "new": new[truth, said]}
        for truth, said in pairs[:CONFUSIONS]
        if new[truth, said] != old[truth, said]
    ]


def _cost(folder: Path) -> dict[str, Any]:
    cost = json.loads((folder / "report.json").read_text(encoding="utf-8"))["cost"]
    return {key: cost[key] for key in ("megabytes", "prepare_ms", "compute_ms", "engine")}
