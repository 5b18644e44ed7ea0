"""What every mass mail wrote several times and nothing read: indexes for patterns and a second one by message."""

from django.db import migrations, models
from django.db.models.deletion import CASCADE
from django.db.models.functions import Left
from django.db.models.lookups import Exact

PATTERNS = {
    'messaging_outgoingmessage_message_id_a2f41a6c_like': 'message_id',
    'messaging_outgoingmessage_dedupe_key_38f5b191_like': 'dedupe_key',
}
BY_MESSAGE = 'messaging_deliveryattempt_message_id_3317fec4'


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0015_logs_by_time'),
    ]

    operations = [
        *(
            migrations.RunSQL(
                f'DROP INDEX IF EXISTS {name}',
                f'CREATE INDEX {name} ON messaging_outgoingmessage ({column} varchar_pattern_ops)',
            )
            for name, column in PATTERNS.items()
        ),
        # By name: Django would also drop the constraint that a message is accepted once, an index of the same column.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f'DROP INDEX IF EXISTS {BY_MESSAGE}',
                    f'CREATE INDEX {BY_MESSAGE} ON messaging_deliveryattempt (message_id)',
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='deliveryattempt',
                    name='message',
                    field=models.ForeignKey(db_index=False, on_delete=CASCADE, related_name='tries', to='messaging.outgoingmessage'),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name='suppression',
            index=models.Index(condition=models.Q(Exact(Left('address', 1), '#')), fields=['address'], name='messaging_suppression_hashed'),
        ),
    ]
