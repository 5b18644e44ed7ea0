"""Making, changing and putting away segments and lists."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import services as company
from ecrm.kernel import doorbell
from ecrm.kernel.errors import DomainError
from profiles.models import (
    ListMember,
    Membership,
    Profile,
    Segment,
    SegmentFlip,
    SegmentVersion,
)
from profiles.queries import segments_checking as checking
from profiles.queries import segments_compiling as compiling
from profiles.services import segments_following as following
from profiles.services import segments_keeping as keeping

if TYPE_CHECKING:
    from company.types import Agent

LONGEST_NAME = 120
LONGEST_DESCRIPTION = 500
_EDITING = 5_417_202
_NAME_ONCE = "profiles_segment_name_once"


class UnusableSegment(DomainError):
    """Name or description cannot be used; `fields` says which."""

    code = "unusable_segment"
    status = 422


class SegmentChangedMeanwhile(DomainError):
    """Somebody else saved other rules while these were written."""

    code = "segment_changed_meanwhile"


class SegmentInUse(DomainError):
    """Other segments speak of this one."""

    code = "segment_in_use"


class NoSuchSegment(DomainError):
    """The segment does not exist, or was put away."""

    code = "no_such_segment"
    status = 404


@transaction.atomic
def create_segment(
    name: str,
    *,
    rules: Any = None,
    shop_id: int | None = None,
    description: str = "",
    by: Agent | None = None,
    at: datetime | None = None,
) -> Segment:
    """A new segment with these rules, or an empty list when there are none; of a shop, or of all.

    Raises FaultyRules, UnusableSegment. Its members are computed in the background.
    """
    moment = at or now()
    following.begin_following()
    _lock_editing()
    row = Segment(
        **_texts(name, description),
        kind=Segment.Kind.STATIC if rules is None else Segment.Kind.DYNAMIC,
        shop_id=shop_id,
        rules=rules,
        created_by_id=by.pk if by else None,
        created_at=moment,
        changed_at=moment,
        computed_at=moment if rules is None else None,
    )
    if rules is not None:
        found = checking.checked(rules, shop_id=shop_id)
        row.facts, row.uses = sorted(found.facts), list(found.uses)
        _begin_computing(row)
    _save(row)
    if rules is not None:
        _keep_version(row, by, moment)
    _audit("profiles.segment-created", row, by, {"name": row.name})
    return row


@transaction.atomic
def change_segment(
    segment_id: int,
    *,
    name: str,
    description: str = "",
    rules: Any = None,
    version: int | None = None,
    by: Agent | None,
    at: datetime | None = None,
) -> Segment:
    """Another name, another description, other rules; `version` is the one which was looked at.

    Raises NoSuchSegment, FaultyRules, UnusableSegment, SegmentChangedMeanwhile. New rules are computed
    in the background, and so are the segments which speak of this one.
    """
    moment = at or now()
    _lock_editing()
    row = _locked(segment_id)
    if version is not None and version != row.version:
        raise SegmentChangedMeanwhile(
            _("Somebody else changed this segment meanwhile. Look at it again.")
        )
    row.name, row.description = _texts(name, description).values()
    row.changed_at = moment
    has_news = row.is_dynamic and rules is not None and rules != row.rules
    if has_news:
        found = checking.checked(rules, shop_id=row.shop_id, segment_id=row.pk)
        row.rules, row.version = rules, row.version + 1
        row.facts, row.uses = sorted(found.facts), list(found.uses)
        _begin_computing(row)
    _save(row)
    if has_news:
        _keep_version(row, by, moment)
        _compute_dependents(row.pk)
    _audit("profiles.segment-changed", row, by, {"name": row.name, "version": row.version})
    return row


@transaction.atomic
def duplicate_segment(segment_id: int, *, by: Agent | None, at: datetime | None = None) -> Segment:
    """A copy with the same rules or the same members. Raises NoSuchSegment."""
    moment = at or now()
    source = _locked(segment_id)
    row = create_segment(
        _free_name(source),
        rules=source.rules,
        shop_id=source.shop_id,
        description=source.description,
        by=by,
        at=moment,
    )
    if not source.is_dynamic:
        members = ListMember.objects.filter(segment=source).values_list("profile_id", flat=True)
        copied = ListMember.objects.bulk_create(
            ListMember(segment=row, profile_id=profile_id, since=moment) for profile_id in members
        )
        row.members_count = len(copied)
        row.save(update_fields=["members_count"])
    return row


@transaction.atomic
def archive_segment(segment_id: int, *, by: Agent | None, at: datetime | None = None) -> None:
    """Put a segment away: nobody is in it any more; its history stays. Raises SegmentInUse, NoSuchSegment."""
    _lock_editing()
    row = _locked(segment_id)
    users = Segment.objects.in_use().filter(uses__contains=[row.pk]).order_by("name")
    if names := list(users.values_list("name", flat=True)[:3]):
        text = _("Other segments speak of this one: %(names)s.")
        raise SegmentInUse(text % {"names": ", ".join(names)})
    row.archived_at = at or now()
    row.members_count, row.state = 0, Segment.State.CURRENT
    row.save(update_fields=["archived_at", "members_count", "state"])
    for members in (Membership, ListMember, SegmentFlip):
        members.objects.filter(segment=row).delete()
    _audit("profiles.segment-archived", row, by, {"name": row.name})


@transaction.atomic
def recompute_segment(segment_id: int, *, by: Agent | None) -> None:
    """Compute the members anew, from the first customer on. Raises NoSuchSegment."""
    row = _locked(segment_id)
    if row.is_dynamic:
        _begin_computing(row)
        row.save()
        _audit("profiles.segment-recomputed", row, by, {"name": row.name})


@transaction.atomic
def accept_difference(segment_id: int, *, by: Agent | None) -> None:
    """Take the warning away after somebody has looked at what the nightly check repaired.

    The check itself stays in the history. Raises NoSuchSegment; audited.
    """
    row = _locked(segment_id)
    if row.drift:
        _audit("profiles.segment-accepted", row, by, {"name": row.name, "customers": row.drift})
        row.drift = 0
        row.save(update_fields=["drift"])


def _texts(name: str, description: str) -> dict[str, str]:
    name, description = name.strip(), description.strip()
    faults = {}
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        text = _("Give a name of at most %(number)s characters.")
        faults["name"] = text % {"number": LONGEST_NAME}
    if len(description) > LONGEST_DESCRIPTION or "\x00" in description:
        text = _("At most %(number)s characters.")
        faults["description"] = text % {"number": LONGEST_DESCRIPTION}
    if faults:
        raise UnusableSegment(_("Name or description cannot be used."), fields=faults)
    return {"name": name, "description": description}


def _lock_editing() -> None:
    """One at a time: two who save at once could make segments contain each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_EDITING])


