"""Indexes from which segments count without reading the tables, made beside whoever writes."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("profiles", "0002_birthdays")]
    operations = [
        AddIndexConcurrently(
            model_name="profile",
            index=models.Index(
                fields=["country", "id"],
                name="profiles_profile_of_country",
                condition=Q(merged_into__isnull=True, erased_at__isnull=True),
            ),
        ),
        AddIndexConcurrently(
            model_name="consentstate",
            index=models.Index(
                fields=["channel", "purpose", "stand"],
                include=["shop", "profile"],
                name="profiles_consentstate_stands",
            ),
        ),
        AddIndexConcurrently(
            model_name="attributevalue",
            index=models.Index(
                fields=["attribute", "number"],
                include=["profile"],
                name="profiles_attribute_numbers",
                condition=Q(number__isnull=False),
            ),
        ),
        RemoveIndexConcurrently(model_name="profile", name="profiles_profile_country"),
        RemoveIndexConcurrently(model_name="consentstate", name="profiles_consentstate_of_shop"),
        RemoveIndexConcurrently(model_name="attributevalue", name="profiles_attribute_number"),
    ]
