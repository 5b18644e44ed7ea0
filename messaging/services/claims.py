"""Taking messages out of the queue under a lease, and taking them back from senders that died."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Case, Q, When
from django.utils.timezone import now

from ecrm.kernel import failpoints
from messaging.models import DeliveryAttempt, OutgoingMessage
from messaging.rules import delivery
from messaging.services import attempts, permits, tracking

AFTER_CLAIM = failpoints.declare("messaging.after-claim")
BATCH = 25
"""Small, so that what is decided at the claim is still true when the last of the batch goes out."""


def claim_due(
    token: uuid.UUID, *, limit: int = BATCH, at: datetime | None = None
) -> list[OutgoingMessage]:
    """The most urgent waiting messages, leased to the caller under this token.

    Messages that nobody may receive are skipped here, and those that waited too long fail here; both
    with their reason. Publishes MessageFailed for the latter.
    """
    moment = at or now()
    with transaction.atomic():
        taken = list(
            OutgoingMessage.objects.due(moment).select_for_update(skip_locked=True, of=("self",))[
                :limit
            ]
        )
        sendable = sift(taken, at=moment)
        tracking.keep_links(sendable)
        lease(sendable, token=token, at=moment, noted=_noted(sendable))
    if sendable:
        AFTER_CLAIM.hit()
    return sendable


def lease(
    messages: list[OutgoingMessage], *, token: uuid.UUID, at: datetime, **also: Case | int
) -> None:
    """Claim these locked messages for the holder of the token; `also` changes them in the same statement."""
    for message in messages:
        message.move_to(OutgoingMessage.State.CLAIMED)
    OutgoingMessage.objects.filter(pk__in=[message.pk for message in messages]).update(
        state=OutgoingMessage.State.CLAIMED,
        lease_token=token,
        lease_until=at + delivery.LEASE,
        **also,
    )


def sift(taken: list[OutgoingMessage], *, at: datetime) -> list[OutgoingMessage]:
    """Of these locked messages those that may go now; the others are skipped or given up here."""
    asked = permits.ask([permits.candidate(message) for message in taken], at=at)
    sendable: list[OutgoingMessage] = []
    for message in taken:
        message.noted = asked.noted.get(message.pk, 0)
        if reason := asked.refused.get(message.pk):
            attempts.skip(message, reason=reason, at=at)
        elif at - (message.retried_at or message.queued_at) > delivery.GIVE_UP_AFTER:
            detail = message.reason_detail
            attempts.fail(message, reason="expired", detail=detail, token=None, at=at)
        else:
            sendable.append(message)
    return sendable


def _noted(messages: list[OutgoingMessage]) -> Case | int:
    """What is noted about each, for the one statement that claims them all."""
    some = [When(pk=message.pk, then=message.noted) for message in messages if message.noted]
    return Case(*some, default=0) if some else 0


def extend_lease(token: uuid.UUID, *, at: datetime | None = None) -> int:
    """Keep what is held under the token for another lease. Returns how many messages that is."""
    return OutgoingMessage.objects.held_by(token).update(lease_until=(at or now()) + delivery.LEASE)


def release(
    token: uuid.UUID,
    *,
    message_ids: Iterable[int],
    reason: str,
    detail: str,
    available_at: datetime,
) -> int:
    """Put messages back which were claimed and not tried, with the reason why they wait."""
    return (
        OutgoingMessage.objects.held_by(token)
        .filter(pk__in=list(message_ids))
        .update(
            state=OutgoingMessage.State.DEFERRED,
            reason=reason,
            reason_detail=detail[:500],
            available_at=available_at,
            lease_token=None,
            lease_until=None,
        )
    )


@transaction.atomic
def recover_abandoned(*, limit: int = 100, at: datetime | None = None) -> int:
    """Take single messages back whose sender's lease ran out. Returns how many.

    One whose attempt had not begun waits again. One in the middle of an attempt may be at the receiver:
    its attempt becomes unknown, and the message is sent once more or becomes ambiguous.
    """
    moment = at or now()
    lost = list(
        OutgoingMessage.objects.abandoned(moment)
        .filter(Q(lane__lt=delivery.MASS_LANE) | Q(channel="sms"))
        .select_for_update(skip_locked=True, of=("self",))[:limit]
    )
    open_attempts = {
        attempt.message_id: attempt
        for attempt in DeliveryAttempt.objects.filter(
            message__in=lost, outcome=DeliveryAttempt.Outcome.ATTEMPTING
        )
    }
    for message in lost:
        attempt = open_attempts.get(message.pk)
        if attempt is None:
            attempts.put_back(message, token=message.lease_token)
        else:
            attempts.close_unknown(
                message,
                attempt=attempt,
                detail="the sender stopped before the answer",
                token=message.lease_token,
                at=moment,
            )
    return len(lost)
