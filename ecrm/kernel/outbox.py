"""Publishing facts and delivering them: durable, retried per subscriber, never twice in effect.

`publish` writes the event and one delivery per subscriber in the caller's transaction. The relay takes
deliveries with FOR UPDATE SKIP LOCKED. Handlers that only write to our database run inside the relay's
transaction, each in a savepoint, so that effect and tick commit together and a killed relay simply
rolls back. Handlers that talk to a network run outside any transaction under a lease with a fencing
token. A failing delivery is tried again later, and parked for an operator after MAX_ATTEMPTS.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils.timezone import now

from ecrm.kernel import doorbell, events, failpoints
from ecrm.kernel.models import Delivery, EventRecord
from ecrm.kernel.prepared import Statement

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 10
BATCH = 100
LEASE = timedelta(seconds=60)
KEEP_DONE = timedelta(days=7)

AFTER_PUBLISH = failpoints.declare("outbox.after-publish")
BEFORE_SETTLE = failpoints.declare("outbox.before-settle")
AFTER_IO = failpoints.declare("outbox.after-io-before-settle")


@dataclass(frozen=True, slots=True)
class _Fact:
    """A row of the record of events, and who must hear of it."""

    name: str
    payload: dict[str, Any]
    profile_id: int | None
    shop_id: int | None
    occurred_at: datetime
    subscribers: list[events.Subscriber]


_is_history: ContextVar[bool] = ContextVar("is_history", default=False)
_gathered: ContextVar[list[_Fact] | None] = ContextVar("gathered", default=None)


@contextmanager
def as_history() -> Iterator[None]:
    """Inside, facts are recorded for the timelines and nothing follows from them (imports of the past)."""
    token = _is_history.set(True)
    try:
        yield
    finally:
        _is_history.reset(token)


@contextmanager
def gathering() -> Iterator[None]:
    """Inside, what is published is written at the end, in one statement and in its order.

    For services on hot paths which publish more than one event and read none of them.
    """
    if _gathered.get() is not None:
        yield
        return
    gathered: list[_Fact] = []
    token = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(token)
    if gathered:
        _write(gathered)


def publish(event: events.Event, *, at: datetime | None = None) -> None:
    """Record a fact and what must follow from it, in the caller's transaction.

    Raises RuntimeError outside a transaction. Wakes the relay after commit.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("publish() belongs inside the transaction that makes the fact true.")
    payload = events.payload_of(event)
    fact = _Fact(
        name=event.name,
        payload=payload,
        profile_id=payload.get("profile_id"),
        shop_id=payload.get("shop_id"),
        occurred_at=at or now(),
        subscribers=[] if _is_history.get() else events.subscribers_of(event.name),
    )
    gathered = _gathered.get()
    if gathered is None:
        _write([fact])
    else:
        gathered.append(fact)


_RECORD = Statement(
    "record_events",
    """
WITH event AS (
    INSERT INTO kernel_eventrecord (name, payload, profile_id, shop_id, occurred_at)
    SELECT name, payload, profile_id, shop_id, occurred_at
    FROM unnest(
        %(names)s::text[], %(payloads)s::jsonb[], %(profile_ids)s::bigint[], %(shop_ids)s::bigint[],
        %(moments)s::timestamptz[]
    ) WITH ORDINALITY AS fact (name, payload, profile_id, shop_id, occurred_at, number)
    ORDER BY number
    RETURNING id
)
INSERT INTO kernel_delivery
    (event_id, subscriber, is_io, state, attempts, available_at, last_error)
SELECT event.id, subscriber.key, subscriber.is_io, 'pending', 0, %(now)s, ''
FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM event) AS event
JOIN unnest(%(numbers)s::int[], %(keys)s::text[], %(are_io)s::boolean[])
    AS subscriber (number, key, is_io) USING (number)
""",
)


