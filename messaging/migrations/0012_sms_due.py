from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('messaging', '0011_sms'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='outgoingmessage',
            index=models.Index(condition=models.Q(('channel', 'sms'), ('state__in', ['pending', 'deferred'])), fields=['shop', 'lane', 'available_at'], name='messaging_outgoing_due_sms'),
        ),
    ]
