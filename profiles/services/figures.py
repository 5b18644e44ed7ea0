"""Keeping what a customer's orders add up to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F

from ecrm.kernel.prepared import Statement
from profiles.models import Figures
from profiles.types import OrderFigures

_COUNT_ORDER = Statement(
    "count_order",
    """
INSERT INTO profiles_figures AS f
    (profile_id, shop_id, currency, orders_count, revenue, first_order_at, last_order_at)
VALUES (%(profile_id)s, %(shop_id)s, %(currency)s, %(orders)s, %(revenue)s, %(at)s, %(at)s)
ON CONFLICT (profile_id, shop_id, currency) DO UPDATE SET
    orders_count = f.orders_count + excluded.orders_count,
    revenue = f.revenue + excluded.revenue,
    first_order_at = least(f.first_order_at, excluded.first_order_at),
    last_order_at = greatest(f.last_order_at, excluded.last_order_at)
""",
)


def count_order(
    profile_id: int, *, shop_id: int, currency: str, revenue: Decimal, placed_at: datetime
) -> None:
    """Add one order to a customer's figures, in one statement, in the caller's transaction."""
    _COUNT_ORDER.send(
        {
            "profile_id": profile_id,
            "shop_id": shop_id,
            "currency": currency,
            "orders": 1,
            "revenue": revenue,
            "at": placed_at,
        }
    )


def add_revenue(profile_id: int, *, shop_id: int, currency: str, amount: Decimal) -> None:
    """Correct a customer's revenue by an amount (a refund is negative), in the caller's transaction."""
    rows = Figures.objects.filter(profile_id=profile_id, shop_id=shop_id, currency=currency)
    rows.update(revenue=F("revenue") + amount)


@transaction.atomic
def recount_orders(
    profile_id: int, *, shop_id: int, currency: str, count: Callable[[], OrderFigures]
) -> None:
    """Replace a customer's figures by a fresh count made while nobody else can add to them.

    For the rare changes which no addition expresses: an order is cancelled, revived or moves in time.
    """
    Figures.objects.get_or_create(profile_id=profile_id, shop_id=shop_id, currency=currency)
    row = Figures.objects.select_for_update(of=("self",)).get(
        profile_id=profile_id, shop_id=shop_id, currency=currency
    )
    fresh = count()
    row.orders_count, row.revenue = fresh.orders_count, fresh.revenue
    row.first_order_at, row.last_order_at = fresh.first_order_at, fresh.last_order_at
    row.save()
