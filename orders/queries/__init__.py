"""Reads. What other modules call stands here; the rest is for orders' own pages and services."""

from orders.queries import checks
from orders.queries.reading import (
    VIEW,
    card,
    count_orders,
    details,
    filtered,
    is_worth_confirming,
    last_of_profile,
    order_card,
    order_cards,
    orders_of_shop,
    places_of_figures,
    recent_of_profile,
    records_of,
    stored,
)

__all__ = [
    "VIEW",
    "card",
    "checks",
    "count_orders",
    "details",
    "filtered",
    "is_worth_confirming",
    "last_of_profile",
    "order_card",
    "order_cards",
    "orders_of_shop",
    "places_of_figures",
    "recent_of_profile",
    "records_of",
    "stored",
]
