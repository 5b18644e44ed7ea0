"""Which of two states of an order is the newer one, whatever the order of their arrival."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orders.rules.document import STATUSES

# How far an order has come. Of two states with the same stamp the one further on is the newer.
_PROGRESS = {status: step for step, status in enumerate(STATUSES)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """What a shop says about the age of a state."""

    version: int | None
    updated_at: datetime | None
    status: str


def is_newer(incoming: Stamp, stored: Stamp) -> bool:
    """True when the incoming state replaces the stored one.

    The version decides when both have one, else `updated_at` when both have one. Equal stamps: a state
    further on wins, one as far on replaces (a shop corrects itself within a second), one less far does
    not. Without comparable stamps the later arrival wins.
    """
    if incoming.version is not None and stored.version is not None:
        if incoming.version != stored.version:
            return incoming.version > stored.version
    elif incoming.updated_at is None or stored.updated_at is None:
        return True
    if incoming.updated_at and stored.updated_at and incoming.updated_at != stored.updated_at:
        return incoming.updated_at > stored.updated_at
    return _PROGRESS[incoming.status] >= _PROGRESS[stored.status]
