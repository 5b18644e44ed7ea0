"""Orders and the people behind them: what they are told, what must be kept, and what stays of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from django.utils.translation import gettext_lazy as _

from orders.models import Order, Refund, Shipment
from orders.rules import erasure
from orders.types import OrderDocument
from profiles.extensions.privacy import (
    Ageing,
    Fate,
    Personal,
    Processing,
    Subject,
    ageing,
    personal,
    processings,
)
from profiles.types import Identity

AT_ONCE = 200
_OF_ORDERS = (
    "t.order_id IN (SELECT o.id FROM orders_order o WHERE o.profile_id = ANY(%(profiles)s))"
)
ACCOUNTING = _(
    "Accounting documents are kept for 10 years (art. L123-22 of the French commercial code), without "
    "name, addresses and contact data."
)


def without_person(document: OrderDocument) -> OrderDocument:
    """The order as it is kept when its customer was erased."""
    return replace(document, body=erasure.without_person(document.body), customer=Identity())


def empty_orders(subject: Subject) -> int:
    """Take whatever names the customer out of his orders; the amounts stay. Returns how many orders."""
    count = 0
    for orders in _batches(subject):
        _empty(orders)
        count += len(orders)
    return count


def _batches(subject: Subject) -> Iterator[list[Order]]:
    wanted = Order.objects.filter(profile_id__in=subject.profile_ids, is_erased=False)
    while orders := list(wanted.order_by("pk")[:AT_ONCE]):
        yield orders


def register() -> None:
    """Declare what orders hold about people."""
    processings.register(
        Processing(
            key="orders",
            label=_("Orders"),
            purpose=_("To carry out your orders, returns and refunds, and to keep our books."),
            basis=_("Contract (art. 6(1)(b) GDPR) and legal obligation (art. 6(1)(c) GDPR)."),
            period=ACCOUNTING,
            recipients=_("Payment providers, carriers, accountants and tax authorities."),
            order=20,
        )
    )
    personal.register(
        Personal(
            key="orders.order",
            table="orders_order",
            label=_("Orders"),
            processing="orders",
            order=12,
            holdings=("orders.order",),
            where="t.profile_id = ANY(%(profiles)s) AND NOT t.is_erased",
            fate=Fate.EMPTIED,
            carry_out=empty_orders,
            why=ACCOUNTING,
            columns={
                "number": ("t.number", _("Number")),
                "placed_at": ("t.placed_at", _("Placed")),
                "status": ("t.status", _("Status")),
                "currency": ("t.currency", _("Currency")),
                "total": ("t.grand_total", _("Total")),
                "refunded": ("t.refunded_total", _("Refunded")),
                "document": ("t.document", _("Everything the shop told us")),
            },
            emails="t.document #>> '{customer,email}'",
            phones="t.document #>> '{customer,phone}'",
        )
    )
    personal.register(
        Personal(
            key="orders.shipment",
            table="orders_shipment",
            label=_("Shipments"),
            processing="orders",
            order=10,
            where=_OF_ORDERS + " AND (t.tracking_number <> '' OR t.tracking_url <> '')",
            fate=Fate.EMPTIED,
            changes="tracking_number = '', tracking_url = ''",
            why=_(
                "The carrier stays as a fact about the order; nobody can follow the parcel by it."
            ),
            untold=_("Stands in the order."),
        )
    )
    personal.register(
        Personal(
            key="orders.refund",
            table="orders_refund",
            label=_("Reasons of refunds"),
            processing="orders",
            order=10,
            where=_OF_ORDERS + " AND t.reason <> ''",
            fate=Fate.EMPTIED,
            changes="reason = ''",
            why=ACCOUNTING,
            untold=_("Stands in the order."),
        )
    )
    ageing.register(
        Ageing(
            key="orders.order",
            table="orders_order",
            label=_("People in old orders"),
            help=_("The order stays for the figures, without name, addresses and contact data."),
            source=_("10 years: art. L123-22 of the French commercial code"),
            days=3653,
            least=365,
            age="t.placed_at",
            where="NOT t.is_erased",
            shop="t.shop_id",
            carry_out=lambda ids, _at: empty_old(ids),
            link="orders:order-page",
            order=50,
        )
    )


def empty_old(order_ids: Sequence[int]) -> list[int]:
    """Take whatever names people out of these orders. Returns which were changed."""
    orders = list(Order.objects.filter(pk__in=order_ids).order_by("pk"))
    _empty(orders)
    Shipment.objects.filter(order__in=orders).update(tracking_number="", tracking_url="")
    Refund.objects.filter(order__in=orders).update(reason="")
    return [order.pk for order in orders]


def _empty(orders: Sequence[Order]) -> None:
    for order in orders:
        order.document = erasure.without_person(order.document)
        order.is_erased = True
    Order.objects.bulk_update(orders, ["document", "is_erased"])
