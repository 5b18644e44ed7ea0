"""Which of our rows point at a customer, and how his figures are counted anew."""

from __future__ import annotations

from functools import partial

from django.utils.translation import gettext_lazy as _

from orders import queries
from profiles import extensions
from profiles import services as profiles


def register() -> None:
    """Declare what a merge of two customers moves."""
    extensions.holdings.register(
        extensions.Holding(key="orders.order", table="orders_order", label=_("Orders"), order=20)
    )
    extensions.recounts.register(
        extensions.Recount(key="orders", holding="profiles.figures", recount=recount)
    )


def recount(profile_id: int) -> None:
    """Make the figures of a customer anew, in each shop and currency where he has some or ordered."""
    for shop_id, currency in queries.places_of_figures(profile_id):
        profiles.recount_orders(
            profile_id,
            shop_id=shop_id,
            currency=currency,
            count=partial(queries.count_orders, profile_id, shop_id=shop_id, currency=currency),
        )
