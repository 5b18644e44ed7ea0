from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):

    dependencies = [
        ('company', '0003_built_in_roles'),
    ]

    operations = [
        # The old column stays, with a default, for processes of the release before; a later one drops it.
        migrations.AlterField(
            model_name='shop',
            name='logo',
            field=models.URLField(blank=True, db_default='', max_length=500, verbose_name='logo address'),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name='shop', name='logo')],
        ),
        migrations.CreateModel(
            name='Logo',
            fields=[
                ('key', models.CharField(max_length=43, primary_key=True, serialize=False)),
                ('content_type', models.CharField(max_length=10)),
                ('body', models.BinaryField()),
                ('added_at', models.DateTimeField()),
                ('shop', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='logos', to='company.shop')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('content_type__in', ['image/png', 'image/jpeg'])), name='company_logo_type_known')],
            },
        ),
        migrations.AddField(
            model_name='shop',
            name='logo',
            field=models.OneToOneField(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='company.logo'),
        ),
    ]
