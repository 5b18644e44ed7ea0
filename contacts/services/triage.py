"""What agents decide about a ticket: who, when, how urgent, and whether it is done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from contacts import rules
from contacts.events import TicketChanged
from contacts.models import Ticket
from contacts.services import ledger
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError

if TYPE_CHECKING:
    from company.types import Agent


class TicketTaken(DomainError):
    """A colleague took the ticket a moment earlier."""

    code = "ticket_taken"


class AgentCannotAnswer(DomainError):
    """The wished owner may not answer for this shop."""

    code = "agent_cannot_answer"
    status = 422


class SnoozeInThePast(DomainError):
    """A ticket can only sleep until a later moment."""

    code = "snooze_in_the_past"
    status = 422


class UnknownPriority(DomainError):
    """There are four priorities, from 1 (low) to 4 (urgent)."""

    code = "priority_unknown"
    status = 422


@transaction.atomic
def assign(
    ticket_id: int, *, to: int | None, by: Agent | None, at: datetime | None = None
) -> Ticket:
    """Give the ticket to an agent who may answer it, or to nobody.

    Raises AgentCannotAnswer; publishes TicketAssigned. The owner it has already changes nothing.
    """
    ticket = ledger.lock(ticket_id)
    if ticket.assignee_id == to:
        return ticket
    if to is not None and not _can_answer(to, shop_id=ticket.shop_id):
        raise AgentCannotAnswer(_("This colleague may not answer requests of this shop."))
    ledger.own(ticket, agent_id=to, by=by, at=at or now())
    return ticket


@transaction.atomic
def take(ticket_id: int, *, by: Agent, at: datetime | None = None) -> Ticket:
    """Make an unowned ticket the agent's own: of many who try at once, one gets it.

    Raises TicketTaken when somebody else owns it; publishes TicketAssigned.
    """
    ticket = ledger.lock(ticket_id)
    if ticket.assignee_id not in {None, by.pk}:
        raise TicketTaken(_("A colleague took this request a moment ago."))
    if ticket.assignee_id is None:
        ledger.own(ticket, agent_id=by.pk, by=by, at=at or now())
    return ticket


@transaction.atomic
def change_state(
    ticket_id: int, *, to: str, by: Agent | None, at: datetime | None = None
) -> Ticket:
    """Move the ticket to open, waiting, solved or closed; the same state changes nothing.

    Raises MoveNotAllowed; publishes TicketStateChanged.
    """
    at = at or now()
    ticket = ledger.lock(ticket_id)
    if ticket.state == to:
        return ticket
    if to == Ticket.State.SNOOZED:
        raise SnoozeInThePast(_("Say until when the request shall sleep."))
    ledger.move(ticket, to=to, by=by, at=at)
    ledger.say(ticket, what=f"state:{to}", by=by, at=at)
    return ticket


@transaction.atomic
def snooze(
    ticket_id: int, *, until: datetime, by: Agent | None, at: datetime | None = None
) -> Ticket:
    """Let the ticket sleep until a later moment; a word of the customer wakes it earlier.

    Raises SnoozeInThePast and MoveNotAllowed; publishes TicketStateChanged.
    """
    at = at or now()
    if until <= at:
        raise SnoozeInThePast(_("Choose a moment in the future."))
    ticket = ledger.lock(ticket_id)
    ledger.move(ticket, to=Ticket.State.SNOOZED, by=by, at=at, until=until)
    ledger.say(ticket, what="state:snoozed", by=by, at=at, until=until.isoformat())
    return ticket


@transaction.atomic
def wake_due(*, at: datetime | None = None, limit: int = 200) -> int:
    """Open snoozed tickets whose time has come. Returns how many; publishes TicketStateChanged."""
    at = at or now()
    due = Ticket.objects.due_to_wake(at).select_for_update(of=("self",), skip_locked=True)
    tickets = list(due.order_by("pk")[:limit])
    for ticket in tickets:
        ledger.move(ticket, to=Ticket.State.OPEN, by=None, at=at)
        ledger.say(ticket, what="state:woken", by=None, at=at)
    return len(tickets)


@transaction.atomic
def change_priority(
    ticket_id: int, *, to: int, by: Agent | None, at: datetime | None = None
) -> Ticket:
    """Say how urgent the ticket is. Raises UnknownPriority; publishes TicketChanged."""
    if to not in Ticket.Priority.values:
        raise UnknownPriority(_("This priority does not exist."))
    ticket = ledger.lock(ticket_id)
    if ticket.priority != to:
        ticket.priority = to
        _edited(ticket, "priority", by=by, at=at or now())
    return ticket


@transaction.atomic
def change_tags(
    ticket_id: int,
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    by: Agent | None,
    at: datetime | None = None,
) -> Ticket:
    """Add and remove tags; other tags stay, also those a colleague adds now. Publishes TicketChanged."""
    ticket = ledger.lock(ticket_id)
    leaving = set(rules.clean_tags(remove))
    tags = [tag for tag in rules.clean_tags([*ticket.tags, *add]) if tag not in leaving]
    if tags != ticket.tags:
        ticket.tags = tags
        _edited(ticket, "tags", by=by, at=at or now())
    return ticket


def _can_answer(agent_id: int, *, shop_id: int) -> bool:
    answering = company.agents_with("contacts.answer_ticket", shop_id=shop_id)
    return any(agent.id == agent_id for agent in answering)


def _edited(ticket: Ticket, field: str, *, by: Agent | None, at: datetime) -> None:
    ledger.save(ticket, fields=[field], at=at)
    publish_edit(ticket, by=by, at=at)


def publish_edit(ticket: Ticket, *, by: Agent | None, at: datetime) -> None:
    """Tell that something about the ticket was edited."""
    outbox.publish(
        TicketChanged(
            ticket_id=ticket.pk,
            profile_id=ticket.profile_id,
            shop_id=ticket.shop_id,
            by_id=by.pk if by else None,
        ),
        at=at,
    )
