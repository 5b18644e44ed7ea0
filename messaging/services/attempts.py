"""The life of one attempt: written down before the conversation with the server, settled after it."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from ecrm.kernel import outbox
from messaging.events import MessageFailed, MessageSent
from messaging.models import DeliveryAttempt, OutgoingMessage
from messaging.rules import delivery, refusals
from messaging.transports.smtp import Result

log = logging.getLogger(__name__)

State = OutgoingMessage.State
Outcome = DeliveryAttempt.Outcome


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt whose result waits to be written down."""

    message: OutgoingMessage
    attempt: DeliveryAttempt
    result: Result


@transaction.atomic
def advance(
    finished: Finished | None,
    *,
    following: OutgoingMessage | None,
    token: uuid.UUID,
    host: str,
    at: datetime,
) -> DeliveryAttempt | None:
    """Settle one attempt and begin the next, in one commit. Returns the attempt that has begun.

    None means that the caller's lease on the following message is gone: it must not be sent.
    Publishes MessageSent or MessageFailed.
    """
    if finished is not None:
        settle(finished, token=token, at=at)
    if following is None:
        return None
    return DeliveryAttempt.objects.begin(following, token=token, host=host, at=at)


def settle(finished: Finished, *, token: uuid.UUID, at: datetime) -> bool:
    """Write down how an attempt ended, in the caller's transaction. False when the lease is gone.

    Publishes MessageSent or MessageFailed.
    """
    message, attempt, result = finished.message, finished.attempt, finished.result
    if result.outcome == "unknown":
        return close_unknown(message, attempt=attempt, detail=_said(result), token=token, at=at)
    message.attempts = attempt.number
    if result.outcome == "accepted":
        outcome = Outcome.ACCEPTED
        is_held = _sent(message, token=token, provider_id=result.provider_id, at=at)
    elif result.outcome == "rejected":
        outcome = Outcome.REJECTED
        is_held = fail(message, reason=_reason(result), detail=_said(result), token=token, at=at)
    else:
        outcome = Outcome.DEFERRED
        is_held = _deferred(message, result, token=token, at=at)
    if is_held:
        _close(attempt, outcome, result, at=at)
    return is_held


def close_unknown(
    message: OutgoingMessage,
    *,
    attempt: DeliveryAttempt,
    detail: str,
    token: uuid.UUID | None,
    at: datetime,
) -> bool:
    """Nobody knows whether the server took the message: send it once more, or leave it to a person."""
    message.attempts = attempt.number
    since = message.retried_at or message.queued_at
    before = message.tries.filter(outcome=Outcome.UNKNOWN, started_at__gte=since).count()
    if delivery.after_unknown(message.purpose, unknown_attempts=before + 1) == "deferred":
        pause = delivery.RESEND_DELAY
        is_held = _wait(message, "answer_lost", detail, pause=pause, token=token, at=at)
    else:
        is_held = _leave(
            message,
            State.AMBIGUOUS,
            token,
            reason="answer_lost",
            reason_detail=detail,
            settled_at=at,
        )
    if is_held:
        _close(attempt, Outcome.UNKNOWN, Result(outcome="unknown", text=detail), at=at)
    return is_held


def put_back(message: OutgoingMessage, *, token: uuid.UUID | None) -> bool:
    """Let a claimed message whose attempt never began wait again."""
    return _leave(message, State.PENDING, token)


def fail(
    message: OutgoingMessage, *, reason: str, detail: str, token: uuid.UUID | None, at: datetime
) -> bool:
    """Give a message up. False when the lease is gone. Publishes MessageFailed."""
    if not _leave(message, State.FAILED, token, reason=reason, reason_detail=detail, settled_at=at):
        return False
    outbox.publish(
        MessageFailed(
            message_id=message.pk,
            profile_id=message.profile_id,
            shop_id=message.shop_id,
            about=message.about,
            reason=reason,
        ),
        at=at,
    )
    return True


def skip(message: OutgoingMessage, *, reason: str, at: datetime) -> bool:
    """Do not send a waiting message."""
    return _leave(message, State.SKIPPED, None, reason=reason, settled_at=at)


def postpone(message: OutgoingMessage, *, until: datetime, reason: str) -> bool:
    """Let a waiting message wait for a moment at which it may go; its three days begin then."""
    return _leave(
        message, State.DEFERRED, None, reason=reason, available_at=until, retried_at=until
    )


def _sent(message: OutgoingMessage, *, token: uuid.UUID, provider_id: str, at: datetime) -> bool:
    also = {"text": "", "html": ""} if message.is_confidential else {}
    if provider_id:
        also["provider_id"] = provider_id[:100]
    if not _leave(
        message,
        State.SENT,
        token,
        reason="",
        reason_detail="",
        sent_at=at,
        settled_at=at,
        **also,
    ):
        return False
    outbox.publish(
        MessageSent(
            message_id=message.pk,
            profile_id=message.profile_id,
            shop_id=message.shop_id,
            about=message.about,
        ),
        at=at,
    )
    return True


def _deferred(message: OutgoingMessage, result: Result, *, token: uuid.UUID, at: datetime) -> bool:
    if result.outcome == "closed":
        pause = delivery.lost_pause(message.attempts)
        reason = result.reason or "connection_lost"
        return _wait(message, reason, _said(result), pause=pause, token=token, at=at)
    message.deferrals += 1
    pause = delivery.deferral(message.deferrals)
    return _wait(message, _reason(result), _said(result), pause=pause, token=token, at=at)


def _wait(
    message: OutgoingMessage,
    reason: str,
    detail: str,
    *,
    pause: timedelta,
    token: uuid.UUID | None,
    at: datetime,
) -> bool:
    # Not later than the moment at which it is given up, so that it then fails and says so.
    last = (message.retried_at or message.queued_at) + delivery.GIVE_UP_AFTER + timedelta(seconds=1)
    return _leave(
        message,
        State.DEFERRED,
        token,
        reason=reason,
        reason_detail=detail,
        available_at=min(at + pause, last),
        deferrals=message.deferrals,
    )


def _leave(message: OutgoingMessage, state: State, token: uuid.UUID | None, **changes: Any) -> bool:
    """Move a message on and end its lease, in one guarded update. False when the lease is not ours."""
    before = message.state
    message.move_to(state)
    rows = OutgoingMessage.objects.filter(pk=message.pk, state=before, lease_token=token)
    if "reason_detail" in changes:
        changes["reason_detail"] = changes["reason_detail"][:500]
    if rows.update(
        state=state, lease_token=None, lease_until=None, attempts=message.attempts, **changes
    ):
        return True
    log.warning("stale_result_discarded", extra={"message_id": message.pk, "state": state})
    return False


def _close(attempt: DeliveryAttempt, outcome: Outcome, result: Result, *, at: datetime) -> None:
    DeliveryAttempt.objects.filter(pk=attempt.pk).update(
        outcome=outcome,
        reply_code=result.reply.code if result.reply else None,
        reply_text=(result.reply.text if result.reply else result.text)[:1000],
        finished_at=max(at, attempt.started_at),
    )


def _reason(result: Result) -> str:
    if result.reason:
        return result.reason
    return refusals.reason_of(result.reply.code, result.reply.text) if result.reply else "refused"


def _said(result: Result) -> str:
    return f"{result.reply.code} {result.reply.text}" if result.reply else result.text
