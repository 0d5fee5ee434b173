"""Who saw to what visitors said and reported, and the photo that they gave."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def find_given(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Tell feedback from before which picture its photo became."""
    feedback, picture = apps.get_model("places", "Feedback"), apps.get_model("places", "Picture")
    given = picture.objects.filter(search=models.OuterRef("search")).values("pk")[:1]
    feedback.objects.filter(kept=True).exclude(search=None).update(picture=models.Subquery(given))


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("places", "0007_training"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.AddField(
            "feedback",
            "picture",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="feedback",
                to="places.picture",
            ),
        ),
        migrations.AddField(
            "feedback",
            "outcome",
            models.CharField(
                blank=True,
                choices=[
                    ("candidate", "the photo waits for review"),
                    ("approved", "the photo is in the gallery"),
                    ("not_a_place", "the photo shows no place"),
                    ("dismissed", "dismissed"),
                    ("taken_down", "taken down"),
                ],
                max_length=12,
                default="",
            ),
            preserve_default=False,
        ),
        migrations.AddField("feedback", "handled_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "feedback",
            "handled_by",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            "report",
            "closed_by",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="closed by",
            ),
        ),
        migrations.AddIndex(
            "feedback",
            models.Index(
                models.F("right"),
                models.OrderBy(models.ExpressionWrapper(models.Q(picture=None), models.BooleanField())),
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("handled_at", None)),
                name="feedback_waiting",
            ),
        ),
        migrations.AddIndex("feedback", models.Index(fields=["-handled_at"], name="feedback_handled")),
        migrations.AddIndex(
            "report",
            models.Index(condition=models.Q(("state", "open")), fields=["-created_at"], name="report_open"),
        ),
        migrations.AddIndex("report", models.Index(fields=["-closed_at"], name="report_closed")),
        migrations.AddIndex("picture", models.Index(fields=["-created_at", "-id"], name="picture_newest")),
        # Last: an index cannot be made on a table with rows that were just changed.
        migrations.RunPython(find_given, migrations.RunPython.noop, elidable=True),
    ]
