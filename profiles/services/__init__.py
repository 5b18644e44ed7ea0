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
from profiles.services.merging import (
    AlreadyMerged,
    AlreadyUndone,
    ErasedMeanwhile,
    MergeInTheWay,
    NotYoursToMerge,
    SameProfile,
    gather_stragglers,
    join_visitor,
    merge,
    undo_merge,
)
from profiles.services.policies import UnusableRules, check_policies, save_policies
from profiles.services.segments_following import touch_segments
from profiles.services.segments_lists import add_to_list, remove_from_list
from profiles.services.standings import count_rating, count_request, recount_requests
from profiles.services.suggestions import decide_different, decide_later, reopen

__all__ = [
    "AlreadyMerged",
    "AlreadyUndone",
    "ErasedMeanwhile",
    "MergeInTheWay",
    "NobodyIdentified",
    "NotYourCustomer",
    "NotYoursToMerge",
    "ResolutionFailed",
    "SameProfile",
    "UnusableDetails",
    "UnusableRules",
    "add_revenue",
    "add_to_list",
    "change_profile",
    "check_policies",
    "count_order",
    "count_rating",
    "count_request",
    "decide_different",
    "decide_later",
    "gather_stragglers",
    "identify",
    "join_visitor",
    "learn",
    "merge",
    "recount_orders",
    "recount_requests",
    "remove_from_list",
    "reopen",
    "resolve",
    "save_policies",
    "touch_segments",
    "undo_merge",
]
