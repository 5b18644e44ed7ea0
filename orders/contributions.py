"""Which of our rows point at a customer, how his figures are counted anew, what segments may ask."""

from __future__ import annotations

from functools import partial

from django.utils.translation import gettext_lazy as _

from messaging import extensions as messaging
from orders import queries
from orders.events import OrderChanged, OrderPlaced
from orders.queries import checks, criteria, mails
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
    _register_mails()
    for event, label in ((OrderPlaced, _("Order placed")), (OrderChanged, _("Order changed"))):
        extensions.happenings.register(extensions.Happening(key=event.name, label=label))


def _register_mails() -> None:
    """The confirmation as it comes with the product, and the blocks any mail about an order can show."""
    for key, label, source in (
        ("order_lines", _("Lines and total of the order"), mails.lines_block),
        ("order_addresses", _("Addresses of the order"), mails.addresses_block),
    ):
        messaging.blocks.register(
            messaging.ContentBlock(key=key, label=label, root="order", source=source)
        )
    messaging.templates.register(
        messaging.BuiltInTemplate(
            key=mails.CONFIRMATION,
            name=_("Order confirmation"),
            description=_("Sent at once when a customer has placed an order."),
            purpose="transactional",
            variables=[
                messaging.Variable(path=path, label=label)
                for path, label in (
                    ("order.number", _("Number of the order")),
                    ("order.placed_at | date", _("Day of the order")),
                    ("order.total | money: order.currency", _("Total of the order")),
                    ("order.items_count", _("Number of items")),
                    ("order.shipping_method", _("Shipping method")),
                )
            ],
            wordings=mails.wordings,
            sample=mails.sample,
            order=10,
        )
    )


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
