"""Following what happens: facts are read from the log, and touch only the segments that ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, QuerySet
from django.utils.timezone import now

from ecrm.kernel import doorbell
from ecrm.kernel.models import EventRecord
from profiles.events import MergeUndone, ProfilesMerged, SegmentEntered, SegmentLeft
from profiles.extensions import ANY_FACT
from profiles.models import (
    Activity,
    MembershipChange,
    Segment,
    SegmentCursor,
    SegmentFlip,
    SegmentTouch,
)
from profiles.services import segments_keeping as keeping

BELL = "segments"
BATCH = 500
# Facts after which everything about a customer may be another.
_UPHEAVALS = frozenset({ProfilesMerged.name, MergeUndone.name})
_OWN = frozenset({SegmentEntered.name, SegmentLeft.name})
EVERYTHING = "everything"
# Facts which "any fact" does not stand for.
NAMED_ONLY = ("activity:", "night:")
# A door told more about somebody: nothing but criteria of any fact asks for it.
TOLD = "told"

_NUMBERS = tuple[int, int, int]  # low, high, transaction


@dataclass(frozen=True, slots=True)
class Log:
    """A growing table of facts: `columns` gives id, name, profile and, after a merge, the other one."""

    name: str
    table: str
    columns: str


EVENTS = Log(
    "events",
    "kernel_eventrecord",
    "t.id, t.name, t.profile_id, (t.payload ->> 'merged_profile_id')::bigint",
)
ACTIVITY = Log(
    "activity", "profiles_activity", "t.id, 'activity:' || t.name, t.profile_id, NULL::bigint"
)
_ROWS: Mapping[str, Callable[[], QuerySet[Any]]] = {
    EVENTS.name: EventRecord.objects.all,
    ACTIVITY.name: Activity.objects.all,
}


@transaction.atomic
def begin_following() -> None:
    """Remember where the logs stand now, unless we follow them already."""
    for name, rows in _ROWS.items():
        if not SegmentCursor.objects.filter(name=name).exists():
            newest = rows().aggregate(newest=Max("pk"))["newest"] or 0
            SegmentCursor.objects.get_or_create(name=name, defaults={"position": newest})


_TOUCH = """
INSERT INTO profiles_segmenttouch (profile_id, fact)
SELECT p, f FROM unnest(%s::bigint[]) AS p, unnest(%s::text[]) AS f
"""


@transaction.atomic
def touch_segments(profile_ids: Iterable[int], *, facts: Iterable[str] = (EVERYTHING,)) -> None:
    """Have the segments of these customers looked at again; for changes which no event tells.

    `facts` are names which criteria declare; without them every segment is looked at.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TOUCH, [sorted(set(profile_ids)), sorted(set(facts))])
    doorbell.ring(BELL)


def touch_where_asked(profile_ids: Iterable[int], *, fact: str) -> None:
    """The same for what the night changed of very many, unless no segment asks for the fact."""
    if Segment.objects.in_use().filter(facts__contains=[fact]).exists():
        touch_segments(profile_ids, facts=[fact])


def follow(*, at: datetime | None = None, limit: int = BATCH) -> bool:
    """Look at whatever the newest facts touch. True when more may wait."""
    moment = at or now()
    if not SegmentCursor.objects.exists():
        return False
    return any(
        [_follow(log, moment, limit) for log in (EVENTS, ACTIVITY)] + [_touched(moment, limit)]
    )


@transaction.atomic
def flip_due(*, at: datetime | None = None, limit: int = BATCH) -> bool:
    """Look at the customers whose membership time alone may have changed. True when more wait."""
    moment = at or now()
    due = list(
        SegmentFlip.objects.filter(flips_at__lte=moment)
        .order_by("flips_at")
        .values_list("segment_id", "profile_id")[:limit]
    )
    by_segment: dict[int, set[int]] = {}
    for segment_id, profile_id in due:
        by_segment.setdefault(segment_id, set()).add(profile_id)
    keeping.lock(by_segment)
    for segment_id, profile_ids in sorted(by_segment.items()):
        keeping.refresh(
            [segment_id],
            profile_ids=profile_ids,
            cause=MembershipChange.Cause.TIME,
            at=moment,
        )
    # Whatever was looked at has a later moment or none; what is left belongs to nobody any more.
    SegmentFlip.objects.filter(flips_at__lte=moment, segment__in=list(by_segment)).filter(
        profile__in={profile_id for _segment_id, profile_id in due}
    ).delete()
    return len(due) == limit


# --- Reading a log without missing late numbers ---------------------------------------------------

