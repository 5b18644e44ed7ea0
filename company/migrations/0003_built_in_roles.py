"""The roles every installation starts with; what they allow follows the modules' declarations."""

from django.db import migrations

ROLES = {
    "owner": "Owner",
    "manager": "Manager",
    "support": "Support",
    "marketing": "Marketing",
    "viewer": "Viewer",
}


def create_roles(apps, schema_editor):
    role_model = apps.get_model("company", "Role")
    for key, name in ROLES.items():
        role_model.objects.get_or_create(key=key, defaults={"name": name, "is_built_in": True})


class Migration(migrations.Migration):
    dependencies = [("company", "0002_append_only_audit")]

    operations = [migrations.RunPython(create_roles, migrations.RunPython.noop)]
