"""Near-copies among the gallery's pictures: found once, when a picture is first decoded, and kept as a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F, Func, IntegerField, Q, QuerySet

from crawler.near import DISTANCE
from places import looks
from places.models import Picture
from places.reporting import FEW_EDGES

if TYPE_CHECKING:
    from uuid import UUID

MOST = 50  # of one picture; a group may grow larger


class Bits(Func):
    """How many bits of a 64-bit number are set."""

    template = "bit_count((%(expressions)s)::bit(64))"
    output_field = IntegerField()


def tells(look: int) -> bool:
    """Whether a look has enough edges to tell one picture from another."""
    return FEW_EDGES <= (look & looks.ALL).bit_count() <= 64 - FEW_EDGES


def near(look: int, among: QuerySet[Picture]) -> QuerySet[Picture]:
    """Return those that are near-copies of a look (``places.looks``), the same way round or mirrored."""
    if not tells(look):
        return among.none()
    straight, mirrored = Bits(F("look").bitxor(look)), Bits(F("look").bitxor(looks.mirrored(look)))
    found = among.exclude(look=None).alias(straight=straight, mirrored=mirrored)
    return found.filter(Q(straight__lte=DISTANCE) | Q(mirrored__lte=DISTANCE))


def join(pk: UUID, look: int) -> None:
    """Put a picture into the group of its near-copies, if it has any; groups that it joins become one."""
    others = dict(near(look, Picture.objects.exclude(pk=pk)).values_list("pk", "copies")[:MOST])
    if not others:
        return
    groups = {group for group in others.values() if group is not None}
    group = min(groups, default=min(others))
    Picture.objects.filter(Q(pk__in=[pk, *others]) | Q(copies__in=groups)).update(copies=group)
