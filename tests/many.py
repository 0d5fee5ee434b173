"""A site with many rows of everything, for tests of how many queries its pages take."""

from __future__ import annotations

import uuid
from itertools import count

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.utils import timezone

from places.models import (
    Alias,
    Attraction,
    Collection,
    CollectRun,
    Decision,
    Denied,
    Embedding,
    Feedback,
    ModelVersion,
    Picture,
    Place,
    Promotion,
    Report,
    Search,
    TrainingRun,
    WebPicture,
    WebQuery,
)
from tests.answers import unit, version

_number = count()


def grow(places: int) -> None:
    """Add so many places and what belongs to a site of that size: three times as many pictures, and so on."""
    serving, who = version(), _users(max(2, places // 20))
    added = _places(places)
    pictures = _pictures(added, 3 * places, serving)
    _embeddings(pictures[: max(4, places // 5)], serving)
    searches = _searches(added, places, serving, pictures)
    _said(added, searches, pictures, who)
    _decisions(added, pictures, who)
    _runs(added, max(2, places // 20), who, serving)
    LogEntry.objects.bulk_create(
        LogEntry(user=who[0], object_repr=f"{n}", action_flag=CHANGE, change_message="x") for n in range(places)
    )


def _users(number: int) -> list[User]:
    return User.objects.bulk_create(User(username=f"user-{next(_number)}", is_staff=True) for _ in range(number))


def _places(number: int) -> list[Place]:
    collection, _ = Collection.objects.get_or_create(slug="world", defaults={"name": "World"})
    added = Place.objects.bulk_create(
        Place(
            slug=f"place-{n}", name=f"Place {n}", country="DE", continent="Europe", city="Berlin", query=f"place {n}",
            latitude=-60 + n % 1200 / 10, longitude=-170 + n % 1700 / 5, description="x" * 200,
        )
        for n in (next(_number) for _ in range(number))
    )  # fmt: skip
    collection.places.add(*added)
    Alias.objects.bulk_create(Alias(place=place, name=f"Also {place.slug}") for place in added)
    Attraction.objects.bulk_create(
        Attraction(place=place, name="Bakery", kind="food", latitude=place.latitude, longitude=place.longitude)
        for place in added
    )
    return added


def _pictures(places: list[Place], number: int, serving: ModelVersion) -> list[Picture]:
    statuses, sources = ("approved", *Picture.Status.values), ("commons", "visitor", "bing", "curator")
    groups = [uuid.uuid4() for _ in range(number // 2 + 1)]
    return Picture.objects.bulk_create(
        Picture(
            place=places[n % len(places)], status=statuses[n % len(statuses)], source=sources[n % len(sources)],
            title=f"Picture {n}", thumbnail="t", image="i", width=300, height=200, content_hash=uuid.uuid4().hex,
            predicted=places[(n + n % 3) % len(places)], predicted_kind="place", confidence=n / number,
            predicted_by=serving, copies=groups[n // 2], look=n,
            usefulness=0.95 + n / number / 2,  # among them probably mislabelled ones
        )
        for n in range(number)
    )  # fmt: skip


def _embeddings(pictures: list[Picture], serving: ModelVersion) -> None:
    answer = {"kind": "place", "confidence": 0.9, "guesses": [["tower", 0.9], ["gate", 0.1]], "thing": ""}
    Embedding.objects.bulk_create(
        Embedding(picture=picture, model_version=serving, vector=unit(n / 100), answer=answer)
        for n, picture in enumerate(pictures)
    )


def _searches(places: list[Place], number: int, serving: ModelVersion, pictures: list[Picture]) -> list[Search]:
    similar = [{"picture": str(picture.pk)} for picture in pictures[:24]]
    return Search.objects.bulk_create(
        Search(
            state="done", similar_state="done", finished_at=timezone.now(), model_version=serving, kind="place",
            place=places[n % len(places)], confidence=0.9, embedding=unit(0.0), similar_results=similar,
            predictions=[[places[(n + more) % len(places)].slug, 0.2] for more in range(5)], photo="photos/x.jpg",
            timings={"decode": 1, "recognise": 2, "total": 3},
        )
        for n in range(number)
    )  # fmt: skip


def _said(places: list[Place], searches: list[Search], pictures: list[Picture], who: list[User]) -> None:
    Feedback.objects.bulk_create(
        Feedback(
            search=search, right=n % 2 == 0, answered=search.place, place=places[(n + 1) % len(places)],
            kept=n % 4 == 0, picture=pictures[n] if n % 4 == 0 else None,
            handled_at=timezone.now() if n % 5 == 4 else None,
            handled_by=who[0] if n % 5 == 4 else None, outcome="dismissed" if n % 5 == 4 else "",
        )
        for n, search in enumerate(searches)
    )  # fmt: skip
    query = WebQuery.objects.create(source="bing", text=f"{next(_number)}", state="ok", fetched_at=timezone.now())
    web = WebPicture.objects.create(query=query, position=1, key="1", image_url="https://a.example/1.jpg")
    Report.objects.bulk_create(
        Report(
            picture=pictures[n] if n % 2 else None, web_picture=None if n % 2 else web, reason="rights", words="Mine.",
            state="dismissed" if n % 3 == 2 else "open", closed_at=timezone.now() if n % 3 == 2 else None,
            closed_by=who[0] if n % 3 == 2 else None,
        )
        for n in range(len(places) // 5 + 3)
    )  # fmt: skip
    Denied.objects.bulk_create(Denied(kind="sha256", value=uuid.uuid4().hex * 2) for _ in places)


def _decisions(places: list[Place], pictures: list[Picture], who: list[User]) -> None:
    Decision.objects.bulk_create(
        Decision(
            picture=picture, content_hash=picture.content_hash, by=who[n % len(who)], from_status="candidate",
            to_status=picture.status, from_place=places[0], to_place=picture.place,
        )
        for n, picture in enumerate(pictures)
        if picture.status in ("approved", "rejected")
    )  # fmt: skip


def _runs(places: list[Place], number: int, who: list[User], serving: ModelVersion) -> None:
    counts = {"kept": 3, "wanted": 5, "dropped": 1, "places": {}, "reasons": {}, "sentences": []}
    for run in CollectRun.objects.bulk_create(
        CollectRun(by=who[0], state="done", sources=["bing"], counts=counts, finished_at=timezone.now())
        for _ in range(number)
    ):
        run.places.set(places[:20])
    versions = ModelVersion.objects.bulk_create(
        ModelVersion(kind="places", name="test", version=f"v{next(_number)}", labels=["tower", "gate"], path="models/x")
        for _ in range(number)
    )
    TrainingRun.objects.bulk_create(
        TrainingRun(by=who[0], state="done", collection=Collection.objects.first(), model_version=each,
                    finished_at=timezone.now())
        for each in versions
    )  # fmt: skip
    Promotion.objects.bulk_create(
        Promotion(by=who[0], state="cancelled", version=each, before=serving, finished_at=timezone.now())
        for each in versions
    )
