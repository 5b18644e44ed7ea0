"""Reading segments: for their pages, for the API, and for the list of customers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Lower

from company import queries as company
from ecrm.kernel.prepared import Statement
from profiles.models import (
    ListMember,
    Membership,
    MembershipChange,
    Profile,
    ProfileQuerySet,
    ProfileShop,
    Segment,
    SegmentAudit,
    SegmentQuerySet,
    SegmentVersion,
)

if TYPE_CHECKING:
    from company.types import Agent

VIEW_SEGMENT = "profiles.view_segment"
MANAGE_SEGMENT = "profiles.manage_segment"
DAYS_SHOWN = 30
CHANGES_SHOWN = 50


def visible_segments(agent: Agent, *, code: str = VIEW_SEGMENT) -> SegmentQuerySet:
    """The segments an agent may see, or do with what the permission says.

    Those without a shop speak of all shops: they are for who holds the permission in all of them.
    """
    return Segment.objects.in_use().visible_in(
        company.shop_ids(agent, code), is_everywhere=company.may(agent, code, shop_id=None)
    )


_NAMES = Statement(
    "names_of_visible_segments",
    """
SELECT id, name FROM profiles_segment
WHERE archived_at IS NULL
    AND (shop_id = ANY(%(shop_ids)s::bigint[]) OR shop_id IS NULL AND %(is_everywhere)s::bool)
ORDER BY lower(name), id
""",
)


def names_for(agent: Agent) -> list[tuple[int, str]]:
    """The ids and names of the segments an agent may see, by name. One query."""
    scope = company.scope_of(agent, VIEW_SEGMENT)
    return _NAMES.rows(
        shop_ids=list(company.shop_ids(agent, VIEW_SEGMENT)), is_everywhere=scope.is_everywhere
    )


def for_list(agent: Agent) -> SegmentQuerySet:
    """What the page of segments shows, by name, in one query."""
    return visible_segments(agent).select_related("shop").order_by(Lower("name"), "pk")


@dataclass(frozen=True, kw_only=True, slots=True)
class MembershipInfo:
    """A segment a customer is in, and since when."""

    id: int
    name: str
    kind: str
    shop_id: int | None
    since: datetime


_OF_PROFILE = Statement(
    "segments_of_profile",
    """
SELECT s.id, s.name, s.kind, s.shop_id, kept.since FROM (
    SELECT segment_id, since FROM profiles_membership WHERE profile_id = %(profile_id)s::bigint
    UNION ALL
    SELECT segment_id, since FROM profiles_listmember WHERE profile_id = %(profile_id)s::bigint
) kept JOIN profiles_segment s ON s.id = kept.segment_id
WHERE s.archived_at IS NULL AND (s.shop_id IS NULL OR s.shop_id = ANY(%(shop_ids)s::bigint[]))
ORDER BY lower(s.name), s.id
""",
)


def segments_of(profile_id: int, *, shop_ids: Iterable[int]) -> list[MembershipInfo]:
    """The segments and lists a customer is in: those of these shops and of the company. One query."""
    return [
        MembershipInfo(id=pk, name=name, kind=kind, shop_id=shop_id, since=since)
        for pk, name, kind, shop_id, since in _OF_PROFILE.rows(
            profile_id=profile_id, shop_ids=list(shop_ids)
        )
    ]


def is_member(segment: Segment, profile_id: int) -> bool:
    """Whether a customer is kept as a member."""
    return _members(segment).filter(profile=profile_id).exists()


def since(segment: Segment, profile_id: int) -> datetime | None:
    """Since when a customer is a member, or None."""
    return _members(segment).filter(profile=profile_id).values_list("since", flat=True).first()


def member_ids(segment: Segment, *, shop_ids: Iterable[int]) -> QuerySet[Membership, int]:
    """The ids of the members whom these shops know, the latest first."""
    known = ProfileShop.objects.filter(profile=OuterRef("profile_id"), shop__in=list(shop_ids))
    rows = _members(segment).filter(Exists(known)).order_by("-since", "profile_id")
    return rows.values_list("profile_id", flat=True)  # type: ignore[return-value] # or of the list


def known_among(profile_ids: Iterable[int], *, shop_ids: Iterable[int]) -> list[int]:
    """Those of these customers whom one of the shops knows. One query."""
    rows = ProfileShop.objects.filter(profile__in=list(profile_ids), shop__in=list(shop_ids))
    return sorted(set(rows.values_list("profile_id", flat=True)))


def in_segment(rows: ProfileQuerySet, segment_id: int) -> ProfileQuerySet:
    """Those of these customers who are members of a segment or on a list."""
    found = {"segment": segment_id, "profile": OuterRef("pk")}
    kept = Exists(Membership.objects.filter(**found))
    return rows.filter(kept | Exists(ListMember.objects.filter(**found)))


def _members(segment: Segment) -> QuerySet[Membership] | QuerySet[ListMember]:
    if segment.is_dynamic:
        return Membership.objects.filter(segment=segment)
    return ListMember.objects.filter(segment=segment)


# --- History --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """How many entered and left on a day, and how many were there in the end."""

    day: date
    entered: int
    left: int
    members: int


_DAYS = """
SELECT (at AT TIME ZONE %s)::date AS day,
       count(*) FILTER (WHERE is_entry), count(*) FILTER (WHERE NOT is_entry)
