import uuid

import django.db.models.deletion
from django.db import migrations, models

# Django knows no partitioned tables: the model is told to it, the table is made by hand.
TABLE = """
CREATE TABLE profiles_activity (
    id bigserial NOT NULL,
    profile_id bigint NOT NULL,
    shop_id bigint NOT NULL,
    name varchar(80) NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    sku varchar(120),
    value numeric(19, 4),
    properties jsonb NOT NULL,
    PRIMARY KEY (id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX profiles_activity_of_profile
    ON profiles_activity (profile_id, occurred_at DESC, id DESC);
CREATE INDEX profiles_activity_of_name
    ON profiles_activity (name, sku, occurred_at) INCLUDE (profile_id, shop_id);
"""

ACTIVITY = migrations.CreateModel(
    name="Activity",
    fields=[
        ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
        ("name", models.CharField(max_length=80)),
        ("occurred_at", models.DateTimeField()),
        ("received_at", models.DateTimeField()),
        ("sku", models.CharField(max_length=120, null=True)),
        ("value", models.DecimalField(decimal_places=4, max_digits=19, null=True)),
        ("properties", models.JSONField(default=dict)),
        ("profile", models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="profiles.profile")),
        ("shop", models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="company.shop")),
    ],
    options={
        "indexes": [
            models.Index(fields=["profile", "-occurred_at", "-id"], name="profiles_activity_of_profile"),
            models.Index(fields=["name", "sku", "occurred_at"], include=["profile", "shop"], name="profiles_activity_of_name"),
        ],
    },
)


class Migration(migrations.Migration):
    dependencies = [
        ("company", "0003_built_in_roles"),
        ("profiles", "0004_without_conflicts"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TABLE, "DROP TABLE profiles_activity")],
            state_operations=[ACTIVITY],
        ),
        migrations.CreateModel(
            name="TrackedMessage",
            fields=[
                ("digest", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ],
        ),
        migrations.CreateModel(
            name="ParkedCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(choices=[("shape", "It is no object"), ("kind", "Its type is unknown"), ("name", "The event has no usable name"), ("nobody", "It says nothing about who did it"), ("id", "An id is neither text nor a number"), ("size", "It is larger than 32 KB"), ("time", "It lies too far in the past"), ("refused", "The customer could not be found or created")], max_length=8)),
                ("kind", models.CharField(blank=True, max_length=20)),
                ("body", models.JSONField()),
                ("is_proven", models.BooleanField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("received_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(null=True)),
                ("was_taken", models.BooleanField(default=False)),
                ("shop", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="company.shop")),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("settled_at__isnull", True)), fields=["shop", "-id"], name="profiles_parkedcall_waiting")],
                "constraints": [models.CheckConstraint(condition=models.Q(("was_taken", False), ("settled_at__isnull", False), _connector="OR"), name="profiles_parkedcall_taken_means_settled")],
            },
        ),
    ]
