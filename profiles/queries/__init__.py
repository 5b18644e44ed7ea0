"""Reads. What other modules call stands here; the rest is for profiles' own pages and services."""

from profiles.queries import checks
from profiles.queries.cards import (
    all_figures,
    card,
    cards,
    cards_of,
    of_shop,
    order_figures,
    profile_view,
    profile_views,
)
from profiles.queries.identities import (
    VIEW,
    Holder,
    emails_of,
    find_by_email,
    holders,
    is_known_to,
    shops_of,
    visible_to,
)
from profiles.queries.listing import best_matches, customers
from profiles.queries.timelines import TimelinePage, timeline, timeline_of, timeline_page

__all__ = [
    "VIEW",
    "Holder",
    "TimelinePage",
    "all_figures",
    "best_matches",
    "card",
    "cards",
    "cards_of",
    "checks",
    "customers",
    "emails_of",
    "find_by_email",
    "holders",
    "is_known_to",
    "of_shop",
    "order_figures",
    "profile_view",
    "profile_views",
    "shops_of",
    "timeline",
    "timeline_of",
    "timeline_page",
    "visible_to",
]
