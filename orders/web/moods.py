"""What a customer's last order tells about how he feels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.utils.timezone import now
from django.utils.translation import gettext as _

from orders import permissions, queries
from orders.types import OrderCard
from profiles.extensions import Mood, Signal, SignalSource, signals

_HAS_IT = {"delivered", "completed"}
# What happened longer ago says nothing about today.
_LATELY = timedelta(days=90)


def register() -> None:
    """Add the signals of orders."""
    signals.register(
        SignalSource(key="orders.last", permission=permissions.VIEW, load=about_last_order)
    )


def about_last_order(profile_id: int, shop_ids: frozenset[int]) -> Sequence[Signal]:
    """Whether the last order was refunded, cancelled, or is in his hands. One query."""
    latest = queries.last_of_profile(profile_id, shop_ids=shop_ids)
    if latest is None:
        return ()
    order, is_refunded = latest
    if order.placed_at < now() - _LATELY:
        return ()
    if is_refunded or order.status == "refunded":
        return (_signal(Mood.BAD, _("Order %(number)s was refunded"), order),)
    if order.status == "cancelled":
        return (_signal(Mood.BAD, _("Order %(number)s was cancelled"), order),)
    if order.status in _HAS_IT:
        return (_signal(Mood.GOOD, _("Order %(number)s has arrived"), order),)
    return ()


def _signal(mood: Mood, text: str, order: OrderCard) -> Signal:
    return Signal(
        mood=mood, text=text % {"number": order.number}, url=order.url, about_last_order=True
    )
