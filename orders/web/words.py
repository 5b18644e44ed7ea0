"""How orders read on timelines and badges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from orders import queries
from orders.events import OrderChanged, OrderPlaced
from orders.models import Order
from orders.types import OrderCard
from profiles.extensions import TimelineRenderer, TimelineText, timeline

if TYPE_CHECKING:
    from ecrm.kernel.models import EventRecord

# The colour that repeats what the status says; quiet when nothing is expected of anybody.
TONES = {
    "pending": "warn",
    "paid": "new",
    "processing": "new",
    "shipped": "accent",
    "delivered": "good",
    "completed": "good",
    "cancelled": "",
    "refunded": "",
}

_BECAME = {
    "pending": gettext_lazy("Order %(number)s waits for its payment"),
    "paid": gettext_lazy("Order %(number)s was paid"),
    "processing": gettext_lazy("Order %(number)s is being prepared"),
    "shipped": gettext_lazy("Order %(number)s was shipped"),
    "delivered": gettext_lazy("Order %(number)s was delivered"),
    "completed": gettext_lazy("Order %(number)s is completed"),
    "cancelled": gettext_lazy("Order %(number)s was cancelled"),
    "refunded": gettext_lazy("Order %(number)s was refunded"),
}

# What shops call the states of payments and parcels most often.
_KNOWN = {
    "authorized": gettext_lazy("Authorised"),
    "captured": gettext_lazy("Captured"),
    "delivered": gettext_lazy("Delivered"),
    "failed": gettext_lazy("Failed"),
    "in transit": gettext_lazy("In transit"),
    "label created": gettext_lazy("Label created"),
    "out for delivery": gettext_lazy("Out for delivery"),
    "paid": gettext_lazy("Paid"),
    "pending": gettext_lazy("Pending"),
    "refunded": gettext_lazy("Refunded"),
    "returned": gettext_lazy("Returned"),
    "shipped": gettext_lazy("Shipped"),
    "card": gettext_lazy("Card"),
    "bank transfer": gettext_lazy("Bank transfer"),
    "invoice": gettext_lazy("Invoice"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryLine:
    """One step of an order on its own page."""

    icon: str
    title: str
    at: datetime


def register() -> None:
    """Add the renderers of orders' own facts."""
    for event_name, icon, render in (
        (OrderPlaced.name, "shopping-bag", placed),
        (OrderChanged.name, "package", changed),
    ):
        timeline.register(
            TimelineRenderer(
                event_name=event_name,
                icon=icon,
                kind="orders",
                kind_label=gettext_lazy("Orders"),
                render=render,
                permission=queries.VIEW,
            )
        )


def placed(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """“Order FR-10042 placed”, in one query."""
    orders = queries.order_cards(record.payload["order_id"] for record in records)
    return {
        record.pk: TimelineText(
            title=_("Order %(number)s placed") % {"number": order.number},
            detail=_amount_and_items(order),
            url=order.url,
        )
        for record in records
        if (order := orders.get(record.payload["order_id"]))
    }


def changed(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """“Order FR-10042 was shipped”, in one query; changes that leave the status are left out."""
    orders = queries.order_cards(record.payload["order_id"] for record in records)
    return {
        record.pk: TimelineText(
            title=str(_BECAME[record.payload["status_after"]]) % {"number": order.number},
            url=order.url,
        )
        for record in records
        if record.payload["status_before"] != record.payload["status_after"]
        and (order := orders.get(record.payload["order_id"]))
    }


def history(order: Order) -> list[HistoryLine]:
    """The steps of one order, newest first. Runs one query."""
    return [_step(record) for record in queries.records_of(order)]


def _step(record: EventRecord) -> HistoryLine:
    if record.name == OrderPlaced.name:
        return HistoryLine(icon="shopping-bag", title=_("Placed"), at=record.occurred_at)
    before, after = record.payload["status_before"], record.payload["status_after"]
    if before == after:
        return HistoryLine(icon="edit", title=_("Changed by the shop"), at=record.occurred_at)
    label = str(Order.Status(after).label)
    return HistoryLine(icon="package", title=label, at=record.occurred_at)


def in_words(code: str) -> str:
    """“In transit” for what a program calls in_transit; unknown codes as readable as they are."""
    plain = code.replace("_", " ").replace("-", " ").strip()
    return str(_KNOWN.get(plain.casefold(), plain[:1].upper() + plain[1:]))


def _amount_and_items(order: OrderCard) -> str:
    total = order.total.in_words_of(get_language() or "en")
    items = ngettext("%(count)s item", "%(count)s items", order.items_count)
    return f"{total} · {items % {'count': order.items_count}}"
