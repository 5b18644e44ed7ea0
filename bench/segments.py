"""Segments over many customers, orders and views, beside the plain count of the same rows."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from bench.figures import Figure, figure, tell
from bench.ground import Ground, connect

CHUNK = 20_000
SPAN_DAYS = 360
PRODUCTS = 500
SEGMENTS = 100
COUNTRIES = ("FR", "FR", "FR", "BE", "CH", "DE")


def measure(
    ground: Ground, *, profiles: int, orders: int, events: int, runs: int
) -> Iterator[Figure]:
    """Milliseconds of an attribute segment, of a behaviour segment, of one customer in 100 segments."""
    _seed(ground, profiles=profiles, orders=orders, events=events)
    raw = tell(figure("segments.raw_profiles", _times(runs, _raw(_RAW_PROFILES)), "ms"))
    yield raw
    yield tell(figure("segments.attributes", _times(runs, _count(ATTRIBUTES)), "ms", beside=raw))
    raw = tell(figure("segments.raw_views", _times(runs, _raw(_RAW_VIEWS)), "ms"))
    yield raw
    yield tell(figure("segments.behaviour", _times(runs, _count(BEHAVIOUR)), "ms", beside=raw))
    yield tell(figure("segments.orders", _times(runs, _count(ORDERS)), "ms", beside=raw))
    raw = tell(figure("segments.raw_history", _times(runs, _raw(_RAW_HISTORY)), "ms"))
    yield raw
    hundred = _times(runs, _one_customer())
    yield tell(figure("segments.one_in_100", hundred, "ms", beside=raw))


def _leaf(criterion: str, operator: str, **values: Any) -> dict[str, Any]:
    return {"criterion": criterion, "operator": operator, **values}


ATTRIBUTES = {
    "and": [
        _leaf("profile.country", "is", value="FR"),
        _leaf("profile.gender", "is", value="female"),
        {"not": _leaf("profile.last_seen", "before_days", days=180)},
    ]
}
BEHAVIOUR = _leaf(
    "activity.done", "at_least", value=2, event="product-viewed", sku="SKU-7", days=90
)
ORDERS = {
    "and": [
        _leaf("orders.placed", "at_least", value=2, days=30),
        _leaf("profile.country", "is", value="FR"),
    ]
}

_RAW_PROFILES = "SELECT count(*) FROM profiles_profile WHERE country = 'FR' AND gender = 'female'"
_RAW_VIEWS = (
    "SELECT count(DISTINCT profile_id) FROM profiles_activity WHERE name = 'product-viewed'"
    " AND sku = 'SKU-7' AND occurred_at > now() - interval '90 days'"
)
_RAW_HISTORY = (
    "SELECT count(*) FROM orders_order o JOIN profiles_activity a USING (profile_id)"
    " WHERE o.profile_id = 17"
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


def _one_customer() -> Callable[[int], None]:
    """The keeper's own look: members, flips, history, all in one transaction."""
    from django.utils.timezone import now

    from profiles.models import Segment
    from profiles.services import segments, segments_keeping

    for number in range(SEGMENTS):
        segments.create_segment(f"Segment {number}", rules=_varied(number))
    Segment.objects.update(state=Segment.State.CURRENT)
    ids = list(Segment.objects.values_list("pk", flat=True))

    # As on every day: who is where is known, and something happened that may change it.
    segments_keeping.refresh(ids, profile_ids=[17], cause="rules", at=now(), is_told=False)

    def look(_run: int) -> None:
        segments_keeping.refresh(ids, profile_ids=[17], cause="event", at=now())

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


# --- Seeding --------------------------------------------------------------------------------------


def _seed(ground: Ground, *, profiles: int, orders: int, events: int) -> None:
    """Customers, their orders and views of a year, by COPY; numbers begin at 1."""
    from profiles.services import months

    dice, now = random.Random(7), datetime.now(UTC)
    begin = now - timedelta(days=SPAN_DAYS + 1)
    months.ensure_months(months.months_between(begin, last=now))
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE profiles_profile, orders_order, profiles_activity, kernel_eventrecord CASCADE"
        )

        def copy(table: str, columns: str, rows: Iterable[str]) -> None:
            for text in _chunks(rows):
                cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", StringIO(text))

        copy("profiles_profile", _PROFILE, _profiles(profiles, dice, now))
        copy(
            "profiles_profileshop",
            "profile_id, shop_id, since",
            (f"{number}\t{ground.shop_id}\t{now:%F}\n" for number in range(1, profiles + 1)),
        )
        copy("orders_order", _ORDER, _orders(orders, profiles, ground.shop_id, dice, now))
        copy("profiles_activity", _ACTIVITY, _views(events, profiles, ground.shop_id, dice, now))
        cursor.execute(_FIGURES)
        for table in ("profiles_profile", "orders_order", "profiles_activity"):
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            )
    connection = connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.close()


_PROFILE = (
    "id, first_name, last_name, search_name, locale, country, city, gender, source,"
    " created_at, first_seen_at, last_seen_at"
)
_ORDER = (
    "shop_id, profile_id, external_id, number, status, currency, placed_at, items_count, revision,"
    " items_total, discount_total, shipping_total, tax_total, grand_total, refunded_total,"
    " mismatches, document, received_at, changed_at"
)
_ACTIVITY = "profile_id, shop_id, name, occurred_at, received_at, sku, properties"
_FIGURES = """
INSERT INTO profiles_figures
    (profile_id, shop_id, currency, orders_count, revenue, first_order_at, last_order_at)
SELECT profile_id, shop_id, currency, count(*), sum(grand_total), min(placed_at), max(placed_at)
FROM orders_order GROUP BY 1, 2, 3
"""


def _profiles(count: int, dice: random.Random, now: datetime) -> Iterator[str]:
    for number in range(1, count + 1):
        seen = now - timedelta(days=dice.randrange(SPAN_DAYS))
        country, gender = dice.choice(COUNTRIES), dice.choice(("female", "male", ""))
        yield (
            f"{number}\tAna\tDurand{number}\tana durand{number}\tfr-FR\t{country}\tLyon\t{gender}"
            f"\tbench\t{seen}\t{seen}\t{seen}\n"
        )


def _orders(
    count: int, profiles: int, shop_id: int, dice: random.Random, now: datetime
) -> Iterator[str]:
    for number in range(1, count + 1):
        at = now - timedelta(minutes=dice.randrange(SPAN_DAYS * 1440))
        total = dice.randrange(20, 200)
        yield (
            f"{shop_id}\t{dice.randint(1, profiles)}\tb{number}\tB-{number}\tpaid\tEUR\t{at}\t1\t1"
            f"\t{total}\t0\t0\t0\t{total}\t0\t{{}}\t{{}}\t{at}\t{at}\n"
        )


def _views(
    count: int, profiles: int, shop_id: int, dice: random.Random, now: datetime
) -> Iterator[str]:
    for _number in range(count):
        at = now - timedelta(minutes=dice.randrange(SPAN_DAYS * 1440))
        name = "product-viewed" if dice.random() < 0.7 else "page-viewed"
        sku = f"SKU-{dice.randrange(PRODUCTS)}" if name == "product-viewed" else "\\N"
        yield f"{dice.randint(1, profiles)}\t{shop_id}\t{name}\t{at}\t{at}\t{sku}\t{{}}\n"


def _chunks(rows: Iterable[str]) -> Iterator[str]:
    chunk: list[str] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield "".join(chunk)
            chunk = []
    if chunk:
        yield "".join(chunk)
