"""Writing down what visitors did: many rows at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any

from django.db import connection, transaction

from profiles.rules.tracking import TRACK, Message
from profiles.services import months

_COLUMNS = "profile_id, shop_id, name, occurred_at, received_at, sku, value, properties"
_NULL = r"\N"


@transaction.atomic(savepoint=False)
def write(deeds: Sequence[tuple[Message, int]], *, shop_id: int, at: datetime) -> None:
    """All activities in one COPY, each with its customer, and when each customer was seen last.

    The months of all of them must exist (see months.ensure_months).
    """
    if deeds:
        _copy(deeds, shop_id=shop_id, at=at)
        _note_seen(deeds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """An activity which another module saw: a mail that was opened, a link that was followed.

    `is_contact` says whether the customer turned to us by it, so that we may keep him longer.
    """

    profile_id: int
    shop_id: int
    name: str
    occurred_at: datetime
    properties: Mapping[str, Any]
    is_contact: bool


def ensure_months_between(first: datetime, *, last: datetime) -> None:
    """Make room for activities of this time; outside the transaction that writes them."""
    months.ensure_months(months.months_between(first, last=last))


@transaction.atomic(savepoint=False)
def tell(told: Sequence[Told], *, at: datetime) -> None:
    """Write down what another module saw, one COPY for each shop; who made contact was seen then."""
    by_shop: dict[int, list[tuple[Message, int]]] = {}
    contacts: list[tuple[Message, int]] = []
    for one in told:
        deed = (_message(one), one.profile_id)
        by_shop.setdefault(one.shop_id, []).append(deed)
        if one.is_contact:
            contacts.append(deed)
    for shop_id, deeds in by_shop.items():
        _copy(deeds, shop_id=shop_id, at=at)
    if contacts:
        _note_seen(contacts)


def _message(one: Told) -> Message:
    return Message(
        kind=TRACK,
        anonymous_id=None,
        user_id=None,
        previous_id=None,
        occurred_at=one.occurred_at,
        name=one.name,
        properties=one.properties,
    )


def _copy(deeds: Sequence[tuple[Message, int]], *, shop_id: int, at: datetime) -> None:
    with connection.cursor() as cursor:
        lines = StringIO("".join(_lines(deeds, shop_id=shop_id, at=at)))
        cursor.copy_expert(f"COPY profiles_activity ({_COLUMNS}) FROM STDIN", lines)


def _lines(deeds: Iterable[tuple[Message, int]], *, shop_id: int, at: datetime) -> Iterable[str]:
    received = at.isoformat()
    for message, profile_id in deeds:
        sku = _escaped(message.sku) if message.sku else _NULL
        value = _NULL if message.value is None else str(message.value)
        yield (
            f"{profile_id}\t{shop_id}\t{_escaped(message.name)}\t{message.occurred_at.isoformat()}"
            f"\t{received}\t{sku}\t{value}\t{_escaped(json.dumps(message.properties))}\n"
        )


def _escaped(text: str) -> str:
    """Text as COPY reads it."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if text.isprintable():
        return text
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


_SEEN = """
UPDATE profiles_profile p SET last_seen_at = seen.at
FROM (
    SELECT locked.id, s.at FROM unnest(%s::bigint[], %s::timestamptz[]) AS s (id, at)
    JOIN LATERAL (
        SELECT id FROM profiles_profile
        WHERE id = s.id AND last_seen_at < s.at - interval '10 minutes'
        FOR NO KEY UPDATE SKIP LOCKED
    ) locked ON true
) seen
WHERE p.id = seen.id
"""


def _note_seen(deeds: Iterable[tuple[Message, int]]) -> None:
    """Customers who are being written elsewhere at this moment are seen there: nobody waits."""
    latest: dict[int, datetime] = {}
    for message, profile_id in deeds:
        if profile_id not in latest or message.occurred_at > latest[profile_id]:
            latest[profile_id] = message.occurred_at
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, [list(latest), list(latest.values())])
