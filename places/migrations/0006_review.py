"""Pictures carry what the model says of them; decisions of curators; runs that collect what they decide on."""

from __future__ import annotations

import uuid
from typing import ClassVar

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

REVIEW = {
    "picture_review": ["status", "-usefulness", "id"],
    "picture_review_of_place": ["place", "status", "-usefulness", "id"],
    "picture_review_of_source": ["source", "status", "-usefulness", "id"],
    "picture_content": ["content_hash"],
}


def pointer(to: str, **kwargs: object) -> models.ForeignKey:
    return models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to=to, **kwargs)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("places", "0005_places"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations: ClassVar = [
        migrations.CreateModel(
            name="CollectRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sources", models.JSONField(default=list, verbose_name="sources")),
                ("per_place", models.PositiveIntegerField(default=50, verbose_name="pictures a place")),
                ("drawings", models.BooleanField(default=False, verbose_name="keep drawings too")),
                ("state", models.CharField(choices=[("queued", "waiting"), ("running", "running"), ("stopped", "stopped"), ("done", "done"), ("failed", "failed")], default="queued", max_length=8, verbose_name="state")),
                ("counts", models.JSONField(default=dict, editable=False)),
                ("stop_wanted", models.BooleanField(default=False, editable=False)),
                ("heartbeat", models.DateTimeField(editable=False, null=True)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("error", models.CharField(blank=True, editable=False, max_length=300, verbose_name="why it failed")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="asked for")),
                ("started_at", models.DateTimeField(editable=False, null=True, verbose_name="begun")),
                ("finished_at", models.DateTimeField(editable=False, null=True, verbose_name="ended")),
                ("by", pointer(settings.AUTH_USER_MODEL, related_name="+", verbose_name="by")),
                ("places", models.ManyToManyField(related_name="+", to="places.place", verbose_name="places")),
            ],
            options={
                "verbose_name": "collecting",
                "verbose_name_plural": "collecting",
                "ordering": ["-created_at"],
            },
        ),
        migrations.AddConstraint(
            model_name="collectrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "running")), fields=("state",), name="one_run_collects_at_a_time"
            ),
        ),
        migrations.AddField("embedding", "answer", models.JSONField(null=True)),
        migrations.AlterField(
            "picture",
            "status",
            models.CharField(choices=[("candidate", "candidate"), ("approved", "approved"), ("rejected", "rejected"), ("second_look", "second look"), ("not_a_place", "not a place"), ("skipped", "skipped")], default="candidate", max_length=12),
        ),
        migrations.AddField("picture", "run", pointer("places.collectrun", editable=False, related_name="pictures")),
        migrations.AddField("picture", "predicted", pointer("places.place", editable=False, related_name="+")),
        migrations.AddField(
            "picture",
            "predicted_kind",
            models.CharField(blank=True, choices=[("place", "a place"), ("unknown", "a place that it does not know"), ("not_a_place", "not a place")], editable=False, max_length=12),
        ),
        migrations.AddField("picture", "confidence", models.FloatField(editable=False, null=True)),
        migrations.AddField("picture", "predicted_by", pointer("places.modelversion", editable=False, related_name="+")),
        migrations.AddField("picture", "prelabelled", models.BooleanField(default=False, editable=False)),
        migrations.AddField("picture", "usefulness", models.FloatField(default=0.0, editable=False)),
        migrations.AddField("picture", "copies", models.UUIDField(editable=False, null=True)),
        *(migrations.AddIndex("picture", models.Index(fields=fields, name=name)) for name, fields in REVIEW.items()),
        migrations.AddIndex(
            "picture",
            models.Index(condition=models.Q(("copies__isnull", False)), fields=["copies", "id"], name="picture_copies"),
        ),
        migrations.AddIndex("picture", models.Index(fields=["look"], include=("id",), name="picture_look")),
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("content_hash", models.CharField(db_index=True, max_length=64, verbose_name="SHA-256")),
                ("at", models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name="at")),
                ("from_status", models.CharField(max_length=12, verbose_name="from")),
                ("to_status", models.CharField(max_length=12, verbose_name="to")),
                ("batch", models.UUIDField(db_index=True, default=uuid.uuid4, verbose_name="at one stroke with")),
                ("undone_at", models.DateTimeField(null=True, verbose_name="taken back")),
                ("by", pointer(settings.AUTH_USER_MODEL, related_name="+", verbose_name="by")),
                ("from_place", pointer("places.place", related_name="+", verbose_name="from the place")),
                ("picture", pointer("places.picture", related_name="decisions", verbose_name="picture")),
                ("to_place", pointer("places.place", related_name="+", verbose_name="to the place")),
                ("undoes", models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="undone_by", to="places.decision", verbose_name="takes back")),
            ],
            options={
                "verbose_name": "decision",
                "verbose_name_plural": "decisions",
                "ordering": ["-at", "-pk"],
            },
        ),
        migrations.AddIndex("decision", models.Index(fields=["by", "-at"], name="decision_newest_of_curator")),
    ]
