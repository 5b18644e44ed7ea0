"""Facts which orders publishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ecrm.kernel.events import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPlaced(Event):
    """A shop told us of an order for the first time."""

    name: ClassVar[str] = "orders.order-placed"
    order_id: int
    profile_id: int
    shop_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderChanged(Event):
    """A shop told us a newer state of an order; the status may be the same as before."""

    name: ClassVar[str] = "orders.order-changed"
    order_id: int
    profile_id: int
    shop_id: int
    status_before: str
    status_after: str
