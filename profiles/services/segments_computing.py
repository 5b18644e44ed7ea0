"""Working out whole segments in the background, and checking at night what was kept by day."""

from __future__ import annotations

import time
from datetime import datetime

from django.db import OperationalError, transaction
from django.utils.timezone import now

from ecrm.kernel import doorbell, outbox
from profiles.events import SegmentComputed
from profiles.models import MembershipChange, Profile, Segment, SegmentAudit
from profiles.queries import segments_compiling as compiling
from profiles.queries import segments_counting as counting
from profiles.services import segments_following as following
from profiles.services import segments_keeping as keeping

BATCH = 1000
MOST_ROUNDS = 1000
KEEP_AUDITS = 60


def compute_next(*, at: datetime | None = None, limit: int = BATCH) -> bool:
    """One batch of customers of the segment that waits longest. True when there was work.

    How far it came is committed with each batch, so that a restart goes on where it stopped.
    """
    waiting = Segment.objects.in_use().filter(state=Segment.State.COMPUTING)
    segment_id = waiting.order_by("changed_at", "pk").values_list("pk", flat=True).first()
    if segment_id is None:
        return False
    try:
        _compute_batch(segment_id, at or now(), limit)
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", None) != counting.CANCELLED:
            raise
        # Too slow even for a batch: it would be so again and again.
        text = str(error).splitlines()[0][:500]
        Segment.objects.filter(pk=segment_id).update(state=Segment.State.FAILED, error=text)
    return True


@transaction.atomic
def _compute_batch(segment_id: int, at: datetime, limit: int) -> None:
    keeping.lock([segment_id])
    row = Segment.objects.select_for_update(of=("self",)).get(pk=segment_id)
    if row.state != Segment.State.COMPUTING:
        return
    everybody = Profile.objects.filter(pk__gt=row.position).order_by("pk")
    ids = list(everybody.values_list("pk", flat=True)[:limit])
    if not ids:
        _finish(row, at)
        return
    keeping.refresh(
        [row.pk],
        profile_ids=ids,
        cause=MembershipChange.Cause.RULES,
        at=at,
        is_told=False,
        is_news=row.computed_at is not None,
    )
    Segment.objects.filter(pk=row.pk).update(position=ids[-1], done_count=row.done_count + len(ids))


def _finish(row: Segment, at: datetime) -> None:
    row.state, row.computed_at = Segment.State.CURRENT, at
    row.save(update_fields=["state", "computed_at"])
    outbox.publish(
        SegmentComputed(
            segment_id=row.pk,
            shop_id=row.shop_id,
            version=row.version,
            members_count=row.members_count,
        ),
        at=at,
    )


def audit_segments(*, at: datetime | None = None) -> int:
    """Compare every segment that is up to date with a full query. Returns how many differed."""
    moment = at or now()
    rows = Segment.objects.in_use().dynamic().filter(state=Segment.State.CURRENT)
    segment_ids = list(rows.order_by("pk").values_list("pk", flat=True))
    return sum(audit_segment(segment_id, at=moment) > 0 for segment_id in segment_ids)


def audit_segment(segment_id: int, *, at: datetime | None = None) -> int:
    """Compare the kept members with a full query; repair, record and return the difference.

    What is different only because facts wait to be followed or moments are due is no difference: these
    are caught up with first.
    """
    begun = time.perf_counter()
    moment = at or now()
    others = compiling.library()
    segment = others.get(segment_id)
    if segment is None or segment.tree is None:
        return 0
    try:
        suspects = _differing(segment, moment, others)
    except counting.TooSlow as refusal:
        Segment.objects.filter(pk=segment_id).update(error=refusal.message)
        return 0
    missing, surplus = suspects
    if missing or surplus:
        _catch_up(moment)
        again_missing, again_surplus = _differing(segment, moment, others)
        missing, surplus = missing & again_missing, surplus & again_surplus
    milliseconds = round((time.perf_counter() - begun) * 1000)
    _record(segment_id, missing, surplus, moment, milliseconds)
    return len(missing) + len(surplus)


def _differing(
    segment: compiling.Known, at: datetime, others: compiling.Library
) -> tuple[set[int], set[int]]:
    return counting.difference(segment, at=at, others=others)


def _catch_up(at: datetime) -> None:
    for _round in range(MOST_ROUNDS):
        if not any([following.follow(at=at), following.flip_due(at=at)]):
            return


@transaction.atomic
def _record(
    segment_id: int, missing: set[int], surplus: set[int], at: datetime, milliseconds: int
) -> None:
    if missing or surplus:
        keeping.refresh(
            [segment_id],
            profile_ids=missing | surplus,
            cause=MembershipChange.Cause.AUDIT,
            at=at,
        )
    row = Segment.objects.select_for_update(of=("self",)).get(pk=segment_id)
    row.audited_at, row.drift, row.error = at, len(missing) + len(surplus), ""
    row.save(update_fields=["audited_at", "drift", "error"])
    SegmentAudit.objects.create(
        segment=row,
        at=at,
        members=max(0, row.members_count),
        missing=len(missing),
        surplus=len(surplus),
        milliseconds=milliseconds,
    )
    kept = SegmentAudit.objects.filter(segment=row).order_by("-at", "-pk")
    SegmentAudit.objects.filter(pk__in=kept.values_list("pk", flat=True)[KEEP_AUDITS:]).delete()
    if row.drift:
        doorbell.ring(following.BELL)
