from django.db import migrations

# Deliveries live for seconds: without these the default thresholds let dead rows pile up.
TUNE = """
ALTER TABLE kernel_delivery SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
"""
UNTUNE = "ALTER TABLE kernel_delivery RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);"

EXTENSIONS = "CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE EXTENSION IF NOT EXISTS unaccent; CREATE EXTENSION IF NOT EXISTS btree_gin;"


class Migration(migrations.Migration):
    dependencies = [("kernel", "0001_initial")]

    operations = [
        migrations.RunSQL(TUNE, UNTUNE),
        migrations.RunSQL(EXTENSIONS, migrations.RunSQL.noop),
    ]
