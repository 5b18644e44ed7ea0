"""Reads. What other modules call stands here; the rest is for profiles' own pages and services."""

from profiles.queries import checks, consents
from profiles.queries.cards import (
    all_figures,
    card,
    cards,
    cards_of,
    details_of,
    of_shop,
    order_figures,
    places_of_figures,
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
    is_visitor,
    shops_of,
    visible_to,
)
from profiles.queries.listing import best_matches, customers
from profiles.queries.merging import (
    MERGE,
    cluster,
    is_merged,
    merged_from,
    merges_of,
    preview,
    survivor,
)
from profiles.queries.policies import DryRun, dry_run, forget_policies, policies
from profiles.queries.predictions import all_requests, places_of_requests
from profiles.queries.timelines import TimelinePage, timeline, timeline_of, timeline_page

__all__ = [
    "MERGE",
    "VIEW",
    "DryRun",
    "Holder",
    "TimelinePage",
    "all_figures",
    "all_requests",
    "best_matches",
    "card",
    "cards",
    "cards_of",
    "checks",
    "cluster",
    "consents",
    "customers",
    "details_of",
    "dry_run",
    "emails_of",
    "find_by_email",
    "forget_policies",
    "holders",
    "is_known_to",
    "is_merged",
    "is_visitor",
    "merged_from",
    "merges_of",
    "of_shop",
    "order_figures",
    "places_of_figures",
    "places_of_requests",
    "policies",
    "preview",
    "profile_view",
    "profile_views",
    "shops_of",
    "survivor",
    "timeline",
    "timeline_of",
    "timeline_page",
    "visible_to",
]