def _write(facts: list[_Fact]) -> None:
    """Facts and deliveries in one round trip: this is on the way of every order."""
    deliveries = [
        (number, subscriber)
        for number, fact in enumerate(facts, start=1)
        for subscriber in fact.subscribers
    ]
    _RECORD.send(
        {
            "names": [fact.name for fact in facts],
            "payloads": [json.dumps(fact.payload) for fact in facts],
            "profile_ids": [fact.profile_id for fact in facts],
            "shop_ids": [fact.shop_id for fact in facts],
            "moments": [fact.occurred_at for fact in facts],
            "now": now(),
            "numbers": [number for number, _subscriber in deliveries],
            "keys": [subscriber.key for _number, subscriber in deliveries],
            "are_io": [subscriber.is_io for _number, subscriber in deliveries],
        }
    )
    if deliveries:
        doorbell.ring("outbox")
    AFTER_PUBLISH.hit()


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: 1 s, 4 s, 9 s … at most an hour."""
    return timedelta(seconds=min(attempts * attempts, 3600))


def deliver_local(*, limit: int = BATCH) -> int:
    """Run due handlers that only write to our database. Returns how many deliveries were taken."""
    with transaction.atomic():
        taken = list(
            Delivery.objects.due(now())
            .filter(is_io=False)
            .select_related("event")
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("available_at", "id")[:limit]
        )
        done: list[int] = []
        for delivery in taken:
            if error := _run_in_savepoint(delivery):
                _postpone(Delivery.objects.filter(pk=delivery.pk), delivery, error)
            else:
                done.append(delivery.pk)
        if done:
            Delivery.objects.filter(pk__in=done).update(
                state=Delivery.State.DONE, settled_at=now(), attempts=F("attempts") + 1
            )
        BEFORE_SETTLE.hit()
    return len(taken)


def deliver_io(*, limit: int = BATCH) -> int:
    """Run due handlers that talk to a network, under leases. Returns how many deliveries were taken."""
    token = uuid.uuid4()
    with transaction.atomic():
        taken = list(
            Delivery.objects.due(now())
            .filter(is_io=True)
            .select_related("event")
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("available_at", "id")[:limit]
        )
        if taken:
            Delivery.objects.filter(pk__in=[d.pk for d in taken]).update(
                lease_token=token, available_at=now() + LEASE
            )
    done: list[int] = []
    for delivery in taken:
        mine = Delivery.objects.filter(
            pk=delivery.pk, lease_token=token, state=Delivery.State.PENDING
        )
        if error := _run(delivery):
            _postpone(mine, delivery, error)
        else:
            done.append(delivery.pk)
    if done:
        AFTER_IO.hit()
        Delivery.objects.filter(
            pk__in=done, lease_token=token, state=Delivery.State.PENDING
        ).update(
            state=Delivery.State.DONE,
            settled_at=now(),
            lease_token=None,
            attempts=F("attempts") + 1,
        )
    return len(taken)


def _run_in_savepoint(delivery: Delivery) -> str:
    try:
        with transaction.atomic():
            _handle(delivery)
    except Exception as error:  # noqa: BLE001 - the one place where any failure becomes a retry
        return _describe(delivery, error)
    return ""


def _run(delivery: Delivery) -> str:
    try:
        _handle(delivery)
    except Exception as error:  # noqa: BLE001 - the one place where any failure becomes a retry
        return _describe(delivery, error)
    return ""


def _handle(delivery: Delivery) -> None:
    subscriber = events.subscriber(delivery.subscriber)
    if subscriber is None:
        raise LookupError(f"No subscriber is called {delivery.subscriber} any more.")
    subscriber.handler(events.rebuild(subscriber.event_type, delivery.event.payload))


def _describe(delivery: Delivery, error: Exception) -> str:
    log.warning(
        "delivery_failed",
        extra={"delivery_id": delivery.pk, "subscriber": delivery.subscriber},
        exc_info=error,
    )
    return f"{type(error).__name__}: {error}"[:2000]


def _postpone(rows: QuerySet[Delivery], delivery: Delivery, error: str) -> None:
    attempts = delivery.attempts + 1
    is_final = attempts >= MAX_ATTEMPTS
    rows.update(
        state=Delivery.State.PARKED if is_final else Delivery.State.PENDING,
        attempts=attempts,
        available_at=now() + back_off(attempts),
        lease_token=None,
        last_error=error,
    )


def records_of_profile(profile_id: int) -> QuerySet[EventRecord]:
    """The facts on a profile's timeline, newest first."""
    return EventRecord.objects.filter(profile_id=profile_id).order_by("-occurred_at", "-id")


def move_records(from_profile_id: int, to_profile_id: int) -> int:
    """Give all facts of one profile to another (merge). Returns how many moved."""
    return EventRecord.objects.filter(profile_id=from_profile_id).update(profile_id=to_profile_id)


def parked() -> QuerySet[Delivery]:
    """Deliveries that gave up, with their events, newest first."""
    return Delivery.objects.parked().select_related("event").order_by("-id")


def pending_age_seconds(at: datetime | None = None) -> float:
    """Seconds the longest-waiting due delivery has waited; 0 when none waits."""
    moment = at or now()
    oldest = (
        Delivery.objects.due(moment)
        .order_by("available_at")
        .values_list("available_at", flat=True)
        .first()
    )
    return (moment - oldest).total_seconds() if oldest else 0.0


@transaction.atomic
def retry(delivery_ids: Iterable[int]) -> int:
    """Give parked deliveries a fresh set of attempts. Returns how many."""
    count = (
        Delivery.objects.parked()
        .filter(pk__in=list(delivery_ids))
        .update(state=Delivery.State.PENDING, attempts=0, available_at=now(), last_error="")
    )
    doorbell.ring("outbox")
    return count


def discard(delivery_ids: Iterable[int]) -> int:
    """Give parked deliveries up for good. Returns how many."""
    return (
        Delivery.objects.parked()
        .filter(pk__in=list(delivery_ids))
        .update(state=Delivery.State.DISCARDED, settled_at=now())
    )


def purge(*, at: datetime, limit: int = 5000) -> int:
    """Delete done deliveries older than KEEP_DONE; the events stay. Returns how many."""
    old = Delivery.objects.filter(state=Delivery.State.DONE, settled_at__lt=at - KEEP_DONE)
    return Delivery.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:limit])).delete()[
        0
    ]
