from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0013_domain_pace'),
    ]

    operations = [
        migrations.AddField(
            model_name='mail',
            name='is_passed_on',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
