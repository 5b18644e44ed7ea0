"""Erasing a person: written down first, then done in one transaction, then nobody knows him any more."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company.services import record_audit
from ecrm.kernel import doorbell, failpoints, outbox
from ecrm.kernel.errors import DomainError
from profiles import queries, rules
from profiles.events import ProfileErased
from profiles.extensions.privacy import Fate, Personal, Subject
from profiles.models import Identifier, PrivacyRequest, Profile, Segment
from profiles.queries import privacy
from profiles.rules import deadlines

if TYPE_CHECKING:
    from company.types import Agent

log = logging.getLogger(__name__)

BELL = "privacy"
LEASE = timedelta(minutes=10)
MOST_ATTEMPTS = 5
ATTEMPTS = 5
# Transactions that began before an erasure end within this time; what they wrote is erased too.
STRAGGLERS_COME_WITHIN = timedelta(hours=1)
# Rows which others lock before they lock a profile: waited for first, so that nobody waits in a circle.
_LOCKED_FIRST = ("orders.order", "contacts.ticket", "messaging.outgoing", "kernel.delivery")

AFTER_REQUEST = failpoints.declare("profiles.after-erasure-request")
MID_ERASE = failpoints.declare("profiles.mid-erase")

State = PrivacyRequest.State
Kind = PrivacyRequest.Kind


class NotYoursToErase(DomainError):
    """A shop in which the agent may not erase customers knows this one too, or none does."""

    code = "not_yours_to_erase"


class AlreadyErased(DomainError):
    """Nothing is left of this customer but an empty record."""

    code = "already_erased"


class ErasureInTheWay(DomainError):
    """Others kept merging this customer while we looked; try again."""

    code = "erasure_in_the_way"


@transaction.atomic
def ask_erasure(
    profile_id: int,
    *,
    by: Agent | None,
    source: str,
    is_decided: bool,
    received_at: datetime | None = None,
    at: datetime | None = None,
) -> PrivacyRequest:
    """Write down that a customer wants to be erased; once decided, a worker does it within seconds.

    The same customer's open request is decided instead of a second one. A merged profile stands for
    its survivor. Raises NotYoursToErase, AlreadyErased; a decision leaves a line in the audit log.
    """
    moment = at or now()
    survivor_id = queries.survivor(profile_id)
    profile = Profile.objects.select_for_update(of=("self",), no_key=True).get(pk=survivor_id)
    if profile.erased_at is not None:
        raise AlreadyErased(_("This customer was erased before."))
    shop_ids = queries.shops_of(survivor_id)
    require_right(by, shop_ids=shop_ids)
    row = privacy.open_erasure(survivor_id)
    if row is None:
        asked_at = received_at or moment
        row = PrivacyRequest(
            kind=Kind.ERASURE,
            profile=profile,
            shop_ids=shop_ids,
            source=source,
            received_at=asked_at,
            due_at=deadlines.answer_by(asked_at),
        )
    newly = is_decided and not row.is_decided
    row.is_decided = row.is_decided or is_decided
    row.agent_id = by.pk if by else None
    row.save()
    if newly:
        transaction.on_commit(AFTER_REQUEST.hit)
        doorbell.ring(BELL)
        record_audit(
            action="profiles.erasure-decided",
            target=f"profile:{survivor_id}",
            by=by,
            changes={"request": row.pk},
            at=moment,
        )
    return row


def erase(
    profile_id: int, *, by: Agent | None, source: str, at: datetime | None = None
) -> PrivacyRequest:
    """Erase a customer now: the request is written down first, so that a kill is made good by a worker.

    Returns the answered request with its report. Raises what ask_erasure and carry_out raise.
    """
    row = ask_erasure(profile_id, by=by, source=source, is_decided=True, at=at)
    carry_out(row.pk, at=at)
    row.refresh_from_db()
    return row


def carry_out_next(*, at: datetime | None = None) -> bool:
    """Carry out the erasure that waits longest. False when none waits.

    One that fails is tried again after its lease; what failed too often waits for a person.
    """
    moment = at or now()
    request_id = _claim(moment)
    if request_id is None:
        return False
    try:
        carry_out(request_id, at=at)
    except (DomainError, DatabaseError) as error:
        log.warning(
            "erasure_failed", extra={"request_id": request_id, "error": type(error).__name__}
        )
        PrivacyRequest.objects.filter(pk=request_id).update(error=type(error).__name__[:80])
    return True


@transaction.atomic
def _claim(at: datetime) -> int | None:
    due = PrivacyRequest.objects.due(at).filter(attempts__lt=MOST_ATTEMPTS)
    row = due.select_for_update(of=("self",), skip_locked=True).first()
    if row is None:
        return None
    row.state, row.attempts, row.lease_until = State.RUNNING, row.attempts + 1, at + LEASE
    row.lease_token = uuid.uuid4()
    row.save(update_fields=["state", "attempts", "lease_until", "lease_token"])
    return row.pk


@transaction.atomic
def carry_out(request_id: int, *, at: datetime | None = None) -> list[privacy.Line]:
    """Erase whom the request is about, in one transaction: all of it or nothing.

    Returns what was erased, emptied and kept; the same again does nothing. Raises ErasureInTheWay;
    publishes ProfileErased; the audit log names the customer by number only.
    """
    moment = at or now()
    # The customer first, then the request, as whoever decides it does.
    subject = _locked(PrivacyRequest.objects.get(pk=request_id).profile_id, at=moment)
    row = PrivacyRequest.objects.select_for_update(of=("self",)).get(pk=request_id)
    if row.state not in {State.WAITING, State.RUNNING}:
        return []
    survivor_id = queries.survivor(row.profile_id)
    lines = _erase(subject, survivor_id)
    row.profile_id = survivor_id
    row.state, row.answered_at, row.report = State.DONE, moment, [_kept(line) for line in lines]
    row.error, row.lease_until, row.lease_token = "", None, None
    row.save()
    outbox.publish(
        ProfileErased(profile_id=survivor_id, request_id=row.pk, agent_id=row.agent_id), at=moment
    )
    record_audit(
        action="profiles.profile-erased",
        target=f"profile:{survivor_id}",
        by=None,
        changes={"request": row.pk, "rows": sum(line.count for line in lines)},
        at=moment,
    )
    return lines


def sweep_stragglers(*, at: datetime | None = None) -> int:
    """Erase what transactions that began before an erasure wrote after it. Returns how many rows."""
    moment = at or now()
    recent = PrivacyRequest.objects.filter(
        kind=Kind.ERASURE, state=State.DONE, answered_at__gte=moment - STRAGGLERS_COME_WITHIN
    )
    return sum(_sweep(pk, at=moment) for pk in recent.values_list("profile_id", flat=True))


@transaction.atomic
def _sweep(profile_id: int, *, at: datetime) -> int:
    subject = Subject(profile_ids=tuple(queries.cluster(profile_id)), at=at)
    left = [item for item in privacy.declared() if item.fate == Fate.ERASED]
    if not any(privacy.count(item, subject) for item in left):
        return 0
    with ledger_open():
        return sum(_apply(item, subject) for item in left)


def require_right(by: Agent | None, *, shop_ids: Sequence[int]) -> None:
    """Raises NotYoursToErase unless the agent may erase customers in each of these shops."""
    if by is None:
        return
    allowed = company.shop_ids(by, privacy.ERASE)
    if not shop_ids or not set(shop_ids) <= allowed:
        raise NotYoursToErase(
            _("A shop knows this customer in which you may not erase. Ask a colleague who may.")
        )


# --- One transaction ------------------------------------------------------------------------------


def _locked(profile_id: int, *, at: datetime) -> Subject:
    """The person, with every record of him for us alone."""
    for _attempt in range(ATTEMPTS):
        ids = queries.cluster(profile_id)
        _wait_for_writers(Subject(profile_ids=tuple(ids), at=at))
        rows = Profile.objects.select_for_update(of=("self",)).filter(pk__in=ids)
        list(rows.order_by("pk").values_list("pk", flat=True))
        if queries.cluster(profile_id) == ids:
            return privacy.subject_of(profile_id, at=at)
    raise ErasureInTheWay(_("Somebody else is merging this customer. Please try again."))


def _wait_for_writers(subject: Subject) -> None:
    for item in privacy.declared():
        if item.key in _LOCKED_FIRST:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT 1 FROM {item.table} t WHERE {item.where}"  # noqa: S608 - from the registry
                    f" ORDER BY t.{item.number} FOR UPDATE",
                    subject.values,
                )


def _erase(subject: Subject, survivor_id: int) -> list[privacy.Line]:
    shared = set(
        Identifier.objects.filter(profile_id__in=subject.profile_ids, is_key=True).values_list(
            "value", flat=True
        )
    )
    keys = set(privacy.own_keys(subject.profile_ids))
    keys |= {rules.Key(rules.EMAIL, address, None) for address in subject.addresses}
    _leave_segments(subject)
    lines = []
    with ledger_open():
        for item in privacy.declared():
            lines.append(privacy.line(item, _apply(item, subject)))
            if item.key == "profiles.consent":
                MID_ERASE.hit()
    _bury(keys, survivor_id, at=subject.at)
    _forget_claims(shared)
    _let_others_inherit(shared)
    return lines


class ledger_open:  # noqa: N801 - reads as a function
    """The one way past the trigger that keeps the ledger of consents."""

    def __enter__(self) -> None:
        self._set("on")

    def __exit__(self, *failure: object) -> None:
        if failure[0] is None:
            self._set("off")

    def _set(self, value: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('ecrm.erasure', %s, true)", [value])


def _apply(item: Personal, subject: Subject) -> int:
    """Do with the rows what their declaration says. Returns how many it found."""
    if item.carry_out is not None:
        return item.carry_out(subject)
    if item.fate == Fate.KEPT:
        return privacy.count(item, subject)
    with connection.cursor() as cursor:
        if item.fate == Fate.EMPTIED:
            statement = f"UPDATE {item.table} t SET {item.changes} WHERE {item.where}"  # noqa: S608 - from the registry
        else:
            statement = f"DELETE FROM {item.table} t WHERE {item.where}"  # noqa: S608 - from the registry
        cursor.execute(statement, subject.values)
        return int(cursor.rowcount)


def _kept(line: privacy.Line) -> dict[str, object]:
    found = asdict(line)
    return {name: found[name] for name in ("key", "fate", "count")}


_BURY = """
INSERT INTO profiles_tombstone (digest, key, kind, profile_id, erased_at)
SELECT d.digest, d.key, d.kind, %s, %s
FROM unnest(%s::text[], %s::text[], %s::text[]) AS d (digest, key, kind)
ON CONFLICT (digest) DO UPDATE SET profile_id = excluded.profile_id,
    erased_at = greatest(profiles_tombstone.erased_at, excluded.erased_at)
