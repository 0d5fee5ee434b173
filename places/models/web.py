"""What sources on the web answered, remembered for a time."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from pgvector.django import HalfVectorField, HnswIndex

from places.models.model_version import ModelVersion


class WebQuery(models.Model):
    """One question to one source, and the state of its last answer (states of ``crawler.sources``)."""

    source = models.CharField(max_length=40)
    text = models.CharField(max_length=200)
    state = models.CharField(max_length=20)
    fetched_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "web queries"
        constraints = [models.UniqueConstraint(fields=["source", "text"], name="one_query_of_a_text_a_source")]

    def __str__(self) -> str:
        return f"{self.source}: {self.text}"

    @property
    def fresh(self) -> bool:
        """Whether the answer may be used without asking again."""
        if self.state == "ok":
            return timezone.now() - self.fetched_at < timedelta(days=settings.QUERY_KEPT_DAYS)
        if self.state == "none":
            return timezone.now() - self.fetched_at < timedelta(hours=settings.EMPTY_QUERY_KEPT_HOURS)
        return False


class WebPicture(models.Model):
    """A picture that a source named.

    Its thumbnail is fetched once the source was asked, its full size when somebody wants it. ``tone`` and ``look`` as
    in ``Picture``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    query = models.ForeignKey(WebQuery, on_delete=models.CASCADE, related_name="pictures")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=200)
    title = models.CharField(max_length=300, blank=True)
    image_url = models.TextField()
    thumb_url = models.TextField(blank=True)
    page_url = models.TextField(blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    licence = models.CharField(max_length=100, default="unknown")
    thumbnail = models.CharField(max_length=200, blank=True)
    image = models.CharField(max_length=200, blank=True)
    tone = HalfVectorField(dimensions=125, null=True)
    look = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["query", "position"]
        constraints = [models.UniqueConstraint(fields=["query", "key"], name="one_web_picture_of_a_key_a_query")]

    def __str__(self) -> str:
        return self.title or self.image_url


class WebEmbedding(models.Model):
    """Where one model version places one picture of the web: 512 numbers of unit length, and its style."""

    picture = models.ForeignKey(WebPicture, on_delete=models.CASCADE, related_name="embeddings")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="web_embeddings")
    vector = HalfVectorField(dimensions=512)
    style = HalfVectorField(dimensions=1056)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["picture", "model_version"], name="one_embedding_a_web_picture_and_version")
        ]
        indexes = [
            HnswIndex(
                name="web_embedding_by_cosine",
                fields=["vector"],
                m=16,
                ef_construction=200,
                opclasses=["halfvec_cosine_ops"],
            )
        ]
