"""How many customers fulfil rules: a guess at once, the truth within a limit of time, and who."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext as _

from ecrm.kernel.errors import DomainError
from profiles.extensions import Sql
from profiles.queries import segments_compiling as compiling
from profiles.queries.criteria.sql import sql
from profiles.queries.segments_compiling import Compiler, Library
from profiles.rules import segments as rules

LIVE_SECONDS = 10
AUDIT_SECONDS = 600
SAMPLE = 10
# How PostgreSQL calls a statement that took too long.
CANCELLED = "57014"
# Sets of customers are hashed in memory: a million of them take 40 MB. What is looked up there lies in
# memory, not on turning disks. Counting by sorting reads memory in order, which measured two to three
# times as fast as by hashing; compiling to machine code takes longer than it saves.
SETTINGS = {
    "work_mem": "256MB",
    "random_page_cost": "1.1",
    "enable_hashagg": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "1",
}
_SET = "SELECT set_config(name, value, true) FROM unnest(%s::text[], %s::text[]) AS s (name, value)"
_RESET = "SELECT set_config(name, reset_val, true) FROM pg_settings WHERE name = ANY(%s)"


class TooSlow(DomainError):
    """Counting took longer than we allow."""

    code = "segment_too_slow"
    status = 422


@dataclass(frozen=True, slots=True)
class Count:
    """How many, and how many milliseconds it took to find out."""

    number: int
    milliseconds: float


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Inside, statements about whole sets get memory and this much time. Raises TooSlow."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            settings = SETTINGS | {"statement_timeout": f"{seconds}s"}
            cursor.execute(_SET, [list(settings), list(settings.values())])
            yield
            # Inside a longer transaction the limits would outlive the block.
            cursor.execute(_RESET, [list(settings)])
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", None) != CANCELLED:
            raise
        text = _("This takes longer than %(seconds)s seconds. Narrow it down.")
        raise TooSlow(text % {"seconds": seconds}) from error


def count(
    tree: rules.Node,
    *,
    at: datetime,
    shop_id: int | None = None,
    others: Library | None = None,
    seconds: int = LIVE_SECONDS,
) -> Count:
    """The exact number of customers who fulfil the rules. Raises TooSlow."""
    query = _members(tree, at=at, shop_id=shop_id, others=others)
    begun = time.perf_counter()
    with limited(seconds), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({query.text}) m", query.params)  # noqa: S608 - compiled
        (number,) = cursor.fetchone()
    return Count(number, round((time.perf_counter() - begun) * 1000, 1))


def estimate(
    tree: rules.Node, *, at: datetime, shop_id: int | None = None, others: Library | None = None
) -> int:
    """The planner's guess, in a few milliseconds."""
    query = _members(tree, at=at, shop_id=shop_id, others=others)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {query.text}", query.params)
        (plan,) = cursor.fetchone()
    found = json.loads(plan) if isinstance(plan, str) else plan
    return int(found[0]["Plan"]["Plan Rows"])


def sample(
    tree: rules.Node,
    *,
    at: datetime,
    shop_id: int | None = None,
    others: Library | None = None,
    limit: int = SAMPLE,
) -> list[int]:
    """The ids of those who were seen last among whoever fulfils the rules. Raises TooSlow."""
    query = sql(
        "{} ORDER BY p.last_seen_at DESC, p.id DESC LIMIT {}",
        _members(tree, at=at, shop_id=shop_id, others=others),
        limit,
    )
    with limited(LIVE_SECONDS), connection.cursor() as cursor:
        cursor.execute(query.text, query.params)
        return [profile_id for (profile_id,) in cursor.fetchall()]


_DIFFERENCE = """
WITH wanted AS MATERIALIZED ({}), kept AS (
    SELECT profile_id FROM profiles_membership WHERE segment_id = {}
)
SELECT w.id, k.profile_id FROM wanted w FULL JOIN kept k ON k.profile_id = w.id
WHERE w.id IS NULL OR k.profile_id IS NULL
"""


def difference(
    segment: compiling.Known, *, at: datetime, others: Library, seconds: int = AUDIT_SECONDS
) -> tuple[set[int], set[int]]:
    """Who should be kept as a member and is not, and who is and should not. Raises TooSlow."""
    if segment.tree is None:
        return set(), set()
    query = sql(
        _DIFFERENCE,
        _members(
            segment.tree,
            at=at,
            shop_id=segment.shop_id,
            others=others,
            inside=frozenset({segment.id}),
        ),
        segment.id,
    )
    with limited(seconds), connection.cursor() as cursor:
        cursor.execute(query.text, query.params)
        rows = cursor.fetchall()
    missing = {wanted for wanted, kept in rows if kept is None}
    surplus = {kept for wanted, kept in rows if wanted is None}
    return missing, surplus


def _members(
    tree: rules.Node,
    *,
    at: datetime,
    shop_id: int | None,
    others: Library | None,
    inside: frozenset[int] = frozenset(),
) -> Sql:
    known = compiling.library() if others is None else others
    compiler = Compiler(at=at, shop_id=shop_id, library=known, inside=inside)
    return compiling.members(tree, compiler=compiler)
