"""Facts published by the contact centre. Ids only: what was said stays in the ticket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ecrm.kernel.events import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketOpened(Event):
    """A customer's request became a ticket, whatever door it came through."""

    name: ClassVar[str] = "contacts.ticket-opened"
    ticket_id: int
    profile_id: int
    shop_id: int
    channel: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageAdded(Event):
    """A ticket has one entry more: a customer's message, an answer, a note or a system line."""

    name: ClassVar[str] = "contacts.message-added"
    ticket_id: int
    message_id: int
    seq: int
    profile_id: int
    shop_id: int
    kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketAssigned(Event):
    """A ticket has another owner, or none any more."""

    name: ClassVar[str] = "contacts.ticket-assigned"
    ticket_id: int
    profile_id: int
    shop_id: int
    assignee_id: int | None
    by_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketStateChanged(Event):
    """A ticket moved along its states; `by_id` is None when a mail or the clock moved it."""

    name: ClassVar[str] = "contacts.ticket-state-changed"
    ticket_id: int
    profile_id: int
    shop_id: int
    state_before: str
    state_after: str
    by_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketRated(Event):
    """A customer said what he thought of our answers, 1 to 5; the latest word counts."""

    name: ClassVar[str] = "contacts.ticket-rated"
    ticket_id: int
    profile_id: int
    shop_id: int
    score: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketChanged(Event):
    """Subject, priority, tags or the linked order of a ticket were edited."""

    name: ClassVar[str] = "contacts.ticket-changed"
    ticket_id: int
    profile_id: int
    shop_id: int
    by_id: int | None
