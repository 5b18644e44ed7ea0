"""Putting the customers of an import on a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from ecrm.kernel import history
from profiles.events import SegmentEntered
from profiles.models import MembershipChange, Segment
from profiles.services import segments_keeping as keeping

_ADD = """
INSERT INTO profiles_listmember (segment_id, profile_id, since)
SELECT %(list)s, p.id, %(at)s FROM profiles_profile p
WHERE p.id = ANY(%(ids)s) AND p.merged_into_id IS NULL AND (%(shop)s::bigint IS NULL OR EXISTS (
    SELECT 1 FROM profiles_profileshop s WHERE s.profile_id = p.id AND s.shop_id = %(shop)s))
ON CONFLICT DO NOTHING
RETURNING profile_id
"""


def put_on_list(segment_id: int, *, profile_ids: Sequence[int], at: datetime) -> int:
    """Put customers on a list as `add_to_list` does, as history: nothing follows from it.

    Returns how many are new on it; none when the list was put away meanwhile. In the caller's
    transaction, in a handful of statements; the caller touches the segments of the customers.
    """
    keeping.lock([segment_id])
    row = Segment.objects.in_use().filter(pk=segment_id, kind=Segment.Kind.STATIC).first()
    if row is None:
        return 0
    values: dict[str, Any] = {
        "list": row.pk,
        "at": at,
        "ids": sorted(profile_ids),
        "shop": row.shop_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADD, values)
        added = sorted(profile_id for (profile_id,) in cursor.fetchall())
    keeping.count(keeping.Moves(entered=tuple((row.pk, profile_id) for profile_id in added)))
    cause = MembershipChange.Cause.HAND
    MembershipChange.objects.bulk_create(
        MembershipChange(
            segment_id=row.pk, profile_id=profile_id, is_entry=True, cause=cause, at=at
        )
        for profile_id in added
    )
    history.record(
        (
            SegmentEntered(
                segment_id=row.pk, profile_id=profile_id, shop_id=row.shop_id, cause=cause
            ),
            at,
        )
        for profile_id in added
    )
    return len(added)
