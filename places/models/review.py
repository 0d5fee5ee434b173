"""What curators decided, and the runs that fetched what they decide on."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from places.models.place import Place

if TYPE_CHECKING:
    from datetime import datetime


class Decision(models.Model):
    """One change of a picture's status or place by a curator. Rows are never changed but for ``undone_at``.

    ``batch`` is shared by what was decided at one stroke; ``undoes`` is the decision that this one takes back.
    The picture may be deleted: by its ``content_hash`` it is still known what was decided on it.
    """

    picture = models.ForeignKey(
        "places.Picture",
        on_delete=models.SET_NULL,
        null=True,
        related_name="decisions",
        verbose_name=_("picture"),
    )
    content_hash = models.CharField(_("SHA-256"), max_length=64, db_index=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("at"), default=timezone.now, db_index=True)
    from_status = models.CharField(_("from"), max_length=12)
    to_status = models.CharField(_("to"), max_length=12)
    from_place = models.ForeignKey(
        Place, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("from the place")
    )
    to_place = models.ForeignKey(
        Place, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("to the place")
    )
    batch = models.UUIDField(_("at one stroke with"), default=uuid.uuid4, db_index=True)
    undoes = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, related_name="undone_by", verbose_name=_("takes back")
    )
    undone_at = models.DateTimeField(_("taken back"), null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("decision"), _("decisions")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["by", "-at"], name="decision_newest_of_curator")]

    def __str__(self) -> str:
        return f"{self.from_status} → {self.to_status}"


class CollectRunQuerySet(models.QuerySet["CollectRun"]):
    """Questions about many runs."""

    def claim(self, pk: int) -> CollectRun | None:
        """Take a queued run for this worker, or None: it is not to be had, or another one is at work."""
        try:
            with transaction.atomic():
                taken = self.filter(pk=pk, state=CollectRun.State.QUEUED, stop_wanted=False).update(
                    state=CollectRun.State.RUNNING,
                    heartbeat=timezone.now(),
                    started_at=models.functions.Coalesce("started_at", timezone.now()),
                    attempts=models.F("attempts") + 1,
                )
        except IntegrityError:  # one_run_collects_at_a_time
            return None
        return self.get(pk=pk) if taken else None

    def lost(self, since: datetime) -> CollectRunQuerySet:
        """Those whose worker has not been heard of since then."""
        return self.filter(state=CollectRun.State.RUNNING, heartbeat__lt=since)


class CollectRun(models.Model):
    """Pictures of some places fetched from the web into the review queue.

    queued -> running -> done, stopped or failed; stopped -> queued again; a run whose worker was lost goes back to
    queued. One is running at a time. ``counts``: kept, wanted, dropped, rate (pictures a second), left_s, name (of
    the place at hand), reasons (dropped, by reason), places (kept, by slug), sentences (of each place, at the end).
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        STOPPED = "stopped", _("stopped")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    places = models.ManyToManyField(Place, related_name="+", verbose_name=_("places"))
    sources = models.JSONField(_("sources"), default=list)
    per_place = models.PositiveIntegerField(_("pictures a place"), default=50)
    drawings = models.BooleanField(_("keep drawings too"), default=False)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    counts: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict, editable=False)
    stop_wanted = models.BooleanField(default=False, editable=False)
    heartbeat = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    error = models.CharField(_("why it failed"), max_length=300, blank=True, editable=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    started_at = models.DateTimeField(_("begun"), null=True, editable=False)
    finished_at = models.DateTimeField(_("ended"), null=True, editable=False)

    objects = CollectRunQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("collecting"), _("collecting")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="running"), name="one_run_collects_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.created_at:%Y-%m-%d %H:%M})"

    @property
    def folder(self) -> Path:
        """Where it collects."""
        folder: Path = settings.VAR_DIR / "collected" / str(self.pk)
        return folder

    @property
    def open(self) -> bool:
        """Whether it waits or is at work."""
        return self.state in (self.State.QUEUED, self.State.RUNNING)
