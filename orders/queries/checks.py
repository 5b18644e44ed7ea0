"""Promises about orders that can be checked on the live database."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from ecrm.kernel.verify import invariant
from orders.events import OrderPlaced
from orders.models import Order
from orders.queries.reading import SUMS
from profiles import queries as profiles
from profiles.types import OrderFigures

AT_MOST = 100

_NOT_PLACED_ONCE = """
SELECT o.id, count(r.id), bool_or(r.profile_id IS DISTINCT FROM o.profile_id)
FROM orders_order o
LEFT JOIN kernel_eventrecord r ON r.name = %s AND (r.payload ->> 'order_id')::bigint = o.id
GROUP BY o.id
HAVING count(r.id) <> 1 OR bool_or(r.profile_id IS DISTINCT FROM o.profile_id)
ORDER BY o.id
LIMIT %s
"""

_UNLIKE_DOCUMENT = """
SELECT o.id
FROM orders_order o
LEFT JOIN (
    SELECT order_id, count(*) AS number FROM orders_orderline GROUP BY order_id
) lines ON lines.order_id = o.id
WHERE o.status <> o.document ->> 'status'
   OR o.currency <> o.document ->> 'currency'
   OR o.grand_total <> (o.document -> 'totals' ->> 'grand')::numeric
   OR coalesce(lines.number, 0) <> jsonb_array_length(o.document -> 'lines')
ORDER BY o.id
LIMIT %s
"""


@invariant(
    "R3.orders", "Each order was placed once, and the record stands on its customer's timeline."
)
def orders_not_placed_once() -> Iterable[str]:
    """Each order without OrderPlaced record, with several, or with one on another customer."""
    with connection.cursor() as cursor:
        cursor.execute(_NOT_PLACED_ONCE, [OrderPlaced.name, AT_MOST])
        return [
            f"order {order_id} has {records} records of its placement"
            + (", not all on its customer" if is_elsewhere and records else "")
            for order_id, records, is_elsewhere in cursor.fetchall()
        ]


@invariant("R19.rows", "The rows of each order say what its document says.")
def orders_unlike_their_documents() -> Iterable[str]:
    """Each order whose columns or lines differ from the document it was written from."""
    with connection.cursor() as cursor:
        cursor.execute(_UNLIKE_DOCUMENT, [AT_MOST])
        return [f"order {order_id} differs from its document" for (order_id,) in cursor.fetchall()]


def differing() -> set[tuple[int, int, str]]:
    """Each customer, shop and currency whose kept figures differ from a fresh count. Two queries."""
    kept = {
        (row.profile_id, row.shop_id, row.currency): row.figures for row in profiles.all_figures()
    }
    rows = (
        Order.objects.counted()
        .order_by("profile_id", "shop_id", "currency")
        .values_list("profile_id", "shop_id", "currency")
        .annotate(**SUMS)
        .iterator()
    )
    counted = {
        (profile_id, shop_id, currency): OrderFigures(
            orders_count=number, revenue=revenue, first_order_at=first, last_order_at=last
        )
        for profile_id, shop_id, currency, number, revenue, first, last in rows
    }
    return {key for key in kept.keys() | counted.keys() if kept.get(key) != counted.get(key)}


@invariant("R19.figures", "The figures of each customer are what his orders add up to.")
def figures_that_do_not_add_up() -> Iterable[str]:
    """Each customer, shop and currency whose kept figures differ from a fresh count."""
    return [
        "figures of profile {} in shop {} in {} differ from its orders".format(*key)
        for key in sorted(differing())
    ]
