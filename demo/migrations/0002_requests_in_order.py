from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("demo", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="world",
            name="requests_from_chapter",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="world",
            name="requests_written",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
