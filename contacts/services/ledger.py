"""The ground of every write: a locked ticket, its next numbered entry, its next state.

All functions expect to run inside the transaction of the service that calls them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils.translation import gettext as _

from contacts import rules
from contacts.events import MessageAdded, TicketAssigned, TicketStateChanged
from contacts.models import Ticket, TicketMessage
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError

if TYPE_CHECKING:
    from company.types import Agent


class TicketNotFound(DomainError):
    """The ticket never existed or was erased meanwhile."""

    code = "ticket_not_found"
    status = 404


class ClientIdReused(DomainError):
    """The same client id came with other words: answering with the first result would lose them."""

    code = "client_id_reused"
    status = 422


class MoveNotAllowed(DomainError):
    """The ticket can't go from its present state to the wished one, for instance out of closed."""

    code = "ticket_move_not_allowed"


def lock(ticket_id: int) -> Ticket:
    """The ticket, locked until the transaction ends. Raises TicketNotFound."""
    ticket = Ticket.objects.locked().filter(pk=ticket_id).first()
    if ticket is None:
        raise TicketNotFound(_("This request does not exist any more."))
    return ticket


def already_added(ticket: Ticket, *, client_id: UUID | None, text: str) -> TicketMessage | None:
    """The message that an earlier try with this client id left. Raises ClientIdReused."""
    if client_id is None:
        return None
    message = ticket.messages.filter(client_id=client_id).first()
    if message is not None and message.text != text:
        raise ClientIdReused(
            _("This form has already sent another text. Your new text is kept: send it again.")
        )
    return message


def append(  # noqa: PLR0913 - the parts of a message; all but the ticket are keywords
    ticket: Ticket,
    *,
    kind: str,
    at: datetime,
    seq: int | None = None,
    text: str = "",
    by: Agent | None = None,
    channel: str | None = None,
    client_id: UUID | None = None,
    change: Mapping[str, Any] | None = None,
    **columns: Any,
) -> TicketMessage:
    """Add the next entry to a locked ticket; `seq` when it was taken before. Publishes MessageAdded."""
    number = seq if seq is not None else take_seq(ticket)
    message = TicketMessage.objects.create(
        ticket=ticket,
        seq=number,
        kind=kind,
        channel=channel or ticket.channel,
        text=text,
        author_id=by.pk if by else None,
        client_id=client_id,
        change=dict(change or {}),
        created_at=at,
        **columns,
    )
    outbox.publish(
        MessageAdded(
            ticket_id=ticket.pk,
            message_id=message.pk,
            seq=number,
            profile_id=ticket.profile_id,
            shop_id=ticket.shop_id,
            kind=kind,
        ),
        at=at,
    )
    return message


def take_seq(ticket: Ticket) -> int:
    """The number of the next entry of a locked ticket."""
    ticket.last_seq = Ticket.objects.take_seq(ticket.pk)
    ticket.version += 1
    return ticket.last_seq


def save(ticket: Ticket, *, fields: Sequence[str], at: datetime) -> None:
    """Store these fields of a locked ticket and count the change."""
    ticket.version += 1
    ticket.updated_at = at
    ticket.save(update_fields=[*fields, "version", "updated_at"])


def move(
    ticket: Ticket, *, to: str, by: Agent | None, at: datetime, until: datetime | None = None
) -> None:
    """Put a locked ticket into another state, with the dates that belong to it.

    Raises MoveNotAllowed; publishes TicketStateChanged. The same state again changes only `until`.
    """
    before = ticket.state
    if before != to or to == Ticket.State.SNOOZED:
        _require_move(ticket, to)
    ticket.state = to
    ticket.snoozed_until = until if to == Ticket.State.SNOOZED else None
    if to in rules.FINISHED:
        ticket.solved_at = ticket.solved_at or at
    else:
        ticket.solved_at = None
    ticket.closed_at = at if to == Ticket.State.CLOSED else None
    if to in rules.FINISHED or to == Ticket.State.WAITING:
        ticket.waiting_since = None
    save(ticket, fields=STATE_FIELDS, at=at)
    if before != to:
        publish_move(ticket, before=before, by=by, at=at)


STATE_FIELDS = ("state", "snoozed_until", "solved_at", "closed_at", "waiting_since")


def _require_move(ticket: Ticket, after: str) -> None:
    if not rules.may_move(ticket.state, after):
        raise MoveNotAllowed(
            _("A request that is “%(before)s” can't become “%(after)s”.")
            % {"before": ticket.get_state_display(), "after": Ticket.State(after).label}
        )


def publish_move(ticket: Ticket, *, before: str, by: Agent | None, at: datetime) -> None:
    """Tell that the ticket left the state `before`."""
    outbox.publish(
        TicketStateChanged(
            ticket_id=ticket.pk,
            profile_id=ticket.profile_id,
            shop_id=ticket.shop_id,
            state_before=before,
            state_after=ticket.state,
            by_id=by.pk if by else None,
        ),
        at=at,
    )


def own(ticket: Ticket, *, agent_id: int | None, by: Agent | None, at: datetime) -> None:
    """Give a locked ticket an owner, or none, and say so in the thread. Publishes TicketAssigned."""
    ticket.assignee_id = agent_id
    save(ticket, fields=["assignee"], at=at)
    say(ticket, what="assigned", by=by, at=at, to=agent_id)
    publish_owner(ticket, by=by, at=at)


def publish_owner(ticket: Ticket, *, by: Agent | None, at: datetime) -> None:
    """Tell who owns the ticket now."""
    outbox.publish(
        TicketAssigned(
            ticket_id=ticket.pk,
            profile_id=ticket.profile_id,
            shop_id=ticket.shop_id,
            assignee_id=ticket.assignee_id,
            by_id=by.pk if by else None,
        ),
        at=at,
    )


def say(ticket: Ticket, *, what: str, by: Agent | None, at: datetime, **details: Any) -> None:
    """Add a system line: what happened, in ids and scalars."""
    append(
        ticket,
        kind=TicketMessage.Kind.SYSTEM,
        by=by,
        at=at,
        change={"what": what, **details},
    )


def note_activity(ticket: Ticket, *, text: str, at: datetime, fields: Sequence[str] = ()) -> None:
    """Store what lists show of the latest entry, and the given fields."""
    ticket.last_message_at = max(ticket.last_message_at, at)
    ticket.snippet = rules.snippet(text)
    save(ticket, fields=["last_message_at", "snippet", *fields], at=at)
