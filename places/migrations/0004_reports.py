"""Reports, the deny-list and the first look; errors told in the reader's language; names of models."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('places', '0003_the_page'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='attraction',
            options={'verbose_name': 'thing nearby', 'verbose_name_plural': 'things nearby'},
        ),
        migrations.AlterModelOptions(
            name='collection',
            options={'ordering': ['name'], 'verbose_name': 'collection', 'verbose_name_plural': 'collections'},
        ),
        migrations.AlterModelOptions(
            name='feedback',
            options={'verbose_name': 'feedback', 'verbose_name_plural': 'feedback'},
        ),
        migrations.AlterModelOptions(
            name='modelversion',
            options={'ordering': ['-created_at'], 'verbose_name': 'version of a model', 'verbose_name_plural': 'versions of models'},
        ),
        migrations.AlterModelOptions(
            name='picture',
            options={'ordering': ['-created_at'], 'verbose_name': 'picture', 'verbose_name_plural': 'pictures'},
        ),
        migrations.AlterModelOptions(
            name='place',
            options={'ordering': ['name'], 'verbose_name': 'place', 'verbose_name_plural': 'places'},
        ),
        migrations.AlterModelOptions(
            name='search',
            options={'ordering': ['-created_at'], 'verbose_name': 'search', 'verbose_name_plural': 'searches'},
        ),
        migrations.AddField(
            model_name='search',
            name='error_words',
            field=models.JSONField(null=True),
        ),
        migrations.CreateModel(
            name='FirstPictures',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('done', models.BooleanField(default=False, verbose_name='done')),
                ('tries', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('next_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='next try')),
                ('place', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='first_pictures', to='places.place')),
            ],
            options={
                'verbose_name': 'first pictures',
                'verbose_name_plural': 'first pictures',
            },
        ),
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(blank=True, max_length=2000, verbose_name='address')),
                ('image_url', models.CharField(blank=True, max_length=2000, verbose_name='address of the picture itself')),
                ('reason', models.CharField(choices=[('rights', 'It is mine, and I do not want it here'), ('person', 'It shows me, or somebody who does not want it'), ('wrong', 'It does not show what is said of it'), ('offensive', 'It is offensive or unlawful'), ('other', 'Something else, or a question')], max_length=10, verbose_name='reason')),
                ('words', models.TextField(blank=True, max_length=2000, verbose_name='in their words')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('state', models.CharField(choices=[('open', 'open'), ('taken_down', 'taken down'), ('dismissed', 'dismissed')], default='open', max_length=10, verbose_name='state')),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name='written')),
                ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='closed')),
                ('picture', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to='places.picture', verbose_name='picture')),
                ('web_picture', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to='places.webpicture', verbose_name='picture of the web')),
            ],
            options={
                'verbose_name': 'report',
                'verbose_name_plural': 'reports',
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='Denied',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('host', 'host, and what is under it'), ('page', 'address of a page or picture'), ('sha256', 'SHA-256 of a file'), ('look', 'difference hash of a picture')], max_length=6, verbose_name='kind')),
                ('value', models.CharField(max_length=2000, verbose_name='value')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='since')),
                ('report', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, to='places.report', verbose_name='report')),
            ],
            options={
                'verbose_name': 'line of the deny-list',
                'verbose_name_plural': 'deny-list',
                'ordering': ['-created_at'],
                'constraints': [models.UniqueConstraint(fields=('kind', 'value'), name='one_line_a_denied_thing')],
            },
        ),
    ]
