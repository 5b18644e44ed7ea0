"""A year of customers, orders and behaviour for the benchmarks of segments.

The server makes the rows (`generate_series`) and gets them back by COPY through a pipe, into tables whose
indexes are made afterwards. Each table (of the activities each month) is emptied and filled in one
transaction, so that its rows come in frozen: nobody has to write them a second time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, Any

import psycopg2

from bench.ground import Ground, connect

SPAN_DAYS = 360
PRODUCTS = 500
CHILDREN = "children"
_TABLES = (
    "profiles_profile",
    "profiles_profileshop",
    "profiles_identifier",
    "profiles_attributevalue",
    "profiles_consentstate",
    "profiles_figures",
    "orders_order",
    "orders_orderline",
    "profiles_activity",
)


def seed(ground: Ground, *, profiles: int, orders: int, events: int) -> None:
    """So many customers of one shop, with their orders and what they did; ids begin at 1.

    Some customers are busy and some products are popular: both follow a power of chance. Orders and
    activities lie in the order of their time, as they would have come in.
    """
    values: dict[str, Any] = {
        "shop": ground.shop_id,
        "profiles": profiles,
        "orders": orders,
        "events": events,
        "days": SPAN_DAYS,
        "products": PRODUCTS,
    }
    now = datetime.now(UTC)
    _make_months(now)
    with _bare_tables():
        for table, columns, query in (*_PEOPLE, *_ORDERS):
            _copy(table, columns, query, values)
        for month in _months(now):
            columns, query = _ACTIVITIES
            _copy(month.table, columns, query, values | month.rows(now, of=events))
        _execute(_FIGURES)
        for table in ("profiles_profile", "orders_order", "profiles_activity"):
            _execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"
                f" (SELECT coalesce(max(id), 1) FROM {table}))"
            )
    _execute("VACUUM ANALYZE")


@dataclass(frozen=True)
class _Month:
    """The part of the activities that lies in one partition."""

    table: str
    begin: datetime
    end: datetime

    def rows(self, now: datetime, *, of: int) -> dict[str, Any]:
        """Which of so many activities, evenly spread until now, are of this month."""
        return {
            "first": max(1, self._number(self.begin, now, of)),
            "last": min(of, self._number(self.end, now, of) + 1),
            "begin": self.begin,
            "end": self.end,
            "now": now,
        }

    def _number(self, at: datetime, now: datetime, of: int) -> int:
        return int((1 + of) * (1 - (now - at) / timedelta(days=SPAN_DAYS)))


def _months(now: datetime) -> list[_Month]:
    from profiles.services import months

    found = months.months_between(now - timedelta(days=SPAN_DAYS + 1), last=now)
    edges = [datetime(day.year, day.month, 1, tzinfo=UTC) for day in found]
    ends = [*edges[1:], now + timedelta(days=1)]
    return [
        _Month(f"profiles_activity_y{begin:%Y}m{begin:%m}", begin, end)
        for begin, end in zip(edges, ends, strict=True)
    ]


def _make_months(now: datetime) -> None:
    from profiles.services import months

    months.ensure_months(months.months_between(now - timedelta(days=SPAN_DAYS + 1), last=now))


@contextmanager
def _bare_tables() -> Iterator[None]:
    """Empty tables without secondary indexes; they are made when the block ends."""
    _execute(f"TRUNCATE {', '.join(_TABLES)}, kernel_eventrecord CASCADE")
    connection = connect()
    with connection, connection.cursor() as cursor:
        cursor.execute(_INDEXES, [list(_TABLES)])
        found = cursor.fetchall()
        for name, _text in found:
            cursor.execute(f'DROP INDEX "{name}"')
    connection.close()
    yield
    for _name, text in found:
        _execute(text.replace(" ON ONLY ", " ON "))


_INDEXES = """
SELECT i.indexname, i.indexdef FROM pg_indexes i
WHERE i.schemaname = 'public' AND i.tablename = ANY(%s) AND NOT EXISTS (
    SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname
)
ORDER BY i.indexname
"""


def _copy(table: str, columns: str, query: str, values: dict[str, Any]) -> None:
    """From one connection into another, as fast as both go."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb") as target:
        giver = threading.Thread(target=_give, args=(query, values, target))
        giver.start()
        connection = connect()
        with connection, connection.cursor() as cursor:
            _skip_checks(cursor)
            cursor.execute(f"TRUNCATE {table} CASCADE")
            cursor.copy_expert(
                f"COPY {table} ({columns}) FROM STDIN (FORMAT binary, FREEZE)", source
            )
        connection.close()
        giver.join()


def _skip_checks(cursor: Any) -> None:
    """The rows fit together: where we may say so, nobody looks up each customer of each order."""
    cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
    if cursor.fetchone()[0]:
        cursor.execute("SET session_replication_role = replica")


def _give(query: str, values: dict[str, Any], target: IO[bytes]) -> None:
    connection = connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT setseed(0.5)")
            text = cursor.mogrify(query, values).decode()
            cursor.copy_expert(f"COPY ({text}) TO STDOUT (FORMAT binary)", target)
    finally:
        target.close()
        connection.close()


def _execute(statement: str) -> None:
    connection: psycopg2.extensions.connection = connect()
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '1GB'")
            cursor.execute("SET work_mem = '512MB'")
            cursor.execute(statement)
    finally:
        connection.close()


