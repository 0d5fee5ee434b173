"""Searches: one question and its answer."""

from __future__ import annotations

import hashlib
import secrets
import statistics
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from pgvector.django import HalfVectorField

from errors import UserError
from places.models.model_version import ModelVersion
from places.models.place import Place

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def hash_token(token: str) -> str:
    """Return what is stored of an owner's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def in_retention() -> datetime:
    """Return when a search that is made now expires."""
    return timezone.now() + timedelta(hours=settings.RETENTION_HOURS)


class State(models.TextChoices):
    """Where recognition, or the search for similar pictures, stands.

    queued -> running -> done or failed; a lost worker's row goes back to queued (see ``sweep``).
    """

    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


OPEN = (State.QUEUED, State.RUNNING)
ENDED = (State.DONE, State.FAILED)
USUAL_OF = 50  # searches
TOO_LATE = gettext_noop("Looking for similar pictures took too long.")


class SearchQuerySet(models.QuerySet["Search"]):
    """Questions about many searches."""

    def waiting(self) -> SearchQuerySet:
        """Those that no worker has begun."""
        return self.filter(state=State.QUEUED, deleted_at=None)

    def claim(self, pk: uuid.UUID) -> Search | None:
        """Take a queued search for this worker, or None when it is not to be had (any more)."""
        taken = self.filter(pk=pk, state=State.QUEUED, deleted_at=None).update(
            state=State.RUNNING, started_at=timezone.now(), attempts=models.F("attempts") + 1
        )
        return self.get(pk=pk) if taken else None

    def claim_fetch(self, pk: uuid.UUID) -> Search | None:
        """Take a queued address for this worker to fetch, or None. It stays queued until its photo is here."""
        taken = self.filter(pk=pk, state=State.QUEUED, original="", started_at=None, deleted_at=None).update(
            started_at=timezone.now(), sent_at=timezone.now()
        )
        return self.get(pk=pk) if taken else None

    def usual_seconds(self) -> int | None:
        """Return how long the last searches took, the median in whole seconds and at least one; None for none."""
        last = self.filter(state=State.DONE).order_by("-created_at").values_list("timings__total", flat=True)
        totals = [total for total in last[:USUAL_OF] if total is not None]
        return max(1, round(statistics.median(totals) / 1000)) if totals else None

    def claim_similar(self, pk: uuid.UUID) -> Search | None:
        """Take the second half of an answered search, or None."""
        taken = self.filter(pk=pk, state=State.DONE, similar_state=State.QUEUED, deleted_at=None).update(
            similar_state=State.RUNNING
        )
        return self.get(pk=pk) if taken else None


class Search(models.Model):
    """One photo, or the address of one, and what was answered."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    expires_at = models.DateTimeField(default=in_retention, db_index=True)
    deleted_at = models.DateTimeField(null=True)

    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=300, blank=True)
    error_words = models.JSONField(null=True)

    source_url = models.TextField(blank=True)
    original = models.CharField(max_length=100, blank=True)
    crop = models.JSONField(null=True)
    photo = models.CharField(max_length=100, blank=True)
    content_hash = models.CharField(max_length=64, blank=True)
    gps_latitude = models.FloatField(null=True)
    gps_longitude = models.FloatField(null=True)

    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True, related_name="searches")
    kind = models.CharField(max_length=12, blank=True)
    confidence = models.FloatField(null=True)
    place = models.ForeignKey(Place, on_delete=models.SET_NULL, null=True, related_name="searches")
    predictions = models.JSONField(default=list)
    objects_seen = models.JSONField(default=list)
    embedding = HalfVectorField(dimensions=512, null=True)
    style = HalfVectorField(dimensions=1056, null=True)
    tone = HalfVectorField(dimensions=125, null=True)
    look = models.BigIntegerField(null=True)
    heat = models.JSONField(null=True)
    timings = models.JSONField(default=dict)

    similar_state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    similar_query = models.CharField(max_length=200, blank=True)
    similar_note = models.CharField(max_length=300, blank=True)
    similar_results = models.JSONField(default=list)

    objects = SearchQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("search"), _("searches")
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["state", "created_at"], condition=models.Q(state__in=("queued", "running")), name="search_open"
            ),
            models.Index(
                fields=["content_hash", "model_version"], condition=models.Q(state="done"), name="search_answered"
            ),
            models.Index(
                fields=["finished_at"],
                condition=models.Q(state="done", similar_state__in=("queued", "running")),
                name="search_finding",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def new_token(self) -> str:
        """Make the owner's token; only its hash is kept."""
        token = secrets.token_urlsafe(24)
        self.owner_hash = hash_token(token)
        return token

    def is_owner(self, token: str) -> bool:
        """Whether ``token`` is the one this search's sender got."""
        return bool(token) and secrets.compare_digest(self.owner_hash, hash_token(token))

    @property
    def gone(self) -> bool:
        """Whether the search was deleted or has expired."""
        return self.deleted_at is not None or self.expires_at <= timezone.now()

    @property
    def ahead(self) -> int:
        """How many searches are looked at before this one."""
        if self.state != State.QUEUED:
            return 0
        return Search.objects.waiting().filter(created_at__lt=self.created_at).count()

    @property
    def stage(self) -> str:
        """What happens now: received, waiting, looking, finding or finished."""
        if self.state == State.QUEUED:
            return "waiting" if self.original else "received"
        if self.state == State.RUNNING:
            return "looking"
        return "finding" if self.similar_state not in ENDED else "finished"

    def forget(self) -> None:
        """Delete every word of question and answer; what stays says only that it is gone."""
        blank = Search(pk=self.pk, owner_hash=self.owner_hash)
        kept = {"id", "owner_hash", "created_at", "expires_at", "state", "attempts", "deleted_at"}
        names = [field.name for field in Search._meta.concrete_fields if field.name not in kept]
        values = {name: getattr(blank, name) for name in names} | {"similar_state": State.FAILED}
        Search.objects.filter(pk=self.pk, deleted_at=None).update(deleted_at=timezone.now(), **values)

    @property
    def error_told(self) -> str:
        """Why there is no answer, in the language of who reads it now."""
        sentences, values = self.error_words or ([self.error_message], {})
        return UserError(self.error_code, *sentences, **values).message

    def fail(self, error: UserError) -> None:
        """End the search without an answer; what is similar ends with it."""
        values: dict[str, Any] = {
            "state": State.FAILED,
            "similar_state": State.FAILED,
            "finished_at": timezone.now(),
            "error_code": error.code,
            "error_message": str(error)[:300],
            "error_words": [error.sentences, error.values],
        }
        Search.objects.filter(pk=self.pk).exclude(state__in=ENDED).update(**values)
        self.refresh_from_db()


class FeedbackQuerySet(models.QuerySet["Feedback"]):
    """Questions about what many said."""

    def waiting(self) -> FeedbackQuerySet:
        """What no curator has seen to."""
        return self.filter(handled_at=None)

    def urgent_first(self) -> FeedbackQuerySet:
        """Wrong answers before right ones, with a photo before without, the newest first."""
        return self.order_by("right", *_WITH_PHOTO_FIRST, "-created_at", "-pk")

    def settle(self, outcome: str, by: User | None) -> int:
        """Say what became of those that wait, and who saw to it; return how many that were."""
        return self.waiting().update(handled_at=timezone.now(), handled_by=by, outcome=outcome)


_WITH_PHOTO_FIRST = (models.ExpressionWrapper(models.Q(picture=None), models.BooleanField()).asc(),)


class Feedback(models.Model):
    """What the owner of a photo said about the answer, and what curators made of it.

    Waits until ``handled_at``; ``picture`` is the photo if the owner gave it, and outlives the search.
    """

    class Outcome(models.TextChoices):
        CANDIDATE = "candidate", _("the photo waits for review")
        APPROVED = "approved", _("the photo is in the gallery")
        NOT_A_PLACE = "not_a_place", _("the photo shows no place")
        DISMISSED = "dismissed", _("dismissed")
        TAKEN_DOWN = "taken_down", _("taken down")

    search = models.OneToOneField(Search, on_delete=models.SET_NULL, null=True, related_name="feedback")
    right = models.BooleanField()
    answered = models.ForeignKey(Place, on_delete=models.SET_NULL, null=True, related_name="+")
    place = models.ForeignKey(Place, on_delete=models.SET_NULL, null=True, related_name="feedback")
    kept = models.BooleanField(default=False)
    picture = models.ForeignKey("places.Picture", on_delete=models.SET_NULL, null=True, related_name="feedback")
    created_at = models.DateTimeField(auto_now_add=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)
    handled_at = models.DateTimeField(null=True)
    handled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = FeedbackQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("feedback")
        indexes = [
            models.Index(
                "right", *_WITH_PHOTO_FIRST, models.F("created_at").desc(), models.F("id").desc(),
                condition=models.Q(handled_at=None), name="feedback_waiting",
            ),
            models.Index(fields=["-handled_at"], name="feedback_handled"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return "right" if self.right else f"wrong, it is {self.place or 'something else'}"
