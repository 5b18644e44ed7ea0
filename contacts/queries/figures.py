"""How often customers turned to us and how content they were, counted afresh; deleted requests count."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count, Max, Sum
from django.db.models.functions import Coalesce

from contacts.models import Ticket
from ecrm.kernel.verify import invariant
from profiles import queries as profiles
from profiles.types import RequestNumbers

AT_MOST = 100
SUMS = {
    "requests_count": Count("pk"),
    "last_request_at": Max("opened_at"),
    "ratings_count": Count("rating__score"),
    "ratings_sum": Coalesce(Sum("rating__score"), 0),
}


def count_requests(profile_id: int, *, shop_id: int) -> RequestNumbers:
    """The requests of a customer in one shop, and his ratings of the answers. One query."""
    rows = Ticket.everything.filter(profile_id=profile_id, shop_id=shop_id)
    return RequestNumbers(**rows.aggregate(**SUMS))


def shops_of_requests(profile_id: int) -> list[int]:
    """The shops to which a customer turned, or for which a number is kept. Two queries."""
    rows = Ticket.everything.filter(profile_id=profile_id).order_by()
    asked = set(rows.values_list("shop_id", flat=True).distinct())
    return sorted(asked | profiles.places_of_requests(profile_id))


def differing() -> set[tuple[int, int]]:
    """Customers and shops whose kept numbers are not what the requests say. Two queries."""
    kept = {
        (profile_id, shop_id): numbers for profile_id, shop_id, numbers in profiles.all_requests()
    }
    rows = Ticket.everything.order_by("profile_id", "shop_id").values("profile_id", "shop_id")
    sums = rows.annotate(**SUMS).values_list("profile_id", "shop_id", *SUMS)
    counted = {
        (profile_id, shop_id): RequestNumbers(**dict(zip(SUMS, numbers, strict=True)))
        for profile_id, shop_id, *numbers in sums.iterator()
    }
    return {key for key in kept.keys() | counted.keys() if kept.get(key) != counted.get(key)}


@invariant(
    "R19.requests",
    "The numbers of requests and ratings of each customer are those of his requests.",
)
def requests_that_do_not_add_up() -> Iterable[str]:
    """Each customer and shop whose kept number of requests differs from a fresh count."""
    return [
        "requests of profile {} in shop {} differ from the number kept".format(*key)
        for key in sorted(differing())[:AT_MOST]
    ]
