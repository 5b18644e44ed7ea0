"""Orders for the API, for cards and pages, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Max, Min, Sum
from django.urls import reverse

from ecrm.kernel import outbox
from ecrm.kernel.models import EventRecord
from ecrm.kernel.money import Money
from ecrm.kernel.prepared import Rows
from orders.models import Order, OrderLine, OrderQuerySet
from orders.rules import addresses, ledger
from orders.rules.document import instant
from orders.types import (
    Line,
    OrderCard,
    OrderDetails,
    Parcel,
    Payment,
    RefundMade,
    StoredOrder,
    Totals,
)
from profiles import queries as profiles
from profiles.types import OrderFigures

VIEW = "orders.view_order"
RECENT = 5
SUMS = {
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
        customer_id = profiles.find_by_email(email, shop_id)
        rows = rows.filter(profile_id=customer_id) if customer_id else rows.none()
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


_BY_ID = Rows("orders_by_id", Order, "WHERE id = ANY(%(ids)s::bigint[])", without=["document"])


def order_cards(order_ids: Iterable[int]) -> dict[int, OrderCard]:
    """Orders by id, in one query."""
    ids = list(set(order_ids))
    return {row.pk: card(row) for row in _BY_ID.all(ids=ids)} if ids else {}


def details(order: Order, *, language: str) -> OrderDetails:
    """Everything a page or a mail shows of an order. Runs one query, for its lines."""
    body = order.document
    amounts = {
        "items": order.items_total,
        "discount": order.discount_total,
        "shipping": order.shipping_total,
        "grand": order.grand_total,
    }
    is_tax_included = ledger.is_tax_included(tax=order.tax_total, **amounts)
    is_discount_included = ledger.is_discount_included(**amounts)
    return OrderDetails(
        card=card(order),
        shop_id=order.shop_id,
        email=(body.get("customer") or {}).get("email") or "",
        lines=tuple(_line(row) for row in order.lines.order_by("position")),
        totals=Totals(
            items=order.items_total,
            discount=order.discount_total,
            shipping=order.shipping_total,
            tax=order.tax_total,
            grand=order.grand_total,
            refunded=order.refunded_total,
        ),
        added_tax=Decimal(0) if is_tax_included else order.tax_total,
        included_tax=order.tax_total if is_tax_included else Decimal(0),
        taken_discount=Decimal(0) if is_discount_included else order.discount_total,
        discount_codes=tuple(d["code"] for d in body.get("discounts") or () if d.get("code")),
        shipping_method=(body.get("shipping") or {}).get("method") or "",
        billing_address=addresses.lines(body.get("billing_address"), language=language),
        shipping_address=addresses.lines(body.get("shipping_address"), language=language),
        payments=tuple(_payment(part) for part in body.get("payments") or ()),
        parcels=tuple(_parcel(part) for part in body.get("shipments") or ()),
        refunds=tuple(_refund(part) for part in body.get("refunds") or ()),
        attribution={
            name: text for name, text in (body.get("attribution") or {}).items() if name != "extra"
        },
        mismatches=tuple(order.mismatches),
        received_at=order.received_at,
        changed_at=order.changed_at,
    )


def _line(row: OrderLine) -> Line:
    return Line(
        sku=row.sku,
        name=row.name,
        quantity=_shortest(row.quantity),
        unit_price=row.unit_price,
        discount=row.discount,
        tax=row.tax,
        total=row.total,
    )


def _shortest(quantity: Decimal) -> Decimal:
    """3 for 3.000 and 1.5 for 1.500."""
    whole = quantity.to_integral_value()
    return whole if whole == quantity else quantity.normalize()


def _payment(part: Mapping[str, Any]) -> Payment:
    return Payment(
        method=part.get("method") or "",
        amount=Decimal(part["amount"]),
        status=part.get("status") or "",
        at=instant(part["at"]) if part.get("at") else None,
    )


def _parcel(part: Mapping[str, Any]) -> Parcel:
    url = part.get("tracking_url") or ""
    contents = [
        line if isinstance(line, str) else line.get("sku") for line in part.get("lines") or ()
    ]
    return Parcel(
        carrier=part.get("carrier") or "",
        tracking_number=part.get("tracking_number") or "",
        tracking_url=url if url.startswith(("https://", "http://")) else "",
        status=part.get("status") or "",
        contents=tuple(sku for sku in contents if sku),
    )


def _refund(part: Mapping[str, Any]) -> RefundMade:
    return RefundMade(
        id=part.get("id") or "",
        amount=Decimal(part["amount"]),
        reason=part.get("reason") or "",
        at=instant(part["at"]) if part.get("at") else None,
    )


def records_of(order: Order) -> list[EventRecord]:
    """The recorded facts about this order, newest first. One query."""
    records = outbox.records_of_profile(order.profile_id)
    return list(records.filter(name__startswith="orders.", payload__order_id=order.pk))


def is_worth_confirming(order_id: int, *, since: datetime) -> bool:
    """True for an order placed after this moment which the shop has not given up."""
    rows = Order.objects.filter(pk=order_id, placed_at__gte=since)
    return rows.exclude(status__in=[Order.Status.CANCELLED, Order.Status.REFUNDED]).exists()


_OF_PROFILE = Rows(
    "orders_of_profile",
    Order,
    """
WHERE profile_id = %(profile_id)s AND shop_id = ANY(%(shop_ids)s::bigint[])
ORDER BY placed_at DESC, id DESC LIMIT %(limit)s
""",
    without=["document"],
)


def recent_of_profile(
    profile_id: int, *, shop_ids: Iterable[int], limit: int = RECENT
) -> list[OrderCard]:
    """The customer's newest orders in these shops. One query."""
    rows = _OF_PROFILE.all(profile_id=profile_id, shop_ids=list(shop_ids), limit=limit)
    return [card(row) for row in rows]


def last_of_profile(profile_id: int, *, shop_ids: Iterable[int]) -> tuple[OrderCard, bool] | None:
    """The customer's newest order in these shops, and whether money went back for it. One query."""
    # The page of a customer shows the recent ones as well, and so asks once for both.
    rows = _OF_PROFILE.all(profile_id=profile_id, shop_ids=list(shop_ids), limit=RECENT)
    return (card(rows[0]), rows[0].refunded_total > 0) if rows else None


def count_orders(profile_id: int, *, shop_id: int, currency: str) -> OrderFigures:
    """What the customer's orders in one shop and currency add up to, counted afresh."""
    rows = Order.objects.of_shops([shop_id]).filter(profile_id=profile_id, currency=currency)
    found = rows.counted().aggregate(**SUMS)
    return OrderFigures(
        orders_count=found["orders"],
        revenue=found["revenue"] or Decimal(0),
        first_order_at=found["first"],
        last_order_at=found["last"],
    )


def places_of_figures(profile_id: int) -> list[tuple[int, str]]:
    """The shops and currencies in which the customer ordered or has figures. Two queries."""
    counted = Order.objects.counted().filter(profile_id=profile_id).order_by()
    ordered = counted.values_list("shop_id", "currency").distinct()
    return sorted({*ordered, *profiles.places_of_figures(profile_id)})
