"""An index on the day of the year of birthdays, made beside whoever writes."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Cast, ExtractDay, ExtractMonth


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("profiles", "0001_initial")]
    operations = [
        AddIndexConcurrently(
            model_name="profile",
            index=models.Index(
                Cast(ExtractMonth("birthday"), models.IntegerField()) * 100
                + Cast(ExtractDay("birthday"), models.IntegerField()),
                name="profiles_profile_birthday",
                condition=Q(birthday__isnull=False),
            ),
        )
    ]
