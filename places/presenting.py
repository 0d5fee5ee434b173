"""What clients read: the same for the API and the page."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from places import newcomers, ranking
from places.finding import end_late
from places.models import Picture, Place, Search, WebPicture
from places.models.search import State
from places.wording import told


def present(search: Search, *, owner: bool = False) -> dict[str, Any]:
    """Return a search as the contract's JSON object; GPS is for its owner only."""
    search = end_late(search)
    done = search.state == State.DONE
    return {
        "id": str(search.pk),
        "state": search.state,
        "stage": search.stage,
        "ahead": search.ahead,
        "url": reverse("api:search", args=[search.pk]),
        "page_url": reverse("pages:search", args=[search.pk]),
        "photo_url": reverse("media:photo", args=[search.pk]) if search.photo else None,
        "crop": search.crop,
        "created_at": search.created_at.isoformat(),
        "expires_at": search.expires_at.isoformat(),
        "answer": _answer(search) if done else None,
        "predictions": _predictions(search),
        "objects": [
            {"label": label, "wordnet_id": wordnet_id, "probability": probability}
            for label, wordnet_id, probability in search.objects_seen
        ],
        "similar": {
            "state": search.similar_state,
            "query": search.similar_query,
            "note": told(search.similar_note),
            "results": _results(search),
        },
        "model": _model(search),
        "timings_ms": {name: search.timings.get(name) for name in ("decode", "recognise", "total")},
        "gps": _gps(search) if owner else None,
        "error": {"code": search.error_code, "message": search.error_told} if search.error_code else None,
    }


def _predictions(search: Search) -> list[dict[str, Any]]:
    """Return the best guesses, named as their places are now; those that were retired since are left out."""
    slugs = [slug for slug, _ in search.predictions]
    known = {place.slug: place for place in Place.objects.filter(slug__in=slugs).select_related("merged_into")}
    shown: dict[str, dict[str, Any]] = {}
    for slug, probability in search.predictions:
        place = known.get(slug)
        place = (place.merged_into or place) if place else None
        if place is not None and place.retired_at is not None:
            continue
        named = {"slug": place.slug, "name": place.shown_name} if place else {"slug": slug, "name": slug}
        guess = shown.setdefault(named["slug"], {"place": named, "probability": 0.0})
        guess["probability"] = round(guess["probability"] + probability, 6)
    return list(shown.values())


def _answer(search: Search) -> dict[str, Any]:
    return {
        "kind": search.kind,
        "confidence": search.confidence,
        "place": present_place(search.place) if search.place is not None else None,
    }


def _model(search: Search) -> dict[str, str] | None:
    version = search.model_version
    return {"name": version.name, "version": version.version} if version else None


def _gps(search: Search) -> dict[str, float] | None:
    if search.gps_latitude is None or search.gps_longitude is None:
        return None
    return {"latitude": search.gps_latitude, "longitude": search.gps_longitude}


def present_place(place: Place) -> dict[str, Any]:
    """Return a place with what is near it, nearest first."""
    return {
        "slug": place.slug,
        "name": place.shown_name,
        "local_name": place.local_name,
        "local_language": place.local_language,
        "country": place.country_name,
        "country_code": place.country,
        "city": place.shown_city,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "description": place.shown_description,
        "page_url": reverse("pages:place", args=[place.slug]),
        "nearby": [
            {
                "name": near.name,
                "kind": near.kind,
                "distance_m": near.distance_m,
                "bearing_deg": near.bearing_deg,
                "latitude": near.latitude,
                "longitude": near.longitude,
                "source": near.source,
                "slug": near.slug or None,
            }
            for near in place.nearby()
        ],
    }


def present_places(query: str = "") -> list[dict[str, Any]]:
    """Return the places whose names contain ``query`` in short, and whether the model recognises them."""
    recognised = newcomers.recognised()
    return [
        {
            "slug": place.slug,
            "name": place.shown_name,
            "local_name": place.local_name,
            "country": place.country_name,
            "country_code": place.country,
            "latitude": place.latitude,
            "longitude": place.longitude,
            "recognised": place.slug in recognised,
            "url": reverse("api:place", args=[place.slug]),
            "page_url": reverse("pages:place", args=[place.slug]),
        }
        for place in Place.objects.current().named(query)
    ]


def _results(search: Search) -> list[dict[str, Any]]:
    """Return the similar pictures that still exist, most alike first."""
    rows = search.similar_results
    own = [row["picture"] for row in rows if "picture" in row]
    web = [row["web"] for row in rows if "web" in row]
    return [present_like(like) for like in ranking.rank(ranking.by_search(search), own, web)]


def present_like(like: ranking.Like) -> dict[str, Any]:
    """Return a picture with how alike it is; near-copies share a ``group``, 0 for those of what was asked for."""
    scores = {"score": like.scores[ranking.LOOK], "scores": like.scores, "group": like.group}
    return present_picture(like.picture) | scores


def present_picture(picture: Picture | WebPicture) -> dict[str, Any]:
    """Return a picture of the gallery, or one of the web, by our own routes."""
    if isinstance(picture, Picture):
        full = reverse("media:picture", args=[picture.pk])
        thumbnail = reverse("media:picture_thumbnail", args=[picture.pk])
        own = {"kind": "gallery", "image_url": full, "author": picture.author, "source": "gallery"}
    else:
        full = reverse("media:web_picture", args=[picture.pk])
        thumbnail = reverse("media:web_thumbnail", args=[picture.pk])
        own = {"kind": "web", "image_url": picture.image_url, "author": "", "source": picture.query.source}
    return {
        "id": str(picture.pk),
        "title": picture.title,
        "thumbnail_url": thumbnail,
        "download_url": f"{full}?download",
        "page_url": picture.page_url,
        "more_url": reverse("pages:picture", args=[own["kind"], picture.pk]),
        "width": picture.width,
        "height": picture.height,
        "licence": picture.licence,
        **own,
    }
