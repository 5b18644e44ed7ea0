"""Making one profile of two, and two of one again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Max
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company.services import record_audit
from ecrm.kernel import failpoints, outbox
from ecrm.kernel.errors import DomainError
from ecrm.kernel.models import EventRecord
from profiles import extensions, queries
from profiles.events import MergeUndone, ProfilesMerged
from profiles.models import Merge, Profile
from profiles.rules import merging as rules
from profiles.services import journal

if TYPE_CHECKING:
    from company.types import Agent

ATTEMPTS = 5
STRAGGLERS_COME_WITHIN = timedelta(hours=1)

MID_MERGE = failpoints.declare("profiles.mid-merge")
MID_UNDO = failpoints.declare("profiles.mid-undo")


class SameProfile(DomainError):
    """The two profiles are one already."""

    code = "same_profile"


class AlreadyMerged(DomainError):
    """The profile went into another one before, perhaps a second ago."""

    code = "already_merged"


class AlreadyUndone(DomainError):
    """The merge was taken back before."""

    code = "already_undone"


class MergeInTheWay(DomainError):
    """Others kept merging these profiles while we looked; try again."""

    code = "merge_in_the_way"


class ErasedMeanwhile(DomainError):
    """One of the two was erased: nothing of him can be merged or brought back."""

    code = "erased_meanwhile"


class UnknownChoice(DomainError):
    """There is no detail of this name to choose between two records."""

    code = "unknown_choice"
    status = 422


class NotYoursToMerge(DomainError):
    """None of the shops in which the agent may merge customers knows one of the two."""

    code = "not_yours_to_merge"


@transaction.atomic
def merge(
    profile_id: int,
    *,
    into: int,
    by: Agent | None,
    taking: Collection[str] = (),
    at: datetime | None = None,
    trigger: str = Merge.Trigger.AGENT,
) -> Merge:
    """Let one profile go into another, which then owns everything and takes the other's place.

    The profile stays as a signpost; undo_merge makes it live again. If `into` was merged itself, its
    survivor is meant. `taking` names the details (profiles.rules.merging) in which the one who goes is
    right. Raises UnknownChoice, SameProfile, AlreadyMerged, ErasedMeanwhile, MergeInTheWay,
    NotYoursToMerge, Profile.DoesNotExist; publishes ProfilesMerged and leaves a line in the audit log.
    """
    moment = at or now()
    if not all(rules.is_choice(name) for name in taking):
        raise UnknownChoice(_("There is no such detail to choose."))
    survivor_id = _locked_pair(profile_id, into)
    _require_right(by, [profile_id, survivor_id])
    row = Merge.objects.create(
        survivor_id=survivor_id,
        merged_id=profile_id,
        trigger=trigger,
        merged_by_id=by.pk if by else None,
        merged_at=moment,
        taken=sorted(taking),
        last_event_id=EventRecord.objects.aggregate(last=Max("id"))["last"] or 0,
    )
    _make(row)
    outbox.publish(
        ProfilesMerged(
            profile_id=survivor_id,
            merged_profile_id=profile_id,
            merge_id=row.pk,
            agent_id=by.pk if by else None,
        ),
        at=moment,
    )
    record_audit(
        action="profiles.profiles-merged",
        target=f"profile:{survivor_id}",
        by=by,
        changes={"merged": profile_id, "merge": row.pk, "moved": row.moved},
        at=moment,
    )
    return row


@transaction.atomic
def undo_merge(merge_id: int, *, by: Agent | None, at: datetime | None = None) -> Merge:
    """Take a merge back: the merged profile lives again and owns what it owned, as it is now.

    What happened since the merge stays with the survivor. Later merges of the same people are taken
    back first and made again afterwards, so that any merge can be undone at any time. Raises
    AlreadyUndone, ErasedMeanwhile, MergeInTheWay, NotYoursToMerge, Merge.DoesNotExist; publishes
    MergeUndone and leaves a line in the audit log.
    """
    moment = at or now()
    row, later = _locked_stack(merge_id)
    _require_right(by, [queries.survivor(row.survivor_id)])
    for newer in reversed(later):
        _take_back(newer)
    _take_back(row)
    row.undone_at, row.undone_by_id = moment, by.pk if by else None
    row.save(update_fields=["undone_at", "undone_by"])
    for newer in later:
        _make(newer)
    outbox.publish(
        MergeUndone(
            profile_id=row.survivor_id,
            merged_profile_id=row.merged_id,
            merge_id=row.pk,
            agent_id=by.pk if by else None,
        ),
        at=moment,
    )
    record_audit(
        action="profiles.merge-undone",
        target=f"profile:{row.survivor_id}",
        by=by,
        changes={"merged": row.merged_id, "merge": row.pk},
        at=moment,
    )
    return row


@transaction.atomic
def join_visitor(profile_id: int, *, visitor_id: int, at: datetime | None = None) -> Merge | None:
    """Merge a visitor whom nobody identified into the person he turned out to be.

    Does nothing when somebody identified him meanwhile, or when he was joined before: two people whom
    we can name are never merged without an agent. Raises what merge raises.
    """
    _lock({profile_id, visitor_id})
    if not queries.is_visitor(visitor_id) or queries.survivor(profile_id) == visitor_id:
        return None
    return merge(visitor_id, into=profile_id, by=None, at=at, trigger=Merge.Trigger.VISITOR)


def gather_stragglers(*, at: datetime | None = None) -> int:
    """Move to the survivors what transactions that began before a merge wrote after it.

    Returns how many rows moved. They stand in the journal of the merge like all others.
    """
    moment = at or now()
    recent = Merge.objects.active().filter(merged_at__gte=moment - STRAGGLERS_COME_WITHIN)
    return sum(_gather(merge_id) for merge_id in recent.values_list("pk", flat=True))


@transaction.atomic
def _gather(merge_id: int) -> int:
    row = Merge.objects.active().select_for_update(of=("self",)).filter(pk=merge_id).first()
    if row is None or not journal.has_rows(row.merged_id):
        return 0
    _lock({row.merged_id, row.survivor_id})
    survivor_id = row.survivor_id
    return sum(journal.gather(row.pk, merged_id=row.merged_id, survivor_id=survivor_id).values())


def _make(row: Merge) -> None:
    row.moved = journal.move(
        row.pk, merged_id=row.merged_id, survivor_id=row.survivor_id, taken=row.taken
    )
    row.save(update_fields=["moved"])
    MID_MERGE.hit()


def _take_back(row: Merge) -> None:
    journal.gather(row.pk, merged_id=row.merged_id, survivor_id=row.survivor_id)
    journal.move_back(row.pk, merged_id=row.merged_id, survivor_id=row.survivor_id)
    MID_UNDO.hit()
    for source in extensions.recounts.all():
        for profile_id in (row.merged_id, row.survivor_id):
            source.recount(profile_id)
    _meet_shops(row.survivor_id, since_event=row.last_event_id)


_MEET_SHOPS = """
INSERT INTO profiles_profileshop (profile_id, shop_id, since)
SELECT profile_id, shop_id, min(occurred_at) FROM kernel_eventrecord
WHERE profile_id = %s AND id > %s AND shop_id IS NOT NULL
GROUP BY profile_id, shop_id
ON CONFLICT DO NOTHING
"""


def _meet_shops(profile_id: int, *, since_event: int) -> None:
    """Shops which met the survivor since the merge know him, even if they knew the other one first."""
    with connection.cursor() as cursor:
        cursor.execute(_MEET_SHOPS, [profile_id, since_event])


# --- Locks and rights -----------------------------------------------------------------------------


def _lock(ids: Collection[int]) -> dict[int, Profile]:
    """The profiles, for us alone, in the one order in which all writers lock them."""
    rows = Profile.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk")
    return {row.pk: row for row in rows}


def _locked_pair(profile_id: int, into: int) -> int:
    """Lock both; the survivor's id."""
    for _attempt in range(ATTEMPTS):
        survivor_id = queries.survivor(into)
        if survivor_id == profile_id:
            raise SameProfile(_("These two are one customer already."))
        locked = _lock({profile_id, survivor_id})
        for wanted in (profile_id, survivor_id):
            if wanted not in locked:
                raise Profile.DoesNotExist(f"profile {wanted}")
        if any(row.erased_at is not None for row in locked.values()):
            raise ErasedMeanwhile(_("This customer was erased and can't be merged."))
        if locked[profile_id].merged_into_id is not None:
            raise AlreadyMerged(_("This customer was merged before."))
        if locked[survivor_id].merged_into_id is None:
            return survivor_id
    raise MergeInTheWay(_("Somebody else is merging these customers. Please try again."))


