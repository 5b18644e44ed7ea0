"""The counter from which tickets take their numbers."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql="CREATE SEQUENCE contacts_ticket_number AS bigint START WITH 1001",
            reverse_sql="DROP SEQUENCE contacts_ticket_number",
        ),
    ]
