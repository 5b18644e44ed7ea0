"""Which profile stands for which, and what merging two of them would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from company import queries as company
from company.types import AgentInfo
from profiles import extensions
from profiles.models import Merge, Profile

MERGE = "profiles.merge_profile"

_SURVIVOR = """
WITH RECURSIVE chain (id, next, depth) AS (
    SELECT id, merged_into_id, 0 FROM profiles_profile WHERE id = %s
    UNION ALL
    SELECT p.id, p.merged_into_id, chain.depth + 1
    FROM chain JOIN profiles_profile p ON p.id = chain.next
)
SELECT id FROM chain ORDER BY depth DESC LIMIT 1
"""

_MEMBERS = """
WITH RECURSIVE member (id) AS (
    SELECT id FROM profiles_profile WHERE merged_into_id = ANY(%s)
    UNION ALL
    SELECT p.id FROM member JOIN profiles_profile p ON p.merged_into_id = member.id
)
SELECT id FROM member ORDER BY id
"""


def survivor(profile_id: int) -> int:
    """The living profile which stands for this one: itself, unless it was merged. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_SURVIVOR, [profile_id])
        found = cursor.fetchone()
    return int(found[0]) if found else profile_id


def merged_from(profile_ids: Iterable[int]) -> dict[int, list[int]]:
    """The profiles which went into each of these, however often in between. One query."""
    wanted = list(profile_ids)
    with connection.cursor() as cursor:
        cursor.execute(_MERGED_FROM, [wanted])
        found: dict[int, list[int]] = {profile_id: [] for profile_id in wanted}
        for root, profile_id in cursor.fetchall():
            found[root].append(profile_id)
    return found


_MERGED_FROM = """
WITH RECURSIVE member (root, id) AS (
    SELECT merged_into_id, id FROM profiles_profile WHERE merged_into_id = ANY(%s)
    UNION ALL
    SELECT member.root, p.id FROM member JOIN profiles_profile p ON p.merged_into_id = member.id
)
SELECT root, id FROM member ORDER BY root, id
"""


def cluster(profile_id: int) -> list[int]:
    """The survivor of a profile and everybody who went into him, by id. Two queries."""
    root = survivor(profile_id)
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS, [[root]])
        return sorted([root, *(member for (member,) in cursor.fetchall())])


# --- Before: what a merge would do ----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Moving:
    """How many rows of one kind would move."""

    label: str
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What merging one profile into another would move."""

    moving: Sequence[Moving]


def preview(profile_id: int) -> Preview:
    """What would move if this profile went into another. One query per holding with a label."""
    counted = [
        Moving(label=str(holding.label), count=_count(holding, profile_id))
        for holding in sorted(extensions.holdings.all(), key=lambda h: (h.order, h.key))
        if holding.label and not holding.stays
    ]
    return Preview(moving=[line for line in counted if line.count])


def _count(holding: extensions.Holding, profile_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {holding.table} WHERE {holding.column} = %s",  # noqa: S608 - names from the registry
            [profile_id],
        )
        return int(cursor.fetchone()[0])


# --- After: what was merged -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeRow:
    """One merge on a customer's page."""

    id: int
    merged_id: int
    merged_name: str
    survivor_id: int
    trigger: str
    merged_at: datetime
    merged_by: AgentInfo | None
    undone_at: datetime | None
    undone_by: AgentInfo | None
    moved: Sequence[Moving]


def merges_of(profile_id: int, *, limit: int = 20) -> list[MergeRow]:
    """The merges of everybody who is one with this profile now or was, newest first. Four queries."""
    ids = cluster(profile_id)
    rows = list(
        (Merge.objects.filter(survivor_id__in=ids) | Merge.objects.filter(merged_id__in=ids))
        .select_related("merged")
        .order_by("-id")[:limit]
    )
    agents = company.agent_infos(
        {pk for row in rows for pk in (row.merged_by_id, row.undone_by_id) if pk is not None}
    )
    return [_merge_row(row, agents) for row in rows]


def _merge_row(row: Merge, agents: Mapping[int, AgentInfo]) -> MergeRow:
    return MergeRow(
        id=row.pk,
        merged_id=row.merged_id,
        merged_name=row.merged.full_name or f"#{row.merged_id}",
        survivor_id=row.survivor_id,
        trigger=row.trigger,
        merged_at=row.merged_at,
        merged_by=agents.get(row.merged_by_id or 0),
        undone_at=row.undone_at,
        undone_by=agents.get(row.undone_by_id or 0),
        moved=[
            Moving(label=str(holding.label), count=row.moved[holding.key])
            for holding in extensions.holdings.all()
            if holding.label and holding.key in row.moved
        ],
    )


def is_merged(profile_id: int) -> bool:
    """True when the profile is a signpost to another one."""
    return Profile.objects.filter(pk=profile_id, merged_into__isnull=False).exists()
