"""How orders read on timelines and badges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """“Order FR-10042: Paid → Shipped”, in one query; changes that leave the status are left out."""
    orders = queries.order_cards(record.payload["order_id"] for record in records)
    return {
        record.pk: TimelineText(
            title=_("Order %(number)s: %(status)s")
            % {
                "number": order.number,
                "status": Order.Status(record.payload["status_after"]).label,
            },
            detail=_("before: %(status)s")
            % {"status": Order.Status(record.payload["status_before"]).label},
            url=order.url,
        )
        for record in records
        if record.payload["status_before"] != record.payload["status_after"]
        and (order := orders.get(record.payload["order_id"]))
    }


def _amount_and_items(order: OrderCard) -> str:
    total = order.total.in_words_of(get_language() or "en")
    items = ngettext("%(count)s item", "%(count)s items", order.items_count)
    return f"{total} · {items % {'count': order.items_count}}"
