"""Recording facts of the past in bulk: they stand on the timelines, and nothing follows from them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection

from ecrm.kernel import events
from ecrm.kernel.copying import copy
from ecrm.kernel.models import EventRecord


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
