from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kernel", "0003_delivery_without_second_index")]

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
