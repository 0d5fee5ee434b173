"""Pictures of the gallery, and their embeddings."""

from __future__ import annotations

import uuid

from django.core.validators import URLValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField, HnswIndex

from places.models.model_version import ModelVersion
from places.models.place import Place


def original_name(picture: Picture, _name: str) -> str:
    """Name the file by our own id, never by what the sender called it."""
    return f"pictures/originals/{picture.pk}"


class Picture(models.Model):
    """One image of the gallery.

    ``original`` holds the bytes as they came until a worker has decoded them; from then on
    ``image`` (upright JPEG without metadata) and ``thumbnail`` are what is served, and
    ``tone`` (``ml.tone``) and ``look`` (``places.looks``) what it is compared by beside its embedding.

    Machines and visitors make a picture a candidate, or one for a second look; from there curators decide. What the
    serving model says of it (``Embedding.answer``) is repeated in ``predicted``, ``predicted_kind``, ``confidence``
    and ``predicted_by``, by which pictures are listed; ``usefulness`` is how early it is to be looked at
    (``places.prelabelling``). ``prelabelled``: nobody said what it shows, ``place`` is what the model says.
    Near-copies of each other have the same ``copies``.
    """

    class Status(models.TextChoices):
        CANDIDATE = "candidate", _("candidate")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")
        SECOND_LOOK = "second_look", _("second look")
        NOT_A_PLACE = "not_a_place", _("not a place")
        SKIPPED = "skipped", _("skipped")

    class Kind(models.TextChoices):
        """What the model takes it for."""

        PLACE = "place", _("a place")
        UNKNOWN = "unknown", _("a place that it does not know")
        NOT_A_PLACE = "not_a_place", _("not a place")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    place = models.ForeignKey(Place, on_delete=models.CASCADE, related_name="pictures", null=True, blank=True)
    search = models.OneToOneField(
        "places.Search", on_delete=models.SET_NULL, related_name="given", null=True, blank=True, editable=False
    )
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.CANDIDATE)
    original = models.FileField(upload_to=original_name, blank=True)
    image = models.CharField(max_length=200, blank=True, editable=False)
    thumbnail = models.CharField(max_length=200, blank=True, editable=False)
    width = models.PositiveIntegerField(null=True, editable=False)
    height = models.PositiveIntegerField(null=True, editable=False)
    title = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=40, default="curator")
    page_url = models.CharField(max_length=2000, blank=True, validators=[URLValidator(["http", "https"])])
    licence = models.CharField(max_length=100, default="unknown")
    author = models.CharField(max_length=200, blank=True)
    content_hash = models.CharField(max_length=64, editable=False)
    tone = HalfVectorField(dimensions=125, null=True, editable=False)
    look = models.BigIntegerField(null=True, editable=False)
    problem = models.CharField(max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    run = models.ForeignKey(
        "places.CollectRun", on_delete=models.SET_NULL, related_name="pictures", null=True, editable=False
    )
    predicted = models.ForeignKey(Place, on_delete=models.SET_NULL, related_name="+", null=True, editable=False)
    predicted_kind = models.CharField(max_length=12, choices=Kind.choices, blank=True, editable=False)
    confidence = models.FloatField(null=True, editable=False)
    predicted_by = models.ForeignKey(
        ModelVersion, on_delete=models.SET_NULL, related_name="+", null=True, editable=False
    )
    prelabelled = models.BooleanField(default=False, editable=False)
    usefulness = models.FloatField(default=0.0, editable=False)
    copies = models.UUIDField(null=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("picture"), _("pictures")
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["place", "status", "-created_at"], name="picture_newest_of_place"),
            models.Index(fields=["-created_at", "-id"], name="picture_newest"),
            # What the review pages through, from one key to the next.
            models.Index(fields=["status", "-usefulness", "id"], name="picture_review"),
            models.Index(fields=["place", "status", "-usefulness", "id"], name="picture_review_of_place"),
            models.Index(fields=["source", "status", "-usefulness", "id"], name="picture_review_of_source"),
            models.Index(fields=["copies", "id"], condition=models.Q(copies__isnull=False), name="picture_copies"),
            models.Index(fields=["look"], include=["id"], name="picture_look"),
            models.Index(fields=["content_hash"], name="picture_content"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["place", "content_hash"], nulls_distinct=False, name="one_picture_of_a_content_a_place"
            )
        ]

    def __str__(self) -> str:
        return self.title or str(self.pk)


UNDECIDED = (Picture.Status.CANDIDATE, Picture.Status.SECOND_LOOK, Picture.Status.SKIPPED)


class Embedding(models.Model):
    """Where one model version places one picture: 512 numbers of unit length, and its style.

    ``answer`` is what that version says it shows (``places.prelabelling.Said``); null where nobody asked it.
    """

    picture = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="embeddings")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="embeddings")
    vector = HalfVectorField(dimensions=512)
    style = HalfVectorField(dimensions=1056, null=True)
    answer = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["picture", "model_version"], name="one_embedding_a_picture_and_version")
        ]
        indexes = [
            HnswIndex(
                name="embedding_by_cosine",
                fields=["vector"],
                m=16,
                ef_construction=200,
                opclasses=["halfvec_cosine_ops"],
            )
        ]
