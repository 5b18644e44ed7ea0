import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('backoffice', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='ChosenColumns',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('list_path', models.CharField(max_length=200)),
                ('keys', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None)),
                ('agent', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('agent', 'list_path'), name='backoffice_chosencolumns_once_per_list'), models.CheckConstraint(condition=models.Q(('list_path__startswith', '/')), name='backoffice_chosencolumns_path_is_local')],
            },
        ),
    ]