_READ = """
WITH now AS (
    SELECT pg_snapshot_xmin(s)::text::bigint AS oldest, pg_snapshot_xmax(s)::text::bigint AS next
    FROM pg_current_snapshot() s
), fresh AS (
    SELECT {columns} FROM {table} t WHERE t.id > %(position)s ORDER BY t.id LIMIT %(limit)s
), late AS (
    SELECT {columns} FROM unnest(%(lows)s::bigint[], %(highs)s::bigint[]) AS gap (low, high)
    JOIN {table} t ON t.id BETWEEN gap.low AND gap.high
)
SELECT now.oldest, now.next, f.* FROM now
LEFT JOIN (SELECT * FROM fresh UNION ALL SELECT * FROM late) AS f (id, name, profile_id, other_id) ON true
"""


@transaction.atomic
def _follow(log: Log, at: datetime, limit: int) -> bool:
    cursor = SegmentCursor.objects.select_for_update(of=("self",)).filter(name=log.name).first()
    if cursor is None:
        return False
    oldest, following, rows = _read(log, cursor, limit)
    touched: dict[int, set[str]] = {}
    for _id, name, profile_id, other_id in rows:
        for person in (profile_id, other_id):
            if person is not None and name not in _OWN:
                touched.setdefault(person, set()).add(EVERYTHING if name in _UPHEAVALS else name)
    _look(touched, at)
    fresh = sorted(row[0] for row in rows if row[0] > cursor.position)
    cursor.gaps = [
        *_still_open(cursor.gaps, {row[0] for row in rows}, oldest=oldest, following=following),
        *_new_gaps(cursor.position, fresh),
    ]
    cursor.position = fresh[-1] if fresh else cursor.position
    cursor.save()
    return len(fresh) == limit


_Row = tuple[int, str, int | None, int | None]


def _read(log: Log, cursor: SegmentCursor, limit: int) -> tuple[int, int, list[_Row]]:
    text = _READ.format(columns=log.columns, table=log.table)
    values: dict[str, Any] = {
        "position": cursor.position,
        "limit": limit,
        "lows": [low for low, _high, _next in cursor.gaps],
        "highs": [high for _low, high, _next in cursor.gaps],
    }
    with connection.cursor() as database:
        database.execute(text, values)
        found = database.fetchall()
    oldest, following = found[0][:2]
    return oldest, following, [row[2:] for row in found if row[2] is not None]


def _new_gaps(position: int, numbers: list[int]) -> list[_NUMBERS]:
    """Missing numbers; the transaction is noted at the next look, when it certainly has begun."""
    found: list[_NUMBERS] = []
    for number in numbers:
        if number > position + 1:
            found.append((position + 1, number - 1, 0))
        position = number
    return found


def _still_open(
    gaps: Iterable[_NUMBERS], found: set[int], *, oldest: int, following: int
) -> list[_NUMBERS]:
    """What is left of gaps without the numbers that came; a gap nobody can fill any more is closed."""
    still: list[_NUMBERS] = []
    for low, high, waits_for in gaps:
        if waits_for and oldest >= waits_for:
            continue
        start = low
        for number in sorted(number for number in found if low <= number <= high):
            if number > start:
                still.append((start, number - 1, waits_for or following))
            start = number + 1
        if start <= high:
            still.append((start, high, waits_for or following))
    return still


# --- From facts to segments -----------------------------------------------------------------------


@transaction.atomic
def _touched(at: datetime, limit: int) -> bool:
    rows = list(
        SegmentTouch.objects.select_for_update(skip_locked=True, of=("self",)).order_by("pk")[
            :limit
        ]
    )
    touched: dict[int, set[str]] = {}
    for row in rows:
        touched.setdefault(row.profile_id, set()).add(row.fact)
    _look(touched, at)
    SegmentTouch.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows) == limit


def _look(touched: Mapping[int, set[str]], at: datetime) -> None:
    """Look at the segments which ask for one of the facts, each for the customers it concerns."""
    if not touched:
        return
    concerned: dict[frozenset[int], list[int]] = {}
    rows = Segment.objects.in_use().dynamic().order_by("pk").values_list("pk", "facts")
    for segment_id, asks_for in rows:
        facts = frozenset(asks_for)
        people = frozenset(
            profile_id for profile_id, names in touched.items() if _concerns(facts, names)
        )
        if people:
            concerned.setdefault(people, []).append(segment_id)
    keeping.lock(segment_id for ids in concerned.values() for segment_id in ids)
    for profile_ids, segment_ids in concerned.items():
        keeping.refresh(
            segment_ids,
            profile_ids=profile_ids,
            cause=MembershipChange.Cause.EVENT,
            at=at,
        )


def _concerns(facts: frozenset[str], names: set[str]) -> bool:
    """What is asked for by name only (a site's visits, the night's work) is none of `any fact`."""
    if EVERYTHING in names or not facts.isdisjoint(names):
        return True
    return facts >= ANY_FACT and any(not name.startswith(NAMED_ONLY) for name in names)
