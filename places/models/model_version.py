"""Versions of the model: one bundle each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from errors import UserError
from ml.bundle import MANIFEST, Bundle, BundleError, sha256
from ml.calibrate import OTHER

if TYPE_CHECKING:
    from collections.abc import Sequence

TRAINED = "models"  # below VAR_DIR: bundles that were trained here


class ModelVersion(models.Model):
    """One bundle on disk, what it answers with, and whether it serves.

    ``sha256``: of its ``bundle.json`` when it was registered, which names the hash of every other file. A retired
    version's files were deleted; its row stays, because searches name it.
    """

    class Kind(models.TextChoices):
        PLACES = "places", _("places")
        OBJECTS = "objects", _("objects")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=80)
    version = models.CharField(max_length=80)
    path = models.CharField(
        max_length=500, help_text=_("folder of the bundle; relative to the project, or to VAR_DIR if it was trained")
    )
    labels = models.JSONField(default=list)
    metrics = models.JSONField(default=dict)
    sha256 = models.CharField(max_length=64, blank=True)
    serving = models.BooleanField(default=False)
    retired_at = models.DateTimeField(null=True, blank=True)
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
        trained = self.path.partition("/")[0] == TRAINED
        folder: Path = (settings.VAR_DIR if trained else settings.BASE_DIR) / self.path
        return folder

    @property
    def report_folder(self) -> Path | None:
        """Where the report that came with the bundle lies, if one did."""
        folder = self.folder / "report"
        return folder if (folder / "report.html").is_file() else None

    @classmethod
    def register(cls, kind: str, path: str, bundle: Bundle) -> ModelVersion:
        """Keep what a bundle says, and the hash that its files must have from now on."""
        labels = [label if isinstance(label, str) else label["name"] for label in bundle.labels]
        values = {"name": bundle.name, "path": path, "labels": labels, "metrics": bundle.metrics, "retired_at": None}
        values["sha256"] = sha256(bundle.path / MANIFEST)
        return cls.objects.update_or_create(kind=kind, version=bundle.version, defaults=values)[0]

    def checked(self) -> Bundle:
        """Return the bundle of a version that recognises places, if it is whole and still the one registered.

        Raises UserError ``bad_bundle`` with what is wrong.
        """
        if self.kind != self.Kind.PLACES:
            raise UserError("bad_bundle", "This model does not recognise places.")
        if self.retired_at is not None:
            raise UserError("bad_bundle", "This version was retired: its files were deleted. Train a new one.")
        try:
            bundle = Bundle.load(self.folder)
        except BundleError as error:
            raise UserError("bad_bundle", "{why} Nothing was changed.", why=error) from error
        if self.sha256 and sha256(self.folder / MANIFEST) != self.sha256:
            raise UserError(
                "bad_bundle",
                "The bundle in {folder} is not the one that was registered: its hash differs. Nothing was changed.",
                folder=self.folder,
            )
        if bundle.labels[-len(OTHER) :] != list(OTHER):
            raise UserError("bad_bundle", "This model does not recognise places.")
        return bundle

    def knows(self, slugs: Sequence[str]) -> bool:
        """Whether it answers with all of these places."""
        return set(slugs) <= set(self.labels)

    @classmethod
    def serving_places(cls) -> ModelVersion | None:
        """Return the version that recognises places now."""
        return cls.serving_of(cls.Kind.PLACES)

    @classmethod
    def serving_of(cls, kind: str) -> ModelVersion | None:
        """Return the version that serves, if any does."""
        return cls.objects.filter(kind=kind, serving=True).first()
