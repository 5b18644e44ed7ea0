"""What the order pages show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q
from django.utils.timezone import localtime

from ecrm.kernel.money import Money
from ecrm.kernel.prepared import Statement
from orders.models import Order, OrderQuerySet, Shipment
from profiles import queries as profiles
from profiles.types import ProfileName

if TYPE_CHECKING:
    from django.db.models import QuerySet

PERIODS = {"today": 0, "yesterday": 1, "week": 6, "month": 29}


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """What a day brought, up to an hour: orders that count, and their revenue by currency."""

    orders_count: int
    revenue: tuple[Money, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Today:
    """Today so far, and yesterday until the same hour."""

    today: Day
    yesterday: Day

    @property
    def change(self) -> int:
        """How many orders more than yesterday by this time."""
        return self.today.orders_count - self.yesterday.orders_count


def orders(
    shop_ids: Iterable[int], *, words: str = "", status: str = "", period: str = "", at: datetime
) -> OrderQuerySet:
    """The orders of these shops, newest first, found by number, tracking number or customer."""
    rows = Order.objects.of_shops(shop_ids)
    if words:
        rows = rows.filter(matching(words))
    if status:
        rows = rows.filter(status=status)
    if period in PERIODS:
        rows = rows.filter(_in_period(period, at))
    return rows.for_list()


def _in_period(period: str, at: datetime) -> Q:
    midnight = _midnight(at)
    since = midnight - timedelta(days=PERIODS[period])
    found = Q(placed_at__gte=since)
    return found & Q(placed_at__lt=midnight) if period == "yesterday" else found


def _midnight(at: datetime) -> datetime:
    return localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)


def matching(words: str) -> Q:
    """Orders whose number contains the words, or of which a parcel bears this number."""
    parcels = Shipment.objects.filter(tracking_number=words)
    return Q(number__icontains=words) | Q(external_id=words) | Q(pk__in=parcels.values("order_id"))


def customers_of_orders(words: str, shop_ids: Iterable[int], *, limit: int = 50) -> list[int]:
    """Who placed the orders with this number: a way to find customers."""
    if not any(char.isdigit() for char in words):
        return []
    rows = Order.objects.of_shops(shop_ids).filter(matching(words))
    return list(rows.order_by().values_list("profile_id", flat=True).distinct()[:limit])


class OrderLine(NamedTuple):
    """One row of the list, as it stands in the database."""

    id: int
    shop_id: int
    profile_id: int
    number: str
    status: str
    currency: str
    placed_at: datetime
    changed_at: datetime
    items_count: int
    discount_total: Decimal
    shipping_total: Decimal
    tax_total: Decimal
    refunded_total: Decimal
    grand_total: Decimal
    mismatches: Sequence[str]

    def money(self, amount: Decimal) -> Money:
        """An amount of this order."""
        return Money(amount, self.currency)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order and who placed it."""

    order: OrderLine
    customer: ProfileName


def lines_of(orders: QuerySet[Order]) -> QuerySet[Order, tuple[Any, ...]]:
    """The orders of a query as `rows_of` takes them, with no column more than lists show."""
    return orders.values_list(*OrderLine._fields)


def rows_of(lines: Iterable[tuple[Any, ...]]) -> list[OrderRow]:
    """What lists show of these orders. One query besides theirs."""
    found = [OrderLine(*line) for line in lines]
    customers = profiles.names({line.profile_id for line in found})
    return [OrderRow(line, customers[line.profile_id]) for line in found]


_TODAY = Statement(
    "orders_today",
    """
SELECT true, currency, count(*), sum(grand_total) FROM orders_order
WHERE shop_id = ANY(%(shop_ids)s::bigint[]) AND status <> 'cancelled'
    AND placed_at BETWEEN %(midnight)s::timestamptz AND %(at)s::timestamptz
GROUP BY currency
UNION ALL
SELECT false, currency, count(*), sum(grand_total) FROM orders_order
WHERE shop_id = ANY(%(shop_ids)s::bigint[]) AND status <> 'cancelled'
    AND placed_at BETWEEN %(yesterday)s::timestamptz AND %(day_ago)s::timestamptz
GROUP BY currency
""",
)


def today(shop_ids: Iterable[int], *, at: datetime) -> Today:
    """Today so far in these shops, beside yesterday until the same hour. One query."""
    midnight, day = _midnight(at), timedelta(days=1)
    found = _TODAY.rows(
        shop_ids=list(shop_ids),
        yesterday=midnight - day,
        day_ago=at - day,
        midnight=midnight,
        at=at,
    )
    return Today(
        today=_day(row for is_today, *row in found if is_today),
        yesterday=_day(row for is_today, *row in found if not is_today),
    )


def _day(sums: Iterable[Sequence[Any]]) -> Day:
    """The day of which these are a currency, the number of orders in it, and their sum."""
    found = sorted(sums, key=lambda row: (-row[2], row[0]))
    return Day(
        orders_count=sum(count for _currency, count, _total in found),
        revenue=tuple(Money(total, currency) for currency, _count, total in found),
    )
