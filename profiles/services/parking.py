"""Tracking calls which nobody understood: kept with their reason until somebody looks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from profiles.models import ParkedCall

KEEP = timedelta(days=90)
_LONGEST_BODY = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreadable:
    """A call as it came, and why it could not be taken in."""

    item: Any
    reason: str


@transaction.atomic(savepoint=False)
def park(
    calls: Sequence[Unreadable],
    *,
    shop_id: int,
    is_proven: bool,
    kind: str | None,
    sent_at: datetime | None,
    at: datetime,
) -> None:
    """Keep the calls; of a giant only its beginning, as text. `kind` is what the address said."""
    ParkedCall.objects.bulk_create(
        ParkedCall(
            shop_id=shop_id,
            reason=call.reason,
            kind=kind or _kind_of(call.item),
            body=_keepable(call),
            is_proven=is_proven,
            sent_at=sent_at,
            received_at=at,
        )
        for call in calls
    )


def _kind_of(item: Any) -> str:
    kind = item.get("type") if isinstance(item, dict) else ""
    return kind.strip().casefold()[:20] if isinstance(kind, str) else ""


def _keepable(call: Unreadable) -> Any:
    if call.reason != ParkedCall.Reason.SIZE:
        return "null" if call.item is None else call.item
    return json.dumps(call.item)[:_LONGEST_BODY]


def purge_parked(*, at: datetime, limit: int = 5000) -> int:
    """Forget calls older than KEEP, settled or not: they hold personal data. Returns how many."""
    old: Iterable[int] = ParkedCall.objects.filter(received_at__lt=at - KEEP).values_list(
        "pk", flat=True
    )[:limit]
    return ParkedCall.objects.filter(pk__in=list(old)).delete()[0]
