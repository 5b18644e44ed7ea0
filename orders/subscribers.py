"""What follows when an order is placed or changes."""

from __future__ import annotations

from datetime import timedelta

from django.utils.timezone import now

from ecrm.kernel import live
from ecrm.kernel.events import subscribe
from orders import queries, services
from orders.events import OrderChanged, OrderPlaced

# Shops import years of orders: only news is confirmed.
CONFIRMED_WITHIN = timedelta(hours=24)


@subscribe(OrderPlaced)
def confirm_order(event: OrderPlaced) -> None:
    """Tell the customer that his order arrived, unless it is history or was given up meanwhile."""
    if queries.is_worth_confirming(event.order_id, since=now() - CONFIRMED_WITHIN):
        services.queue_confirmation(event.order_id)


@subscribe(OrderPlaced, io=True)
def show_placed_order(event: OrderPlaced) -> None:
    """Let open lists and customer pages look again."""
    live.hint(*_topics(event))


@subscribe(OrderChanged, io=True)
def show_changed_order(event: OrderChanged) -> None:
    """Let open lists, order and customer pages look again."""
    live.hint(*_topics(event))


def _topics(event: OrderPlaced | OrderChanged) -> tuple[str, ...]:
    """Order lists, the customer's page, and the customer list with its figures."""
    return (
        f"orders:shop:{event.shop_id}",
        f"profile:{event.profile_id}",
        f"profiles:shop:{event.shop_id}",
    )
