"""Segments over many customers, orders and views, beside the plain count of the same rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.figures import Figure, figure, tell
from bench.ground import Ground
from bench.segments_seed import CHILDREN, seed

SEGMENTS = 100
COUNTRIES = ("FR", "FR", "FR", "BE", "CH", "DE")


def measure(
    ground: Ground, *, profiles: int, orders: int, events: int, runs: int
) -> Iterator[Figure]:
    """Milliseconds of an attribute segment, of a behaviour segment, of one customer in 100 segments."""
    from profiles.services import attributes

    attributes.define_attribute("Children", kind="number", by=None, key=CHILDREN)
    seed(ground, profiles=profiles, orders=orders, events=events)
    yield from measure_seeded(profiles=profiles, runs=runs)


def measure_seeded(*, profiles: int, runs: int) -> Iterator[Figure]:
    """The same in a database that was seeded before."""
    raw = tell(figure("segments.raw_profiles", _times(runs, _raw(_RAW_PROFILES)), "ms"))
    yield raw
    for name, rules in ATTRIBUTES.items():
        yield tell(figure(f"segments.{name}", _times(runs, _count(rules)), "ms", beside=raw))
    raw = tell(figure("segments.raw_views", _times(runs, _raw(_RAW_VIEWS)), "ms"))
    yield raw
    for name, rules in BEHAVIOUR.items():
        yield tell(figure(f"segments.{name}", _times(runs, _count(rules)), "ms", beside=raw))
    raw = tell(figure("segments.raw_history", _times(runs, _raw(_RAW_HISTORY)), "ms"))
    yield raw
    hundred = _times(runs, _one_customer(profiles // 2))
    yield tell(figure("segments.one_in_100", hundred, "ms", beside=raw))


def _leaf(criterion: str, operator: str, **values: Any) -> dict[str, Any]:
    return {"criterion": criterion, "operator": operator, **values}


FROM_FRANCE = _leaf("profile.country", "is", value="FR")
ATTRIBUTES = {
    "attributes": {
        "and": [
            FROM_FRANCE,
            _leaf("profile.gender", "is", value="female"),
            {"not": _leaf("profile.last_seen", "before_days", days=180)},
        ]
    },
    "custom_attributes": {
        "and": [
            FROM_FRANCE,
            _leaf("attribute.number", "at_least", attribute=CHILDREN, value=2),
            _leaf("consent.stand", "granted", channel="email", purpose="marketing"),
        ]
    },
    "birthdays": _leaf("profile.birthday", "next_days", days=30),
}
_PRODUCT = {"sku": "SKU-7"}
BEHAVIOUR = {
    "behaviour": _leaf(
        "activity.done", "at_least", value=2, event="product-viewed", days=90, **_PRODUCT
    ),
    "not_bought": _leaf("orders.viewed_not_bought", "is", days=30, **_PRODUCT),
    "bought": _leaf("orders.bought", "at_least", value=1, days=90, **_PRODUCT),
    "orders": {"and": [_leaf("orders.placed", "at_least", value=2, days=30), FROM_FRANCE]},
    "funnel": _leaf(
        "activity.funnel", "did", event="product-added", then="order-completed", within=2, days=30
    ),
}

_RAW_PROFILES = "SELECT count(*) FROM profiles_profile WHERE country = 'FR' AND gender = 'female'"
_RAW_VIEWS = (
    "SELECT count(DISTINCT profile_id) FROM profiles_activity WHERE name = 'product-viewed'"
    " AND sku = 'SKU-7' AND occurred_at > now() - interval '90 days'"
)
_RAW_HISTORY = (
    "SELECT count(*) FROM orders_order o JOIN profiles_activity a USING (profile_id)"
    " WHERE o.profile_id = (SELECT max(id) / 2 FROM profiles_profile)"
)


def _times(runs: int, look: Callable[[int], None]) -> list[float]:
    """Milliseconds of each run; the first one, which fills caches, is not counted."""
    found = []
    for run in range(runs + 1):
        begun = time.perf_counter()
        look(run)
        found.append((time.perf_counter() - begun) * 1000)
    return found[1:]


def _raw(statement: str) -> Callable[[int], None]:
    def look(_run: int) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(statement)
            cursor.fetchone()

    return look


def _count(rules: dict[str, Any]) -> Callable[[int], None]:
    from django.utils.timezone import now

    from profiles.queries import segments_checking, segments_counting

    def look(_run: int) -> None:
        found = segments_checking.checked(rules)
        segments_counting.count(found.tree, at=now(), seconds=600)

    return look


def _one_customer(profile_id: int) -> Callable[[int], None]:
    """The keeper's own look: members, flips, history, all in one transaction."""
    from django.utils.timezone import now

    from profiles.models import Segment
    from profiles.services import segments, segments_keeping

    for number in range(SEGMENTS):
        segments.create_segment(f"Segment {number}", rules=_varied(number))
    Segment.objects.update(state=Segment.State.CURRENT)
    ids = list(Segment.objects.values_list("pk", flat=True))

    # As on every day: who is where is known, and something happened that may change it.
    segments_keeping.refresh(ids, profile_ids=[profile_id], cause="rules", at=now(), is_told=False)

    def look(_run: int) -> None:
        segments_keeping.refresh(ids, profile_ids=[profile_id], cause="event", at=now())

    return look


def _varied(number: int) -> dict[str, Any]:
    """Rules as companies write them: a bit of everything."""
    some = [
        _leaf("profile.country", "is", value=COUNTRIES[number % len(COUNTRIES)]),
        _leaf("figures.orders", "at_least", value=1 + number % 5),
        _leaf("orders.placed", "at_least", value=1 + number % 3, days=30 + number),
        _leaf("activity.done", "at_least", value=1, event="product-viewed", sku=f"SKU-{number}"),
        _leaf("profile.last_seen", "last_days", days=1 + number),
        _leaf("figures.last_order", "before_days", days=10 + number),
    ]
    return {"or": [{"and": [some[number % 6], some[(number + 1) % 6]]}, some[(number + 2) % 6]]}
