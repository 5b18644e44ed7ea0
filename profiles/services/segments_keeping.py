"""Keeping who is in which segment: one place writes members, whatever the reason to look."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils.timezone import now

from ecrm.kernel import outbox
from profiles.events import SegmentEntered, SegmentLeft
from profiles.models import Membership, MembershipChange, SegmentFlip
from profiles.queries import segments_compiling as compiling
from profiles.queries import segments_looking as looking
from profiles.queries.segments_compiling import Known, Library
from profiles.queries.segments_looking import Verdict

_LOCK = 5_417_203
_Pair = tuple[int, int]  # a segment and a profile


@dataclass(frozen=True, slots=True)
class Moves:
    """Who came and who went: pairs of segment and profile."""

    entered: tuple[_Pair, ...] = ()
    left: tuple[_Pair, ...] = ()


def lock(segment_ids: Iterable[int]) -> None:
    """Let nobody else write members of these segments until the transaction ends.

    Whoever looks under the lock sees everything committed before: the last look is the newest. Looks are
    many small questions in one statement, which compiling to machine code only makes slower.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, s), set_config('jit', 'off', true)"
            " FROM unnest(%s::int[]) AS s",
            [_LOCK, sorted(set(segment_ids))],
        )


@transaction.atomic
def refresh(
    segment_ids: Collection[int],
    *,
    profile_ids: Collection[int],
    cause: str,
    at: datetime | None = None,
    is_told: bool = True,
    is_news: bool = True,
) -> Moves:
    """Look again whether these customers are in these segments, and write down what changed.

    Few statements look, whatever the number of segments and customers. Lists are left alone. Publishes
    SegmentEntered and SegmentLeft unless `is_told` is False; `is_news=False` keeps it out of the
    history too, for those who were there when the segment was made.
    """
    moment = at or now()
    lock(segment_ids)
    others = compiling.library()
    segments = [others[pk] for pk in sorted(segment_ids) if pk in others and not others[pk].is_list]
    found = looking.verdicts(segments, profile_ids, at=moment, others=others)
    moved = _write(segments, sorted(set(profile_ids)), found, moment)
    count(moved)
    if is_news:
        tell(moved, cause=cause, at=moment, others=others, is_told=is_told)
    return moved


def tell(moves: Moves, *, cause: str, at: datetime, others: Library, is_told: bool = True) -> None:
    """Keep who came and went in the history, and publish it."""
    MembershipChange.objects.bulk_create(
        MembershipChange(
            segment_id=segment_id, profile_id=profile_id, is_entry=is_entry, cause=cause, at=at
        )
        for pairs, is_entry in ((moves.entered, True), (moves.left, False))
        for segment_id, profile_id in pairs
    )
    if not is_told:
        return
    for kind, pairs in ((SegmentEntered, moves.entered), (SegmentLeft, moves.left)):
        for segment_id, profile_id in pairs:
            event = kind(
                segment_id=segment_id,
                profile_id=profile_id,
                shop_id=others[segment_id].shop_id if segment_id in others else None,
                cause=cause,
            )
            outbox.publish(event, at=at)


_COUNT = """
UPDATE profiles_segment s SET members_count = s.members_count + w.difference
FROM unnest(%s::bigint[], %s::int[]) AS w (id, difference) WHERE s.id = w.id
"""


def count(moves: Moves) -> None:
    """Add those who came and take off those who went from the counts."""
    balance: dict[int, int] = {}
    for segment_id, _profile_id in moves.entered:
        balance[segment_id] = balance.get(segment_id, 0) + 1
    for segment_id, _profile_id in moves.left:
        balance[segment_id] = balance.get(segment_id, 0) - 1
    changed = sorted((pk, difference) for pk, difference in balance.items() if difference)
    if changed:
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [[pk for pk, _d in changed], [d for _pk, d in changed]])


def _write(
    segments: Sequence[Known],
    profile_ids: Sequence[int],
    found: Mapping[int, Mapping[int, Verdict]],
    at: datetime,
) -> Moves:
    ids = [segment.id for segment in segments]
    kept = set(
        Membership.objects.filter(segment__in=ids, profile__in=profile_ids).values_list(
            "segment_id", "profile_id"
        )
    )
    wanted = {
        (segment_id, profile_id)
        for segment_id, verdicts in found.items()
        for profile_id, verdict in verdicts.items()
        if verdict.is_member
    }
    moves = Moves(tuple(sorted(wanted - kept)), tuple(sorted(kept - wanted)))
    _move(moves, at)
    _write_flips(ids, profile_ids, found)
    return moves


_ENTER = """
INSERT INTO profiles_membership (segment_id, profile_id, since)
SELECT s, p, %s FROM unnest(%s::bigint[], %s::bigint[]) AS w (s, p)
ON CONFLICT DO NOTHING
"""
_LEAVE = """
DELETE FROM profiles_membership m USING unnest(%s::bigint[], %s::bigint[]) AS w (s, p)
WHERE m.segment_id = w.s AND m.profile_id = w.p
"""


def _move(moves: Moves, at: datetime) -> None:
    with connection.cursor() as cursor:
        if moves.entered:
            cursor.execute(_ENTER, [at, *_columns(moves.entered)])
        if moves.left:
            cursor.execute(_LEAVE, _columns(moves.left))


_FORGET_FLIPS = """
DELETE FROM profiles_segmentflip f USING unnest(%s::bigint[], %s::bigint[]) AS w (s, p)
WHERE f.segment_id = w.s AND f.profile_id = w.p
"""
_SET_FLIPS = """
INSERT INTO profiles_segmentflip (segment_id, profile_id, flips_at)
SELECT s, p, at FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS w (s, p, at)
ON CONFLICT (profile_id, segment_id) DO UPDATE SET flips_at = excluded.flips_at
"""


def _write_flips(
    segment_ids: Sequence[int],
    profile_ids: Sequence[int],
    found: Mapping[int, Mapping[int, Verdict]],
) -> None:
    kept = {
        (segment_id, profile_id): flips_at
        for segment_id, profile_id, flips_at in SegmentFlip.objects.filter(
            segment__in=segment_ids, profile__in=profile_ids
        ).values_list("segment_id", "profile_id", "flips_at")
    }
    wanted = {
        (segment_id, profile_id): verdict.flips_at
        for segment_id, verdicts in found.items()
        for profile_id, verdict in verdicts.items()
        if verdict.flips_at is not None
    }
    gone = sorted(kept.keys() - wanted.keys())
    news = sorted(pair for pair, flips_at in wanted.items() if kept.get(pair) != flips_at)
    with connection.cursor() as cursor:
        if gone:
            cursor.execute(_FORGET_FLIPS, _columns(gone))
        if news:
            cursor.execute(_SET_FLIPS, [*_columns(news), [wanted[pair] for pair in news]])


def _columns(pairs: Iterable[_Pair]) -> list[list[int]]:
    found = list(pairs)
    return [[segment_id for segment_id, _p in found], [profile_id for _s, profile_id in found]]
