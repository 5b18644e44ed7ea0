from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('messaging', '0014_mail_passed_on'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='rawmail',
            index=models.Index(fields=['-received_at', '-id'], name='messaging_rawmail_received'),
        ),
        AddIndexConcurrently(
            model_name='outgoingmessage',
            index=models.Index(fields=['-queued_at', '-id'], name='messaging_outgoing_queued'),
        ),
        AddIndexConcurrently(
            model_name='receivedsms',
            index=models.Index(fields=['-received_at', '-id'], name='messaging_receivedsms_received'),
        ),
    ]
