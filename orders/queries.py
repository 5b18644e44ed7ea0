"""Reads: orders for the API, for lists and panels, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, F, Max, Min, Sum
from django.urls import reverse

from ecrm.kernel.money import Money
from ecrm.kernel.verify import invariant
from orders.models import Order, OrderQuerySet
from orders.types import OrderCard, StoredOrder
from profiles import queries as profiles
from profiles.types import OrderFigures

VIEW = "orders.view_order"
_SUMS = {
    "orders": Count("pk"),
    "revenue": Sum(F("grand_total") - F("refunded_total")),
    "first": Min("placed_at"),
    "last": Max("placed_at"),
}


def stored(order: Order) -> StoredOrder:
    """The order as the API shows it, from a row already read."""
    return StoredOrder(
        id=order.pk,
        external_id=order.external_id,
        profile_id=order.profile_id,
        revision=order.revision,
        received_at=order.received_at,
        changed_at=order.changed_at,
        mismatches=tuple(order.mismatches),
        body=order.document,
    )


def orders_of_shop(shop_id: int) -> OrderQuerySet:
    """The orders an API key of this shop may read."""
    return Order.objects.of_shops([shop_id])


def filtered(
    shop_id: int,
    *,
    status: Iterable[str] | None = None,
    number: str | None = None,
    email: str | None = None,
    updated_since: datetime | None = None,
    placed_since: datetime | None = None,
    placed_before: datetime | None = None,
) -> OrderQuerySet:
    """A shop's orders, narrowed by whatever is given; unordered."""
    rows = orders_of_shop(shop_id)
    if status:
        rows = rows.filter(status__in=list(status))
    if number:
        rows = rows.filter(number=number)
    if email is not None:
        rows = rows.filter(profile_id=profiles.find_by_email(email, shop_id))
    if updated_since:
        rows = rows.changed_since(updated_since)
    if placed_since:
        rows = rows.filter(placed_at__gte=placed_since)
    if placed_before:
        rows = rows.filter(placed_at__lt=placed_before)
    return rows


def card(order: Order) -> OrderCard:
    """One order in a few words and numbers, from a row already read."""
    return OrderCard(
        id=order.pk,
        shop_id=order.shop_id,
        profile_id=order.profile_id,
        external_id=order.external_id,
        number=order.number,
        placed_at=order.placed_at,
        status=order.status,
        status_label=str(order.get_status_display()),
        total=Money(order.grand_total, order.currency),
        items_count=order.items_count,
        url=reverse("orders:order-page", args=[order.pk]),
    )


def order_card(order_id: int) -> OrderCard:
    """One order in a few words and numbers. Raises Order.DoesNotExist."""
    return card(Order.objects.for_list().get(pk=order_id))


def order_cards(order_ids: Iterable[int]) -> dict[int, OrderCard]:
    """Orders by id, in one query."""
    rows = Order.objects.for_list().filter(pk__in=set(order_ids))
    return {row.pk: card(row) for row in rows}


def recent_of_profile(
    profile_id: int, *, shop_ids: Iterable[int], limit: int = 5
) -> list[OrderCard]:
    """The customer's newest orders in these shops."""
    rows = Order.objects.of_shops(shop_ids).filter(profile_id=profile_id).for_list()
    return [card(row) for row in rows[:limit]]


def count_orders(profile_id: int, *, shop_id: int, currency: str) -> OrderFigures:
    """What the customer's orders in one shop and currency add up to, counted afresh."""
    rows = Order.objects.of_shops([shop_id]).filter(profile_id=profile_id, currency=currency)
    found = rows.counted().aggregate(
        **_SUMS
    )
    return OrderFigures(
        orders_count=found["orders"],
        revenue=found["revenue"] or Decimal(0),
        first_order_at=found["first"],
        last_order_at=found["last"],
    )


# --- Promises that can be checked -----------------------------------------------------------------


@invariant("R19", "The figures of each customer are what his orders add up to.")
def figures_that_do_not_add_up() -> Iterable[str]:
    """Each customer, shop and currency whose kept figures differ from a fresh count."""
    kept = {
        (row.profile_id, row.shop_id, row.currency): row.figures for row in profiles.all_figures()
    }
    counted = {
        (row["profile_id"], row["shop_id"], row["currency"]): OrderFigures(
            orders_count=row["orders"],
            revenue=row["revenue"],
            first_order_at=row["first"],
            last_order_at=row["last"],
        )
        for row in Order.objects.counted()
        .order_by()
        .values("profile_id", "shop_id", "currency")
        .annotate(**_SUMS)
        .iterator()
    }
    for key in kept.keys() | counted.keys():
        if kept.get(key) != counted.get(key):
            yield "figures of profile {} in shop {} in {} differ from its orders".format(*key)