def _locked_stack(merge_id: int) -> tuple[Merge, list[Merge]]:
    """The merge and the later ones of the same people, everybody concerned locked."""
    row = Merge.objects.get(pk=merge_id)
    for _attempt in range(ATTEMPTS):
        members = queries.cluster(row.survivor_id)
        _lock(members)
        row.refresh_from_db()
        if row.undone_at is not None:
            raise AlreadyUndone(_("This merge was undone before."))
        if Profile.objects.filter(pk__in=members, erased_at__isnull=False).exists():
            raise ErasedMeanwhile(
                _(
                    "This customer was erased with all records merged into him: there is nothing left."
                )
            )
        if queries.cluster(row.survivor_id) == members:
            same_people = Merge.objects.active().filter(merged_id__in=members, pk__gt=row.pk)
            return row, list(same_people.order_by("pk"))
    raise MergeInTheWay(_("Somebody else is merging these customers. Please try again."))


def _require_right(by: Agent | None, profile_ids: Sequence[int]) -> None:
    """Raises NotYoursToMerge unless shops in which the agent may merge know each of them."""
    if by is None:
        return
    shop_ids = company.shop_ids(by, queries.MERGE)
    if not all(queries.is_known_to(profile_id, shop_ids) for profile_id in profile_ids):
        raise NotYoursToMerge(_("You may not merge customers of this shop."))
