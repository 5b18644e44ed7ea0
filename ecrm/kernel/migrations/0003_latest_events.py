from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kernel", "0002_housekeeping")]

    operations = [
        migrations.AddIndex(
            model_name="eventrecord",
            index=models.Index(
                condition=models.Q(("profile_id__isnull", False), ("shop_id__isnull", False)),
                fields=["-occurred_at", "-id"],
                name="kernel_event_latest",
            ),
        ),
    ]
