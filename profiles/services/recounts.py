"""What the orders of many customers add up to, counted afresh for all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal

from django.db import connection, transaction

from profiles.models import Figures
from profiles.types import OrderFigures

# A customer and a currency.
Place = tuple[int, str]
NOTHING = OrderFigures(orders_count=0, revenue=Decimal(0), first_order_at=None, last_order_at=None)

_RECOUNT = """
UPDATE profiles_figures AS f
SET orders_count = c.orders, revenue = c.revenue, first_order_at = c.first, last_order_at = c.last
FROM unnest(
    %s::bigint[], %s::integer[], %s::numeric[], %s::timestamptz[], %s::timestamptz[]
) AS c (id, orders, revenue, first, last)
WHERE f.id = c.id
"""


@transaction.atomic(savepoint=False)
def recount_orders_of_many(
    places: Collection[Place],
    *,
    shop_id: int,
    count: Callable[[Collection[int]], Mapping[Place, OrderFigures]],
) -> None:
    """Replace the figures of many customers of a shop, as `recount_orders` does for one.

    `count` is called with the customers' ids once nobody else can add to their figures.
    """
    if not places:
        return
    Figures.objects.bulk_create(
        (
            Figures(profile_id=profile_id, shop_id=shop_id, currency=currency)
            for profile_id, currency in sorted(places)
        ),
        ignore_conflicts=True,
    )
    customers = {profile_id for profile_id, _currency in places}
    locked = (
        Figures.objects.select_for_update(of=("self",))
        .filter(shop_id=shop_id, profile_id__in=customers)
        .order_by("profile_id", "currency")
    )
    rows = [row for row in locked if (row.profile_id, row.currency) in places]
    counted = count(customers)
    fresh = [counted.get((row.profile_id, row.currency), NOTHING) for row in rows]
    columns = (
        [row.pk for row in rows],
        [figures.orders_count for figures in fresh],
        [figures.revenue for figures in fresh],
        [figures.first_order_at for figures in fresh],
        [figures.last_order_at for figures in fresh],
    )
    with connection.cursor() as cursor:
        cursor.execute(_RECOUNT, columns)
