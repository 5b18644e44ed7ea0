"""One action on many tickets at once, and taking it back."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.timezone import now
from django.utils.translation import gettext as _

from contacts.models import BulkChange, Ticket
from contacts.services import ledger, triage
from ecrm.kernel.errors import DomainError

if TYPE_CHECKING:
    from company.types import Agent

LIMIT = 200
REMEMBERED = (
    "state",
    "assignee_id",
    "priority",
    "tags",
    *(f for f in ledger.STATE_FIELDS if f != "state"),
)
DATES = frozenset({"snoozed_until", "solved_at", "closed_at", "waiting_since"})


class UnknownAction(DomainError):
    """The list of tickets offers no such action."""

    code = "bulk_action_unknown"
    status = 422


class TooManyTickets(DomainError):
    """More tickets than one transaction should hold."""

    code = "bulk_too_many"
    status = 422


class UndoTooLate(DomainError):
    """The action is too long ago, was another agent's, or was taken back before."""

    code = "undo_too_late"


@dataclass(frozen=True, kw_only=True, slots=True)
class BulkResult:
    """What a bulk action did: `changed` tickets, and `left_alone` which already were so or refused."""

    change_id: int | None
    changed: int
    left_alone: int


@transaction.atomic
def apply(
    ticket_ids: Collection[int],
    *,
    action: str,
    by: Agent,
    to: int | None = None,
    until: datetime | None = None,
    priority: int | None = None,
    tag: str = "",
    at: datetime | None = None,
) -> BulkResult:
    """Do one thing to each of these tickets: assign, take, solve, open, snooze, priority or tag.

    A ticket whose state forbids it is left alone and counted. Raises UnknownAction and
    TooManyTickets, and what the single action raises about its own arguments.
    """
    at = at or now()
    if len(ticket_ids) > LIMIT:
        raise TooManyTickets(_("Choose at most %(limit)s requests at once.") % {"limit": LIMIT})
    steps: dict[str, Callable[[int], Ticket]] = {
        "take": lambda pk: triage.assign(pk, to=by.pk, by=by, at=at),
        "assign": lambda pk: triage.assign(pk, to=to, by=by, at=at),
        "solve": lambda pk: triage.change_state(pk, to=Ticket.State.SOLVED, by=by, at=at),
        "open": lambda pk: triage.change_state(pk, to=Ticket.State.OPEN, by=by, at=at),
        "snooze": lambda pk: triage.snooze(pk, until=until or at, by=by, at=at),
        "priority": lambda pk: triage.change_priority(pk, to=priority or 0, by=by, at=at),
        "tag": lambda pk: triage.change_tags(pk, add=[tag], by=by, at=at),
    }
    if action not in steps:
        raise UnknownAction(_("This action does not exist."))
    tickets = Ticket.objects.locked().filter(pk__in=ticket_ids)
    rows = [row for before in tickets if (row := _step(before, steps[action]))]
    if not rows:
        return BulkResult(change_id=None, changed=0, left_alone=len(ticket_ids))
    change = BulkChange.objects.create(agent_id=by.pk, action=action, rows=rows, created_at=at)
    return BulkResult(
        change_id=change.pk, changed=len(rows), left_alone=len(ticket_ids) - len(rows)
    )


def _step(before: Ticket, step: Callable[[int], Ticket]) -> dict[str, Any] | None:
    """Run the step; what to remember for the undo, or None when nothing changed."""
    remembered = {field: _plain(getattr(before, field)) for field in REMEMBERED}
    try:
        with transaction.atomic():
            after = step(before.pk)
    except ledger.MoveNotAllowed:
        return None
    if after.version == before.version:
        return None
    return {"ticket": before.pk, "version": after.version, "before": remembered}


@transaction.atomic
def undo(change_id: int, *, by: Agent, at: datetime | None = None) -> int:
    """Take a bulk action back where nobody has touched the ticket since. Returns how many.

    Raises UndoTooLate; publishes what the change of each ticket calls for.
    """
    at = at or now()
    change = (
        BulkChange.objects.select_for_update()
        .filter(pk=change_id, agent_id=by.pk, undone_at=None)
        .filter(created_at__gte=at - BulkChange.UNDO_WINDOW)
        .first()
    )
    if change is None:
        raise UndoTooLate(_("This can't be undone any more."))
    rows = {row["ticket"]: row for row in change.rows}
    restored = 0
    for ticket in Ticket.objects.locked().filter(pk__in=rows):
        if ticket.version == rows[ticket.pk]["version"]:
            _restore(ticket, rows[ticket.pk]["before"], by=by, at=at)
            restored += 1
    change.undone_at = at
    change.save(update_fields=["undone_at"])
    return restored


def _restore(ticket: Ticket, before: dict[str, Any], *, by: Agent, at: datetime) -> None:
    state, assignee_id = ticket.state, ticket.assignee_id
    for field, value in before.items():
        setattr(ticket, field, parse_datetime(value) if field in DATES and value else value)
    ledger.save(ticket, fields=[field.removesuffix("_id") for field in before], at=at)
    ledger.say(ticket, what="undone", by=by, at=at)
    if ticket.state != state:
        ledger.publish_move(ticket, before=state, by=by, at=at)
    if ticket.assignee_id != assignee_id:
        ledger.publish_owner(ticket, by=by, at=at)
    if ticket.state == state and ticket.assignee_id == assignee_id:
        triage.publish_edit(ticket, by=by, at=at)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
