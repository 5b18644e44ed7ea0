"""Mail of the past: what an import from another system, or the demo, brings along."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from ecrm.kernel import outbox
from messaging.events import MessageSent
from messaging.models import DeliveryAttempt, OutgoingMessage, Wording
from messaging.services import claims, mailings, reading, tracking
from messaging.services.mailings import MassRecipient
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


@transaction.atomic
def record_mailing(
    wording_id: int,
    *,
    recipients: Sequence[MassRecipient],
    topic: str = "",
    about: str = "",
    sent_at: datetime,
) -> list[int]:
    """A mailing of the past as if it had left then: the ids of what was sent, with what is noted about it.

    Who may not be written to is skipped as ever. Publishes MessageSent for each.
    """
    mailings.queue_many(wording_id, recipients=recipients, topic=topic, about=about, at=sent_at)
    keys = [recipient.dedupe_key for recipient in recipients]
    rows = OutgoingMessage.objects.filter(
        dedupe_key__in=keys, state=OutgoingMessage.State.PENDING
    ).select_for_update(of=("self",))
    sendable = claims.sift(list(rows.order_by("pk")), at=sent_at)
    OutgoingMessage.objects.bulk_update(sendable, ["noted"])
    tracking.keep_wording_links(
        wording_id, html_source=Wording.objects.values_list("html", flat=True).get(pk=wording_id)
    )
    record_sent({message.pk: sent_at for message in sendable})
    return [message.pk for message in sendable]
