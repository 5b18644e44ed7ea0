"""Writing the past in bulk: its facts stand on the timelines, and nothing follows from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from ecrm.kernel import events, outbox
from ecrm.kernel.copying import copy
from ecrm.kernel.models import EventRecord


@contextmanager
def page() -> Iterator[None]:
    """A transaction in which many services write the past: all of it stays, or nothing.

    The services' own transactions are no savepoints here, which are a quarter of all statements: an
    error inside one can not be caught and lived with, it undoes the page.
    """
    with transaction.atomic(), outbox.as_history():
        connection.features.uses_savepoints = False
        try:
            yield
        finally:
            del connection.features.uses_savepoints


def record(facts: Iterable[tuple[events.Event, datetime]]) -> None:
    """Write down facts with the moments at which they happened, in their order, in one statement.

    The same records as `outbox.publish` inside `outbox.as_history`. Raises RuntimeError outside a
    transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("record() belongs inside the transaction that makes the facts true.")
    columns = ["name", "payload", "profile_id", "shop_id", "occurred_at"]
    rows = [_row(event, at) for event, at in facts]
    copy(EventRecord._meta.db_table, columns, rows)  # noqa: SLF001


def _row(event: events.Event, at: datetime) -> tuple[Any, ...]:
    payload = events.payload_of(event)
    ids = payload.get("profile_id"), payload.get("shop_id")
    return event.name, json.dumps(payload), *ids, at
