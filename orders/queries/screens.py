"""What the order pages show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.utils.timezone import localtime

from ecrm.kernel.money import Money
from orders.models import Order, OrderQuerySet, Shipment

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


def today(shop_ids: Iterable[int], *, at: datetime) -> Today:
    """Today so far in these shops, beside yesterday until the same hour. One query."""
    midnight = _midnight(at)
    day = timedelta(days=1)
    is_today = Q(placed_at__gte=midnight, placed_at__lte=at)
    is_yesterday = Q(placed_at__gte=midnight - day, placed_at__lte=at - day)
    rows = (
        Order.objects.of_shops(shop_ids)
        .counted()
        .filter(is_today | is_yesterday)
        .order_by("currency")
        .values("currency")
        .annotate(
            today=Count("pk", filter=is_today),
            today_total=Sum("grand_total", filter=is_today),
            yesterday=Count("pk", filter=is_yesterday),
            yesterday_total=Sum("grand_total", filter=is_yesterday),
        )
    )
    found = list(rows)
    return Today(
        today=_day((row["today"], row["today_total"], row["currency"]) for row in found),
        yesterday=_day(
            (row["yesterday"], row["yesterday_total"], row["currency"]) for row in found
        ),
    )


def _day(sums: Iterable[tuple[int, Decimal | None, str]]) -> Day:
    found = [(count, total, currency) for count, total, currency in sums if total is not None]
    revenue = [Money(total, currency) for _count, total, currency in found]
    return Day(
        orders_count=sum(count for count, _total, _currency in found),
        revenue=tuple(sorted(revenue, key=lambda money: money.amount, reverse=True)),
    )
