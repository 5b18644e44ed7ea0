"""Putting customers on lists and taking them off."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import services as company
from ecrm.kernel.errors import DomainError
from profiles.models import ListMember, MembershipChange, Segment
from profiles.queries import segments_compiling as compiling
from profiles.services import segments_following as following
from profiles.services import segments_keeping as keeping
from profiles.services.segments import NoSuchSegment

if TYPE_CHECKING:
    from company.types import Agent


UNDO_WINDOW = timedelta(minutes=10)


class NotAList(DomainError):
    """The members of a segment follow from its rules."""

    code = "not_a_list"


class ListUndoTooLate(DomainError):
    """It is too long ago."""

    code = "undo_too_late"


_ADD = """
INSERT INTO profiles_listmember (segment_id, profile_id, since)
SELECT %s, p.id, %s FROM profiles_profile p
WHERE p.id = ANY(%s) AND p.merged_into_id IS NULL AND p.erased_at IS NULL AND (%s::bigint IS NULL OR EXISTS (
    SELECT 1 FROM profiles_profileshop s WHERE s.profile_id = p.id AND s.shop_id = %s))
ON CONFLICT DO NOTHING
RETURNING profile_id
"""
_REMOVE = """
DELETE FROM profiles_listmember WHERE segment_id = %s AND profile_id = ANY(%s) RETURNING profile_id
"""


@transaction.atomic
def add_to_list(
    segment_id: int,
    *,
    profile_ids: Collection[int],
    by: Agent | None,
    at: datetime | None = None,
) -> int:
    """Put customers on a list; who is there, merged away or unknown to its shop is left out.

    Returns how many are new. Raises NoSuchSegment, NotAList; publishes SegmentEntered.
    """
    moment = at or now()
    row = _list(segment_id)
    values = [row.pk, moment, sorted(set(profile_ids)), row.shop_id, row.shop_id]
    added = _execute(_ADD, values)
    pairs = tuple((row.pk, profile_id) for profile_id in added)
    _tell(row, keeping.Moves(entered=pairs), by, moment)
    return len(added)


@transaction.atomic
def take_back(
    segment_id: int, *, since: datetime, by: Agent | None, at: datetime | None = None
) -> int:
    """Take those off a list who were put there at once at this moment. Returns how many still were.

    Raises NoSuchSegment, NotAList, ListUndoTooLate; publishes SegmentLeft.
    """
    moment = at or now()
    if moment - since > UNDO_WINDOW:
        raise ListUndoTooLate(_("This can't be undone any more."))
    rows = ListMember.objects.filter(segment=segment_id, since=since)
    profile_ids = list(rows.values_list("profile_id", flat=True))
    return remove_from_list(segment_id, profile_ids=profile_ids, by=by, at=moment)


@transaction.atomic
def remove_from_list(
    segment_id: int,
    *,
    profile_ids: Collection[int],
    by: Agent | None,
    at: datetime | None = None,
) -> int:
    """Take customers off a list. Returns how many were on it.

    Raises NoSuchSegment, NotAList; publishes SegmentLeft.
    """
    moment = at or now()
    row = _list(segment_id)
    removed = _execute(_REMOVE, [row.pk, sorted(set(profile_ids))])
    pairs = tuple((row.pk, profile_id) for profile_id in removed)
    _tell(row, keeping.Moves(left=pairs), by, moment)
    return len(removed)


def _list(segment_id: int) -> Segment:
    keeping.lock([segment_id])
    row = Segment.objects.in_use().filter(pk=segment_id).first()
    if row is None:
        raise NoSuchSegment(_("There is no such list any more."))
    if row.is_dynamic:
        raise NotAList(_("The members of this segment follow from its rules."))
    return row


def _execute(statement: str, values: list[Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return sorted(profile_id for (profile_id,) in cursor.fetchall())


def _tell(row: Segment, moves: keeping.Moves, by: Agent | None, at: datetime) -> None:
    pairs = moves.entered or moves.left
    if not pairs:
        return
    keeping.count(moves)
    keeping.tell(
        moves,
        cause=MembershipChange.Cause.HAND,
        at=at,
        others={row.pk: compiling.known(row)},
    )
    following.touch_segments(
        [profile_id for _segment_id, profile_id in pairs], facts=[compiling.list_fact(row.pk)]
    )
    company.record_audit(
        action="profiles.list-extended" if moves.entered else "profiles.list-shortened",
        target=f"segment:{row.pk}",
        by=by,
        shop_id=row.shop_id,
        changes={"customers": len(pairs)},
    )
