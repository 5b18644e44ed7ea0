"""Which of our rows point at a customer, how his figures are counted anew, what segments may ask."""

from __future__ import annotations

from functools import partial

from django.utils.translation import gettext_lazy as _

from orders import queries
from orders.events import OrderChanged, OrderPlaced
from orders.queries import checks, criteria
from orders.services import privacy
from profiles import extensions
from profiles import services as profiles


def register() -> None:
    """Declare what a merge of two customers moves, what is personal, what segments can ask about orders."""
    extensions.holdings.register(
        extensions.Holding(key="orders.order", table="orders_order", label=_("Orders"), order=20)
    )
    extensions.recounts.register(
        extensions.Recount(
            key="orders", holding="profiles.figures", recount=recount, differing=differing
        )
    )
    privacy.register()
    for criterion in criteria.all_criteria():
        extensions.criteria.register(criterion)
    for event, label in ((OrderPlaced, _("Order placed")), (OrderChanged, _("Order changed"))):
        extensions.happenings.register(extensions.Happening(key=event.name, label=label))


def differing() -> set[int]:
    """The customers whose kept figures are not what their orders add up to."""
    return {profile_id for profile_id, _shop_id, _currency in checks.differing()}


def recount(profile_id: int) -> None:
    """Make the figures of a customer anew, in each shop and currency where he has some or ordered."""
    for shop_id, currency in queries.places_of_figures(profile_id):
        profiles.recount_orders(
            profile_id,
            shop_id=shop_id,
            currency=currency,
            count=partial(queries.count_orders, profile_id, shop_id=shop_id, currency=currency),
        )