# One customer in three of a shop is a woman, one a man; half of them live in France.
_PEOPLE = (
    (
        "profiles_profile",
        (
            "id, first_name, last_name, search_name, locale, country, city, gender, birthday, timezone,"
            " currency, source, created_at, first_seen_at, last_seen_at"
        ),
        """
        SELECT n::bigint, 'Ana', 'Durand' || n, 'ana durand' || n, 'fr-FR',
               (ARRAY['FR','FR','FR','BE','CH','DE'])[1 + floor(random() * 6)::int]::varchar,
               (ARRAY['Lyon','Paris','Liège','Genève','Köln','Metz'])[1 + floor(random() * 6)::int]::varchar,
               (ARRAY['female','male',''])[1 + floor(random() * 3)::int]::varchar,
               date '1950-01-01' + floor(random() * 20000)::int, '', 'EUR', 'bench',
               s.at, s.at, s.at + (now() - s.at) * power(random(), 2)
        FROM generate_series(1, %(profiles)s) n, LATERAL (
            SELECT now() - %(days)s * random() * interval '1 day' + 0 * n * interval '1 day' AS at
        ) s
        """,
    ),
    (
        "profiles_profileshop",
        "profile_id, shop_id, since, stage, is_stage_fixed",
        """
        SELECT n::bigint, %(shop)s::bigint, now(),
               (ARRAY['lead','new','active','loyal','at_risk','lost'])[1 + floor(random() * 6)::int]::varchar,
               false
        FROM generate_series(1, %(profiles)s) n
        """,
    ),
    (
        "profiles_identifier",
        "profile_id, kind, value, is_key, is_verified, source, first_seen_at, last_seen_at",
        """
        SELECT n::bigint, 'email', 'ana' || n || '@example.org', true, random() < 0.5, 'bench', now(), now()
        FROM generate_series(1, %(profiles)s) n
        """,
    ),
    (
        "profiles_attributevalue",
        "profile_id, attribute_id, number, source, changed_at",
        """
        SELECT n::bigint, a.id, floor(random() * 5)::numeric, 'bench', now()
        FROM generate_series(1, %(profiles)s) n, profiles_attribute a
        WHERE a.key = 'children' AND n %% 3 = 0
        """,
    ),
    (
        "profiles_consentstate",
        "profile_id, shop_id, channel, purpose, stand",
        """
        SELECT n::bigint, %(shop)s::bigint, 'email', 'marketing',
               floor(random() * 3)::bigint * 1000000000000000 + n
        FROM generate_series(1, %(profiles)s) n WHERE n %% 5 <> 0
        """,
    ),
)
_ORDERS = (
    (
        "orders_order",
        (
            "id, shop_id, profile_id, external_id, number, status, currency, placed_at, items_count,"
            " revision, items_total, discount_total, shipping_total, tax_total, grand_total,"
            " refunded_total, mismatches, document, received_at, changed_at"
        ),
        """
        SELECT n::bigint, %(shop)s::bigint,
               1 + floor(power(random(), 1.5) * %(profiles)s)::bigint,
               'b' || n, 'B-' || n,
               (ARRAY['completed','completed','completed','completed','completed','completed','delivered',
                      'shipped','paid','cancelled'])[1 + floor(random() * 10)::int]::varchar,
               'EUR', s.at, 1, 1, s.total, 0::numeric, 0::numeric, 0::numeric, s.total, 0::numeric,
               '{}'::varchar[],
               '{"note": "", "payment": "card", "discounts": [], "shipping": {"method": "home"}}'::jsonb,
               s.at, s.at
        FROM generate_series(1, %(orders)s) n, LATERAL (
            SELECT now() - %(days)s * (1 - n / (1.0 + %(orders)s)) * interval '1 day' AS at,
                   (20 + floor(random() * 180) + 0 * n)::numeric AS total
        ) s
        """,
    ),
    (
        "orders_orderline",
        "order_id, position, sku, name, quantity, unit_price, discount, tax, total",
        """
        SELECT n::bigint, p::smallint, 'SKU-' || floor(power(random(), 2) * %(products)s)::int,
               'A pullover', 1::numeric, 50::numeric, 0::numeric, 0::numeric, 50::numeric
        FROM generate_series(1, %(orders)s) n, generate_series(0, (n %% 2)::int) p
        """,
    ),
)
_ACTIVITIES = (
    "profile_id, shop_id, name, occurred_at, received_at, sku, properties",
    """
    SELECT 1 + floor(power(random(), 1.5) * %(profiles)s)::bigint, %(shop)s::bigint,
           CASE WHEN s.dice < 0.5 THEN 'page-viewed' WHEN s.dice < 0.85 THEN 'product-viewed'
                WHEN s.dice < 0.92 THEN 'product-added' WHEN s.dice < 0.95 THEN 'checkout-started'
                WHEN s.dice < 0.97 THEN 'order-completed' ELSE 'product-searched' END::varchar,
           s.at, s.at,
           CASE WHEN s.dice >= 0.5 AND s.dice < 0.92
                THEN 'SKU-' || floor(power(random(), 2) * %(products)s)::int END::varchar,
           '{"path": "/"}'::jsonb
    FROM generate_series(%(first)s, %(last)s) n, LATERAL (
        SELECT %(now)s - %(days)s * (1 - n / (1.0 + %(events)s)) * interval '1 day' AS at,
               random() + 0 * n AS dice
    ) s
    WHERE s.at >= %(begin)s AND s.at < %(end)s
    """,
)
_FIGURES = """
INSERT INTO profiles_figures
    (profile_id, shop_id, currency, orders_count, revenue, first_order_at, last_order_at)
SELECT profile_id, shop_id, currency, count(*), sum(grand_total), min(placed_at), max(placed_at)
FROM orders_order WHERE status <> 'cancelled' GROUP BY 1, 2, 3
"""