FROM profiles_membershipchange WHERE segment_id = %s AND at >= %s
GROUP BY 1
"""


def days_of(segment: Segment, *, until: date, days: int = DAYS_SHOWN) -> list[Day]:
    """The last days of a segment, the oldest first; one query."""
    first = until - timedelta(days=days - 1)
    zone = settings.TIME_ZONE
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, [zone, segment.pk, first - timedelta(days=1)])
        moves = {day: (entered, left) for day, entered, left in cursor.fetchall()}
    found, members = [], segment.members_count
    for back in range(days):
        day = until - timedelta(days=back)
        entered, left = moves.get(day, (0, 0))
        found.append(Day(day, entered, left, members))
        members = max(0, members - entered + left)
    return found[::-1]


def changes_of(
    segment: Segment, *, shop_ids: Iterable[int], limit: int = CHANGES_SHOWN
) -> Sequence[MembershipChange]:
    """The latest entries and exits of customers whom these shops know."""
    known = ProfileShop.objects.filter(profile=OuterRef("profile_id"), shop__in=list(shop_ids))
    rows = MembershipChange.objects.filter(Exists(known), segment=segment)
    return list(rows.order_by("-at", "-pk")[:limit])


def versions_of(segment: Segment, *, limit: int = 20) -> list[SegmentVersion]:
    """The rules a segment had, the newest first."""
    rows = SegmentVersion.objects.filter(segment=segment).select_related("changed_by")
    return list(rows.order_by("-number")[:limit])


def audits_of(segment: Segment, *, limit: int = 10) -> list[SegmentAudit]:
    """The latest nightly checks, the newest first."""
    return list(SegmentAudit.objects.filter(segment=segment).order_by("-at", "-pk")[:limit])


def users_of(segment: Segment) -> list[Segment]:
    """The segments which speak of this one."""
    return list(
        Segment.objects.in_use().filter(uses__contains=[segment.pk]).order_by(Lower("name"))
    )


def names_of(segment_ids: Iterable[int]) -> dict[int, str]:
    """What segments are called, put away ones included."""
    return dict(Segment.objects.filter(pk__in=list(segment_ids)).values_list("pk", "name"))


def newest_members(segment: Segment, *, shop_ids: Iterable[int], limit: int) -> list[Profile]:
    """The customers who came last and whom these shops know, in two queries."""
    ids = list(member_ids(segment, shop_ids=shop_ids)[:limit])
    by_id = Profile.objects.in_bulk(ids)
    return [by_id[pk] for pk in ids if pk in by_id]


def due_since(at: datetime) -> float:
    """Seconds for which the flip that waits longest has been due; 0 when none is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(flips_at) FROM profiles_segmentflip WHERE flips_at <= %s", [at])
        (oldest,) = cursor.fetchone()
    return (at - oldest).total_seconds() if oldest else 0.0
