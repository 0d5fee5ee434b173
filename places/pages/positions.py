"""A photo's own position beside the place that was answered; for the photo's owner only."""

from __future__ import annotations

from dataclasses import dataclass

from places.models import Place, Search

# How large a place is, is not known; and what is tall is photographed from afar.
AGREES_WITHIN_M = 10_000.0


@dataclass(frozen=True)
class OwnPosition:
    """Where a photo says it was taken.

    ``distance_m``: from there to the answered place, None without one; ``agrees``: that it is near enough;
    ``near``: our place nearest to there, and ``near_m`` metres from there, where that tells something else.
    """

    latitude: float
    longitude: float
    distance_m: float | None = None
    agrees: bool = False
    near: Place | None = None
    near_m: float = 0.0


def own_position(search: Search, place: Place | None) -> OwnPosition | None:
    """Return what the photo says of itself, None when it says nothing; ``place``: the answer, if it is one."""
    if search.gps_latitude is None or search.gps_longitude is None:
        return None
    here = (search.gps_latitude, search.gps_longitude)
    distance = place.distance_to(*here) if place else None
    if distance is not None and distance <= AGREES_WITHIN_M:
        return OwnPosition(*here, distance, agrees=True)
    around = Place.objects.current().around(*here, AGREES_WITHIN_M)
    near = min(around, key=lambda place: place.distance_to(*here), default=None)
    near_m = near.distance_to(*here) if near else 0.0
    return OwnPosition(*here, distance, near=near if near_m <= AGREES_WITHIN_M else None, near_m=near_m)
