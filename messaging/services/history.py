"""Mail of the past: what an import from another system, or the demo, brings along."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from ecrm.kernel import outbox
from messaging.events import MessageSent
from messaging.models import DeliveryAttempt, OutgoingMessage
from messaging.services import reading
from messaging.transports import reader

HOST = "history"


def import_received(raw: bytes, *, mailbox_id: int, at: datetime) -> int | None:
    """Take in a mail received in the past, in the caller's transaction; its id, None when nothing was filed.

    None is a duplicate or a mail in quarantine. Publishes MailReceived.
    """
    return reading.import_received(raw, mailbox_id=mailbox_id, reader=reader.of_thread(), at=at)


@transaction.atomic
def record_sent(sent: Mapping[int, datetime]) -> None:
    """Say of messages queued in this transaction that they were sent at these times; no sender sees them.

    Publishes MessageSent for each.
    """
    messages = list(
        OutgoingMessage.objects.filter(pk__in=list(sent), state=OutgoingMessage.State.PENDING)
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    for message in messages:
        moment = sent[message.pk]
        message.move_to(OutgoingMessage.State.CLAIMED)
        message.move_to(OutgoingMessage.State.SENT)
        message.attempts, message.sent_at, message.settled_at = 1, moment, moment
        message.queued_at = min(message.queued_at, moment)
    OutgoingMessage.objects.bulk_update(
        messages, ["state", "attempts", "sent_at", "settled_at", "queued_at"], batch_size=500
    )
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(
            message=message,
            number=1,
            host=HOST,
            lease_token=uuid.uuid4(),
            outcome=DeliveryAttempt.Outcome.ACCEPTED,
            started_at=sent[message.pk],
            finished_at=sent[message.pk],
        )
        for message in messages
    )
    for message in messages:
        outbox.publish(
            MessageSent(
                message_id=message.pk,
                profile_id=message.profile_id,
                shop_id=message.shop_id,
                about=message.about,
            ),
            at=sent[message.pk],
        )