def _locked(segment_id: int) -> Segment:
    keeping.lock([segment_id])
    row = Segment.objects.in_use().select_for_update(of=("self",)).filter(pk=segment_id).first()
    if row is None:
        raise NoSuchSegment(_("There is no such segment any more."))
    return row


def _save(row: Segment) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if _NAME_ONCE not in str(error):
            raise
        text = _("Another segment or list has this name.")
        raise UnusableSegment(text, fields={"name": text}) from error


def _begin_computing(row: Segment) -> None:
    row.state, row.position, row.done_count, row.error = Segment.State.COMPUTING, 0, 0, ""
    row.total_count = Profile.objects.count()
    doorbell.ring(following.BELL)


def _compute_dependents(segment_id: int) -> None:
    """What follows from this segment's rules follows from other rules now."""
    others = compiling.library()
    waiting, seen = [segment_id], {segment_id}
    while waiting:
        inner = waiting.pop()
        for known in others.values():
            if inner in known.uses and known.id not in seen and known.tree is not None:
                seen.add(known.id)
                waiting.append(known.id)
                row = _locked(known.id)
                row.facts = sorted(compiling.facts_of(known.tree, known_segments=others))
                _begin_computing(row)
                row.save()


def _keep_version(row: Segment, by: Agent | None, at: datetime) -> None:
    SegmentVersion.objects.create(
        segment=row,
        number=row.version,
        rules=row.rules,
        changed_by_id=by.pk if by else None,
        changed_at=at,
    )


def _free_name(source: Segment) -> str:
    taken = {
        name.lower()
        for name in Segment.objects.in_use().filter(shop=source.shop).values_list("name", flat=True)
    }
    text = _("Copy of %(name)s") % {"name": source.name}
    number, name = 1, text[:LONGEST_NAME]
    while name.lower() in taken:
        number += 1
        name = f"{text[: LONGEST_NAME - 6]} {number}"
    return name


def _audit(action: str, row: Segment, by: Agent | None, changes: dict[str, Any]) -> None:
    company.record_audit(
        action=action, target=f"segment:{row.pk}", by=by, shop_id=row.shop_id, changes=changes
    )
