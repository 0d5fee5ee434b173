"""Whether a training takes in what nobody decided."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("places", "0008_inbox")]

    operations: ClassVar = [
        migrations.AddField("trainingrun", "agreed", models.BooleanField(default=False)),
    ]
