"""What became of a message after a server took it: delivery reports, bounces, complaints."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.timezone import now

from ecrm.kernel import outbox
from messaging.events import MessageFailed
from messaging.models import OutgoingMessage
from messaging.rules import delivery
from messaging.services.suppressions import suppress

State = OutgoingMessage.State


@transaction.atomic
def note_delivered(message_id: int, *, at: datetime | None = None) -> bool:
    """The receiver confirmed a message. False when that changes nothing (known, or bounced before)."""
    message = _locked(message_id)
    if not delivery.may_move(message.state, State.DELIVERED):
        return False
    message.move_to(State.DELIVERED)
    message.settled_at = at or now()
    message.save(update_fields=["state", "settled_at"])
    return True


@transaction.atomic
def note_bounced(
    message_id: int,
    *,
    reason: str,
    detail: str = "",
    is_permanent: bool,
    at: datetime | None = None,
) -> bool:
    """A message came back. False when it had failed before; in any order reports end in the same state.

    `is_permanent` says that the address itself is dead: nothing is sent to it any more, by any shop. A
    full mailbox or a block suppresses nothing. Publishes MessageFailed and perhaps AddressSuppressed.
    """
    message = _locked(message_id)
    moment = at or now()
    if is_permanent and message.recipient:
        suppress(
            message.recipient,
            scope="everything",
            reason="hard_bounce",
            message_id=message.pk,
            at=moment,
        )
    if message.state not in {State.SENT, State.DELIVERED, State.AMBIGUOUS}:
        return False
    message.move_to(State.FAILED)
    message.reason, message.reason_detail = reason[:40], detail[:500]
    message.settled_at = moment
    message.save(update_fields=["state", "reason", "reason_detail", "settled_at"])
    outbox.publish(
        MessageFailed(
            message_id=message.pk,
            profile_id=message.profile_id,
            shop_id=message.shop_id,
            about=message.about,
            reason=message.reason,
        ),
        at=moment,
    )
    return True


@transaction.atomic
def note_complaint(message_id: int, *, at: datetime | None = None) -> int | None:
    """The recipient called a message spam: no more marketing to the address, at once, by any shop.

    Returns the suppression; None when the message was erased. Publishes AddressSuppressed.
    """
    message = _locked(message_id)
    if not message.recipient:
        return None
    return suppress(
        message.recipient,
        scope="marketing",
        reason="complaint",
        message_id=message.pk,
        at=at,
    )


def _locked(message_id: int) -> OutgoingMessage:
    rows = OutgoingMessage.objects.select_for_update(of=("self",)).defer("text", "html")
    return rows.get(pk=message_id)
