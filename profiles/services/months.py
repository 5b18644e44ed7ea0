"""The monthly partitions of the activity table: made ahead by the clock, and on demand for other months."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from django.db import OperationalError, connection, transaction

MONTHS_AHEAD = 3
EARLIEST = date(2010, 1, 1)
LATEST = date(2100, 1, 1)

# Known to exist because a transaction that saw them has committed.
_known: set[date] = set()


def month_of(moment: datetime) -> date:
    """The first day of the month in UTC: the partition a moment belongs to."""
    return moment.astimezone(UTC).date().replace(day=1)


def months_between(first: datetime, *, last: datetime) -> list[date]:
    """Every month from one moment to another, both included."""
    month, end = month_of(first), month_of(last)
    found = [month]
    while month < end:
        month = _following(month)
        found.append(month)
    return found


def ensure_months(months: Iterable[date]) -> None:
    """Make the partitions of these months unless they exist.

    Call it before writing activities, outside the write's own statements: a partition is made beside the
    table and attached, so that nobody who reads or writes other months waits. Raises ValueError for months
    outside EARLIEST and LATEST.
    """
    for month in sorted(set(months) - _known):
        if not EARLIEST <= month < LATEST:
            raise ValueError(f"{month} is out of bounds for activities.")
        _ensure(month)
        transaction.on_commit(lambda month=month: _known.add(month))  # type: ignore[misc] # the default binds the month


def ensure_ahead(*, at: datetime) -> None:
    """Make the partitions of this month and the next ones."""
    month = month_of(at)
    ahead = [month]
    for _number in range(MONTHS_AHEAD):
        ahead.append(_following(ahead[-1]))
    ensure_months(ahead)


def months_before(moment: datetime) -> list[date]:
    """The months with a partition that ended before this moment, the oldest first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'profiles_activity'::regclass ORDER BY c.relname"
        )
        names = [row[0] for row in cursor.fetchall()]
    months = [date(int(name[-7:-3]), int(name[-2:]), 1) for name in names]
    return [month for month in months if _following(month) <= month_of(moment)]


def empty_month(month: date) -> int:
    """Forget all activities of a month at once. Returns how many; 0 when somebody reads them just now.

    The partition stays: whoever knows that it exists may go on writing.
    """
    name = f"profiles_activity_y{month:%Y}m{month:%m}"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {name}")  # noqa: S608 - made of a date
            count = int(cursor.fetchone()[0])
            if count:
                cursor.execute("SET LOCAL lock_timeout = '3s'")
                cursor.execute(f"TRUNCATE {name}")
                cursor.execute("SET LOCAL lock_timeout = '0'")
    except OperationalError:
        return 0
    return count


def forget_months() -> None:
    """Look at the database again: another one may be in use."""
    _known.clear()


@transaction.atomic
def _ensure(month: date) -> None:
    name = f"profiles_activity_y{month:%Y}m{month:%m}"
    if _exists(name):
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('profiles.activity-months'))")
        if _exists(name):
            return
        cursor.execute(
            f"CREATE TABLE {name} (LIKE profiles_activity INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
        )
        cursor.execute(
            f"ALTER TABLE profiles_activity ATTACH PARTITION {name}"
            f" FOR VALUES FROM ('{month} 00:00+00') TO ('{_following(month)} 00:00+00')"
        )


def _exists(name: str) -> bool:
    """Whether the partition is there; to_regclass would answer from a cache older than our lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_class WHERE relname = %s"
            " AND relnamespace = current_schema()::regnamespace)",
            [name],
        )
        return bool(cursor.fetchone()[0])


def _following(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
