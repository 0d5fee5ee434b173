"""Places can be retired and merged; other names have a language; what is near can come from OpenStreetMap."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

# Whoever wrote Hangul wrote Korean; of other names nobody said the language.
COPY_ALIASES = """
INSERT INTO places_alias (place_id, name, language)
SELECT DISTINCT place.id, left(alias.name, 120), CASE WHEN alias.name ~ '[가-힣]' THEN 'ko' ELSE '' END
FROM places_place AS place, jsonb_array_elements_text(place.aliases) AS alias(name)
WHERE jsonb_typeof(place.aliases) = 'array' AND alias.name <> '';
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("places", "0004_reports")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Alias",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("language", models.CharField(blank=True, help_text="BCP 47, such as fr or zh-Hans; empty for none", max_length=20, verbose_name="language")),
                ("place", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="other_names", to="places.place")),
            ],
            options={
                "verbose_name": "other name",
                "verbose_name_plural": "other names",
                "ordering": ["pk"],
            },
        ),
        migrations.AddConstraint(
            model_name="alias",
            constraint=models.UniqueConstraint(fields=("place", "name"), name="one_alias_of_a_name_a_place"),
        ),
        migrations.RunSQL(COPY_ALIASES, migrations.RunSQL.noop),
        migrations.RemoveField(model_name="place", name="aliases"),
        migrations.AlterField(
            model_name="alias",
            name="place",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="aliases", to="places.place"),
        ),
        migrations.AddField(
            model_name="place",
            name="nearby_state",
            field=models.CharField(blank=True, choices=[("queued", "being asked for"), ("found", "found"), ("nothing", "nothing found"), ("blocked", "blocked"), ("unreachable", "unreachable"), ("changed", "not understood"), ("misconfigured", "not set up")], default="", editable=False, max_length=13, verbose_name="what is near, from OpenStreetMap"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="place",
            name="nearby_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="place",
            name="retired_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="retired"),
        ),
        migrations.AddField(
            model_name="place",
            name="merged_into",
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="merged", to="places.place", verbose_name="merged into"),
        ),
        migrations.AddConstraint(
            model_name="place",
            constraint=models.CheckConstraint(condition=models.Q(("merged_into", None), ("retired_at__isnull", False), _connector="OR"), name="merged_places_are_retired"),
        ),
    ]
