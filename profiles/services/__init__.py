"""Writes. What other modules call stands here."""

from profiles.services.details import NotYourCustomer, UnusableDetails, change_profile
from profiles.services.figures import add_revenue, count_order, recount_orders
from profiles.services.identities import (
    NobodyIdentified,
    ResolutionFailed,
    identify,
    learn,
    resolve,
)

__all__ = [
    "NobodyIdentified",
    "NotYourCustomer",
    "ResolutionFailed",
    "UnusableDetails",
    "add_revenue",
    "change_profile",
    "count_order",
    "identify",
    "learn",
    "recount_orders",
    "resolve",
]
