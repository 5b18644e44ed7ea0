"""Recording facts of the past in bulk: they stand on the timelines, and nothing follows from them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from ecrm.kernel import events
from ecrm.kernel.models import EventRecord


def record(facts: Iterable[tuple[events.Event, datetime]]) -> None:
    """Write down facts with the moments at which they happened, in their order, in one statement.

    The same records as `outbox.publish` inside `outbox.as_history`. Raises RuntimeError outside a
    transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("record() belongs inside the transaction that makes the facts true.")
    EventRecord.objects.bulk_create(_record(event, at) for event, at in facts)


def _record(event: events.Event, at: datetime) -> EventRecord:
    payload = events.payload_of(event)
    return EventRecord(
        name=event.name,
        payload=payload,
        profile_id=payload.get("profile_id"),
        shop_id=payload.get("shop_id"),
        occurred_at=at,
    )