"""


def _bury(keys: set[rules.Key], survivor_id: int, *, at: datetime) -> None:
    """Set a tombstone for each identifier that was his alone."""
    found = [(*queries.tombstones.newest(key), key.kind) for key in sorted(keys)]
    if found:
        set_tombstones(found, profile_id=survivor_id, at=at)


def set_tombstones(
    stones: Sequence[tuple[str, str, str]], *, profile_id: int, at: datetime
) -> None:
    """Let these hashes (digest, name of the key, kind) say that the record is of somebody erased."""
    columns = [list(column) for column in zip(*stones, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_BURY, [profile_id, at, *columns])


def _leave_segments(subject: Subject) -> None:
    """Let segments and lists count him no longer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT segment_id, count(*) FROM ("
            " SELECT segment_id FROM profiles_membership WHERE profile_id = ANY(%(profiles)s)"
            " UNION ALL"
            " SELECT segment_id FROM profiles_listmember WHERE profile_id = ANY(%(profiles)s)"
            ") AS m GROUP BY segment_id ORDER BY segment_id",
            subject.values,
        )
        found = cursor.fetchall()
    for segment_id, members in found:
        Segment.objects.filter(pk=segment_id).update(members_count=F("members_count") - members)


def _forget_claims(values: set[str]) -> None:
    """Who typed an address of his, and never proved it, was not sharing it: it is his that is erased."""
    Identifier.objects.filter(value__in=values, is_key=False, is_claimed=True).delete()


_INHERIT = """
UPDATE profiles_identifier i SET is_key = true
FROM (
    SELECT DISTINCT ON (kind, value, shop_id) id FROM profiles_identifier s
    WHERE NOT s.is_key AND s.value = ANY(%s) AND NOT EXISTS (
        SELECT 1 FROM profiles_identifier k WHERE k.is_key AND k.kind = s.kind
          AND k.value = s.value AND k.shop_id IS NOT DISTINCT FROM s.shop_id
    )
    ORDER BY kind, value, shop_id, first_seen_at, id
) AS heir
WHERE i.id = heir.id
"""


def _let_others_inherit(values: set[str]) -> None:
    """What he shared with somebody (a family's telephone) leads to the other one now."""
    with connection.cursor() as cursor:
        cursor.execute(_INHERIT, [sorted(values)])
