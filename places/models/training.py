"""Trainings, and which version was to serve when."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from errors import UserError
from places.models.model_version import ModelVersion
from places.models.place import Collection


class TrainingRun(models.Model):
    """One training of a model on what the curators approved.

    queued -> running -> done, failed or cancelled. A worker that is stopped gives its run back (queued); one that is
    killed leaves a heartbeat behind that grows old (see ``training.sweep``). ``progress``: what ``ml.progress`` says,
    with the ``step``. ``counts``: what it is trained on, and what is to be known of that. ``outcome``: the new
    version beside the one that served.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    OPEN = (State.QUEUED, State.RUNNING)

    collection = models.ForeignKey(Collection, on_delete=models.SET_NULL, null=True, blank=True, related_name="runs")
    leave_out = models.BooleanField(default=False)
    agreed = models.BooleanField(default=False)
    quick = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="training_runs"
    )
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    heartbeat = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    cancel_wanted = models.BooleanField(default=False)
    progress = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    outcome = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    error_words = models.JSONField(null=True)
    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.SET_NULL, null=True, blank=True, related_name="runs"
    )

    class Meta:
        verbose_name, verbose_name_plural = _("training"), _("trainings")
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["state", "created_at"],
                condition=models.Q(state__in=("queued", "running")),
                name="training_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.subject}"

    @property
    def subject(self) -> str:
        """What it is about: a collection, or every place."""
        return str(self.collection or _("all places"))

    @property
    def folder(self) -> Path:
        """Where it works."""
        folder: Path = settings.VAR_DIR / "training" / str(self.pk)
        return folder

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state in self.OPEN

    @property
    def error_told(self) -> str:
        """Why it ended without a model, in the language of who reads it now."""
        sentences, values = self.error_words or ([self.error], {})
        return UserError("failed", *sentences, **values).message

    @classmethod
    def claim(cls, pk: int) -> TrainingRun | None:
        """Take a queued training for this worker, or None when it is not to be had (any more)."""
        now = timezone.now()
        taken = cls.objects.filter(pk=pk, state=cls.State.QUEUED, cancel_wanted=False).update(
            state=cls.State.RUNNING,
            started_at=Coalesce("started_at", now),
            heartbeat=now,
            attempts=models.F("attempts") + 1,
        )
        return cls.objects.select_related("collection").get(pk=pk) if taken else None

    def beat(self, progress: dict[str, Any]) -> bool:
        """Say that this worker is at it and how far; return whether it shall go on."""
        mine = TrainingRun.objects.filter(pk=self.pk, state=self.State.RUNNING, attempts=self.attempts)
        return bool(mine.filter(cancel_wanted=False).update(heartbeat=timezone.now(), progress=progress))

    def end(self, state: str, error: UserError | None = None, **values: Any) -> bool:
        """End a run that has not ended, unless another worker has it; return whether it was ours to end."""
        if error is not None:
            words = {name: str(value) for name, value in error.values.items()}
            values |= {"error": str(error), "error_words": [error.sentences, words]}
        mine = TrainingRun.objects.filter(pk=self.pk, state__in=self.OPEN, attempts=self.attempts)
        ended = mine.update(state=state, finished_at=timezone.now(), **values)
        self.refresh_from_db()
        return bool(ended)


class Promotion(models.Model):
    """One change of the version that serves: who wanted it, how far it is, what served before.

    embedding -> done, cancelled or failed. Rows are kept: the audit trail, and the way back.
    """

    class State(models.TextChoices):
        EMBEDDING = "embedding", _("embedding the pictures")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("failed")

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="promotions")
    before = models.ForeignKey(ModelVersion, on_delete=models.SET_NULL, null=True, related_name="promotions_away")
    state = models.CharField(max_length=10, choices=State.choices, default=State.EMBEDDING)
    rolled_back = models.BooleanField(default=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="promotions")
    created_at = models.DateTimeField(default=timezone.now)
    prepared_at = models.DateTimeField(null=True)
    heartbeat = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    total = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("promotion"), _("promotions")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="embedding"), name="one_promotion_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.version} ({self.state})"

    @classmethod
    def open(cls) -> Promotion | None:
        """Return the promotion that is going on."""
        return cls.objects.select_related("version").filter(state=cls.State.EMBEDDING).first()

    @classmethod
    def way_back(cls, version: ModelVersion) -> ModelVersion | None:
        """Return what served before ``version`` was promoted."""
        done = cls.objects.filter(version=version, state=cls.State.DONE, rolled_back=False)
        last = done.select_related("before").order_by("-finished_at").first()
        return last.before if last else None

    def claim(self, not_since: datetime) -> bool:
        """Take the next step for this process, unless another one took it after ``not_since``."""
        free = models.Q(heartbeat=None) | models.Q(heartbeat__lt=not_since)
        mine = Promotion.objects.filter(free, pk=self.pk, state=self.State.EMBEDDING)
        return bool(mine.update(heartbeat=timezone.now()))

    def end(self, state: str, error: str = "", **values: Any) -> bool:
        """End it if it has not ended; return whether it was this call that did."""
        mine = Promotion.objects.filter(pk=self.pk, state=self.State.EMBEDDING)
        return bool(mine.update(state=state, error=error, finished_at=timezone.now(), **values))
