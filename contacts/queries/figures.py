"""How often customers turned to us, counted afresh."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, Max

from contacts.models import Ticket
from ecrm.kernel.verify import invariant
from profiles import queries as profiles

AT_MOST = 100


def count_requests(profile_id: int, *, shop_id: int) -> tuple[int, datetime | None]:
    """The requests of a customer in one shop, and when the last one came. One query."""
    rows = Ticket.objects.filter(profile_id=profile_id, shop_id=shop_id)
    found = rows.aggregate(count=Count("pk"), last=Max("opened_at"))
    return found["count"], found["last"]


def shops_of_requests(profile_id: int) -> list[int]:
    """The shops to which a customer turned, or for which a number is kept. Two queries."""
    rows = Ticket.objects.filter(profile_id=profile_id).order_by()
    asked = set(rows.values_list("shop_id", flat=True).distinct())
    return sorted(asked | profiles.places_of_requests(profile_id))


def differing() -> set[tuple[int, int]]:
    """Customers and shops whose kept number of requests is not what the requests say. Two queries."""
    kept = {
        (profile_id, shop_id): numbers for profile_id, shop_id, *numbers in profiles.all_requests()
    }
    rows = Ticket.objects.order_by("profile_id", "shop_id").values_list("profile_id", "shop_id")
    counted = {
        (profile_id, shop_id): [count, last]
        for profile_id, shop_id, count, last in rows.annotate(
            count=Count("pk"), last=Max("opened_at")
        ).iterator()
    }
    return {key for key in kept.keys() | counted.keys() if kept.get(key) != counted.get(key)}


@invariant("R19.requests", "The number of requests of each customer is that of his requests.")
def requests_that_do_not_add_up() -> Iterable[str]:
    """Each customer and shop whose kept number of requests differs from a fresh count."""
    return [
        "requests of profile {} in shop {} differ from the number kept".format(*key)
        for key in sorted(differing())[:AT_MOST]
    ]
