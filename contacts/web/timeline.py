"""How the facts of the contact centre read on a customer's timeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts import rules
from contacts.events import MessageAdded, TicketOpened, TicketRated, TicketStateChanged
from contacts.models import Rating, Ticket, TicketMessage
from contacts.queries import ratings, thread
from profiles.extensions import TimelineRenderer, TimelineText, timeline

if TYPE_CHECKING:
    from ecrm.kernel.models import EventRecord

Render = Callable[[Sequence["EventRecord"]], Mapping[int, TimelineText]]


def register() -> None:
    """Add a renderer for each fact worth a line."""
    renderers: tuple[tuple[str, str, Render], ...] = (
        (TicketOpened.name, "message-circle", opened),
        (MessageAdded.name, "messages", said),
        (TicketStateChanged.name, "circle-check", solved),
        (TicketRated.name, "mood-smile", rated),
    )
    for event_name, icon, render in renderers:
        timeline.register(
            TimelineRenderer(
                event_name=event_name,
                icon=icon,
                kind="requests",
                kind_label=gettext_lazy("Requests"),
                render=render,
            )
        )


def opened(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """“New request: Where is my order?” and its first words, in two queries."""
    tickets = thread.tickets_by_id(record.payload["ticket_id"] for record in records)
    words = thread.first_words(tickets)
    return {
        record.pk: TimelineText(
            title=_("New request: %(subject)s") % {"subject": _subject(ticket)},
            detail=words.get(ticket.pk, ""),
            url=_url(ticket),
        )
        for record in records
        if (ticket := tickets.get(record.payload["ticket_id"]))
    }


def said(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """Who wrote and the first words, in one query; notes and system lines stay in the ticket.

    The first message of a ticket is told by the fact that opened it.
    """
    shown = [
        record
        for record in records
        if record.payload["kind"] in {TicketMessage.Kind.CUSTOMER, TicketMessage.Kind.AGENT}
        and record.payload["seq"] > 1
    ]
    messages = thread.messages_by_id(record.payload["message_id"] for record in shown)
    return {
        record.pk: TimelineText(
            title=_said_title(message),
            detail=thread.snippet_of(message),
            url=_url(message.ticket),
        )
        for record in shown
        if (message := messages.get(record.payload["message_id"]))
    }


def solved(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """That a request was solved, in one query; the other moves are seen in the ticket."""
    shown = [r for r in records if r.payload["state_after"] == Ticket.State.SOLVED]
    tickets = thread.tickets_by_id(record.payload["ticket_id"] for record in shown)
    return {
        record.pk: TimelineText(
            title=_("Request solved: %(subject)s") % {"subject": _subject(ticket)}, url=_url(ticket)
        )
        for record in shown
        if (ticket := tickets.get(record.payload["ticket_id"]))
    }


def rated(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """“Rated 4 of 5: Where is my order?”, with the comment that stands, in two queries."""
    tickets = thread.tickets_by_id(record.payload["ticket_id"] for record in records)
    standing = ratings.ratings_of(tickets)
    return {
        record.pk: TimelineText(
            title=_("Rated %(score)s of 5: %(subject)s")
            % {"score": record.payload["score"], "subject": _subject(ticket)},
            detail=_comment_of(record, standing.get(ticket.pk)),
            url=_url(ticket),
        )
        for record in records
        if (ticket := tickets.get(record.payload["ticket_id"]))
    }


def _comment_of(record: EventRecord, rating: Rating | None) -> str:
    """The comment, beside the rating it was given with; one that was replaced has none."""
    is_standing = rating is not None and rating.rated_at == record.occurred_at
    return rules.snippet(rating.comment) if is_standing and rating else ""


def _said_title(message: TicketMessage) -> str:
    if message.kind == TicketMessage.Kind.CUSTOMER:
        return _("Customer wrote: %(subject)s") % {"subject": _subject(message.ticket)}
    who = message.agent_name or _("The shop")
    return _("%(who)s answered: %(subject)s") % {"who": who, "subject": _subject(message.ticket)}


def _subject(ticket: Ticket) -> str:
    return ticket.subject or _("(no subject)")


def _url(ticket: Ticket) -> str:
    return reverse("contacts:ticket", args=[ticket.number]) + "?view=all"
