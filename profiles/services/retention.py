"""How long data is kept: rules somebody looked at, reports of what they would forget, and the forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company.services import record_audit
from ecrm.kernel import doorbell, failpoints
from ecrm.kernel.errors import DomainError
from profiles.extensions.privacy import Ageing, ageing
from profiles.models import RetentionRule, RetentionRun
from profiles.queries import retention as queries

if TYPE_CHECKING:
    from company.types import Agent

BELL = "privacy"
SETTINGS = "company.manage_settings"
MOST_DAYS = 36_500
LEASE = timedelta(minutes=10)

AFTER_BATCH = failpoints.declare("profiles.after-retention-batch")


class UnusableRule(DomainError):
    """There is no such subject, or it may not be forgotten so early; `fields` says what."""

    code = "unusable_rule"
    status = 422


class LookFirst(DomainError):
    """Nobody has looked at what the rule would forget."""

    code = "look_first"


class NotYourRule(DomainError):
    """The agent may not change the settings of this shop, or of the company."""

    code = "not_your_rule"


@transaction.atomic
def set_rule(
    subject: str,
    *,
    shop_id: int | None,
    days: int,
    by: Agent | None,
    at: datetime | None = None,
) -> RetentionRule:
    """Say after how many days a subject is forgotten; other days switch the rule off until a new look.

    Asks for the report. Raises UnusableRule, NotYourRule; audited.
    """
    moment = at or now()
    _require_right(by, shop_id)
    _require_sense(subject, shop_id, days)
    place = Q(shop_id=shop_id) if shop_id is not None else Q(shop__isnull=True)
    known = RetentionRule.objects.select_for_update(of=("self",)).filter(place, subject=subject)
    row = known.first() or RetentionRule(subject=subject, shop_id=shop_id, days=0)
    if row.pk and row.days == days:
        return row
    before = row.days or None
    row.days, row.is_active, row.looked_at, row.asked_at = days, False, None, moment
    row.changed_by_id, row.changed_at = by.pk if by else None, moment
    row.save()
    doorbell.ring(BELL)
    _audit(row, "profiles.retention-changed", by=by, at=moment, changes={"days": [before, days]})
    return row


@transaction.atomic
def ask_report(rule_id: int, *, by: Agent | None, at: datetime | None = None) -> None:
    """Have a fresh report made of what the rule would forget. Raises NotYourRule."""
    row = RetentionRule.objects.select_for_update(of=("self",)).get(pk=rule_id)
    _require_right(by, row.shop_id)
    row.asked_at = at or now()
    row.save(update_fields=["asked_at"])
    doorbell.ring(BELL)


@transaction.atomic
def switch(
    rule_id: int,
    *,
    is_active: bool,
    seen_count: int | None,
    by: Agent | None,
    at: datetime | None = None,
) -> RetentionRule:
    """Switch a rule on or off; on only by who saw the report of just these days (`seen_count` of it).

    Raises LookFirst, NotYourRule; audited.
    """
    moment = at or now()
    row = RetentionRule.objects.select_for_update(of=("self",)).get(pk=rule_id)
    _require_right(by, row.shop_id)
    if row.is_active == is_active:
        return row
    if is_active and not (row.is_foreseen and seen_count == row.foreseen_count):
        raise LookFirst(_("Look at the report of what this rule would forget first."))
    row.is_active = is_active
    row.looked_at = moment if is_active else row.looked_at
    row.changed_by_id, row.changed_at = by.pk if by else None, moment
    row.save()
    _audit(
        row,
        "profiles.retention-switched-on" if is_active else "profiles.retention-switched-off",
        by=by,
        at=moment,
        changes={},
    )
    return row


def foresee_next(*, at: datetime | None = None) -> bool:
    """Make the report that was asked for first. False when none was."""
    moment = at or now()
    with transaction.atomic():
        asked = RetentionRule.objects.filter(asked_at__isnull=False).order_by("asked_at", "id")
        row = asked.select_for_update(of=("self",), skip_locked=True).first()
        if row is None:
            return False
        found = queries.foresee(row, at=moment)
        row.foreseen_count, row.oldest_at = found.count, found.oldest_at
        row.examples = list(found.examples)
        row.foreseen_days, row.foreseen_at, row.asked_at = row.days, moment, None
        row.save()
    return True


def begin_runs(*, at: datetime | None = None) -> int:
    """Begin a run for every rule that is on and not running. Returns how many."""
    moment = at or now()
    begun = 0
    idle = RetentionRule.objects.filter(is_active=True).exclude(
        pk__in=RetentionRun.objects.filter(finished_at__isnull=True).values("rule")
    )
    for rule in idle.order_by("id"):
        found = queries.foresee(rule, at=moment)
        if found.count:
            RetentionRun.objects.create(
                rule=rule, days=rule.days, expected=found.count, started_at=moment
            )
            begun += 1
    if begun:
        doorbell.ring(BELL)
    return begun


def run_next(*, at: datetime | None = None) -> bool:
    """Forget one batch of the run that began first. False when none is under way.

    The batch and how far the run has come commit together: after a kill another worker goes on there.
    """
    with transaction.atomic():
        under_way = RetentionRun.objects.filter(finished_at__isnull=True).order_by("id")
        run = under_way.select_for_update(of=("self",), skip_locked=True).first()
        if run is None:
            return False
        # What grew old enough since the run began waits for the next one.
        forgotten = _forget_batch(run.rule, days=run.days, began_at=run.started_at)
        run.done += forgotten
        if not forgotten or not run.rule.is_active:
            run.finished_at = at or now()
        run.save(update_fields=["done", "finished_at"])
    AFTER_BATCH.hit()
    return True


def _forget_batch(rule: RetentionRule, *, days: int, began_at: datetime) -> int:
    subject = ageing.get(rule.subject)
    if subject is None or not rule.is_active:
        return 0
    cutoff = began_at - timedelta(days=days)
    if subject.whole is not None and queries.is_for_all(rule):
        whole = subject.whole(cutoff)
        if whole:
            return whole
    ids = queries.batch(rule, subject, cutoff=cutoff, limit=subject.batch)
    return len(ids) and _forget(subject, ids, at=began_at)


def _forget(subject: Ageing, ids: Sequence[int], *, at: datetime) -> int:
    if subject.carry_out is not None:
        return len(list(subject.carry_out(ids, at)))
    with connection.cursor() as cursor:
        if subject.changes:
            statement = f"UPDATE {subject.table} t SET {subject.changes} WHERE t.id = ANY(%(ids)s)"  # noqa: S608 - from the registry
        else:
            statement = f"DELETE FROM {subject.table} t WHERE t.id = ANY(%(ids)s)"  # noqa: S608 - from the registry
        cursor.execute(statement, {"ids": list(ids), "at": at})
        return int(cursor.rowcount)


# --- What makes sense -----------------------------------------------------------------------------


def _require_right(by: Agent | None, shop_id: int | None) -> None:
    if by is None:
        return
    if not company.may(by, SETTINGS, shop_id=shop_id):
        raise NotYourRule(_("You may not change how long this data is kept."))


def _require_sense(subject: str, shop_id: int | None, days: int) -> None:
    found = ageing.get(subject)
    if found is None:
        raise UnusableRule(
            _("There is no such data."), fields={"subject": _("There is no such data.")}
        )
    faults = {}
    if shop_id is not None and not found.shop:
        faults["shop"] = _("This data belongs to no shop.")
    if not found.least <= days <= MOST_DAYS:
        faults["days"] = _("Between %(least)s and %(most)s days.") % {
            "least": found.least,
            "most": MOST_DAYS,
        }
    if faults:
        raise UnusableRule(_("Please correct the marked fields."), fields=faults)


def _audit(
    row: RetentionRule, action: str, *, by: Agent | None, at: datetime, changes: dict[str, object]
) -> None:
    record_audit(
        action=action,
        target=f"retention:{row.subject}",
        by=by,
        shop_id=row.shop_id,
        changes=changes,
        at=at,
    )
