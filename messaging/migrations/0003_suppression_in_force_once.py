from django.db import migrations, models


class Migration(migrations.Migration):
    """Swaps a unique constraint for a weaker one, which no existing row can break."""

    dependencies = [("messaging", "0002_suppressions_and_wordings")]

    operations = [
        migrations.RemoveConstraint(
            model_name='suppression',
            name='messaging_suppression_once',
        ),
        migrations.AddConstraint(
            model_name='suppression',
            constraint=models.UniqueConstraint(condition=models.Q(('lifted_at__isnull', True)), fields=('address', 'scope', 'shop', 'topic', 'channel'), name='messaging_suppression_in_force_once', nulls_distinct=False),
        ),
    ]
