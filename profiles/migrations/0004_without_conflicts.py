from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("profiles", "0003_conflicts_as_pairs")]

    operations = [migrations.DeleteModel(name="IdentityConflict")]
