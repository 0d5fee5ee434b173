"""Versions of the model: one bundle each."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ModelVersion(models.Model):
    """One bundle on disk, what it answers with, and whether it serves."""

    class Kind(models.TextChoices):
        PLACES = "places", _("places")
        OBJECTS = "objects", _("objects")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=80)
    version = models.CharField(max_length=80)
    path = models.CharField(max_length=500, help_text=_("folder of the bundle; relative to the project"))
    labels = models.JSONField(default=list)
    metrics = models.JSONField(default=dict)
    serving = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("version of a model"), _("versions of models")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "version"], name="one_row_a_version"),
            models.UniqueConstraint(fields=["kind"], condition=models.Q(serving=True), name="one_serves_a_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def folder(self) -> Path:
        """The bundle's folder."""
        folder: Path = settings.BASE_DIR / self.path
        return folder

    @classmethod
    def serving_places(cls) -> ModelVersion | None:
        """Return the version that recognises places now."""
        return cls.serving_of(cls.Kind.PLACES)

    @classmethod
    def recognised_slugs(cls) -> set[str]:
        """Return what that version answers with: slugs of places, and its two other labels."""
        version = cls.serving_places()
        return set(version.labels) if version else set()

    @classmethod
    def serving_of(cls, kind: str) -> ModelVersion | None:
        """Return the version that serves, if any does."""
        return cls.objects.filter(kind=kind, serving=True).first()
