"""Where outgoing messages stand."""

from __future__ import annotations

from collections.abc import Iterable

from messaging.models import OutgoingMessage
from messaging.types import OutgoingInfo


def outgoing(message_id: int) -> OutgoingInfo:
    """Where a message stands. Runs one query; raises OutgoingMessage.DoesNotExist."""
    return _info(OutgoingMessage.objects.defer("html").get(pk=message_id))


def outgoing_many(message_ids: Iterable[int]) -> dict[int, OutgoingInfo]:
    """Where these messages stand, by id. Runs one query."""
    rows = OutgoingMessage.objects.defer("html").filter(pk__in=list(message_ids))
    return {row.pk: _info(row) for row in rows}


def _info(row: OutgoingMessage) -> OutgoingInfo:
    return OutgoingInfo(
        id=row.pk,
        state=row.state,
        to=row.recipient,
        subject=row.subject,
        text="" if row.is_confidential else row.text,
        sent_at=row.sent_at,
        message_id_header=row.message_id,
        reason=row.reason,
    )
