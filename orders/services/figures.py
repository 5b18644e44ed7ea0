"""Keeping the customer's figures in step with his orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from orders import queries
from orders.models import Order
from orders.rules import ledger
from profiles import services as profiles


@dataclass(frozen=True, kw_only=True, slots=True)
class Weight:
    """What an order counts for, as it is now or was before."""

    is_counted: bool
    currency: str
    placed_at: datetime
    revenue: Decimal

    @classmethod
    def of(cls, order: Order) -> Weight:
        """The weight of the order as its row stands."""
        return cls(
            is_counted=ledger.is_counted(order.status),
            currency=order.currency,
            placed_at=order.placed_at,
            revenue=order.revenue,
        )


def touched(order: Order, *, before: Weight) -> set[str]:
    """The currencies in which a change of the order touches its customer's figures."""
    after = Weight.of(order)
    if not after.is_counted and not before.is_counted:
        return set()
    return {after.currency, before.currency}


def count_new(order: Order) -> None:
    """Add a new order to its customer's figures, if it counts."""
    if ledger.is_counted(order.status):
        profiles.count_order(
            order.profile_id,
            shop_id=order.shop_id,
            currency=order.currency,
            revenue=order.revenue,
            placed_at=order.placed_at,
        )


def correct(order: Order, *, before: Weight) -> None:
    """An addition where that is exact; a recount when the order begins or ends to count, or moves."""
    after = Weight.of(order)
    if not after.is_counted and not before.is_counted:
        return
    is_same_place = (after.currency, after.placed_at) == (before.currency, before.placed_at)
    if after.is_counted and before.is_counted and is_same_place:
        if difference := after.revenue - before.revenue:
            profiles.add_revenue(
                order.profile_id,
                shop_id=order.shop_id,
                currency=order.currency,
                amount=difference,
            )
        return
    for currency in sorted({after.currency, before.currency}):
        profiles.recount_orders(
            order.profile_id,
            shop_id=order.shop_id,
            currency=currency,
            count=partial(
                queries.count_orders, order.profile_id, shop_id=order.shop_id, currency=currency
            ),
        )
