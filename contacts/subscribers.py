"""What the contact centre does when something happened: mail in, and hints to open pages."""

from __future__ import annotations

from contacts import rules, services
from contacts.events import (
    MessageAdded,
    TicketAssigned,
    TicketChanged,
    TicketOpened,
    TicketRated,
    TicketStateChanged,
)
from ecrm.kernel import live
from ecrm.kernel.events import subscribe
from messaging.events import MailReceived, MessageFailed, MessageSent


@subscribe(MailReceived)
def receive_mail(event: MailReceived) -> None:
    """A customer's mail becomes a message of a ticket."""
    services.receive_mail(event.mail_id)


@subscribe(TicketStateChanged)
def ask_for_rating(event: TicketStateChanged) -> None:
    """Whose request was finished is asked what he thought of our answers."""
    if event.state_after in rules.FINISHED:
        services.ask(event.ticket_id)


@subscribe(TicketOpened, io=True)
def hint_ticket_opened(event: TicketOpened) -> None:
    """Open inboxes show the new ticket."""
    live.hint(f"tickets:shop:{event.shop_id}", f"profile:{event.profile_id}")


@subscribe(MessageAdded, io=True)
def hint_message_added(event: MessageAdded) -> None:
    """Whoever has the ticket or its list open sees the new message."""
    live.hint(f"ticket:{event.ticket_id}", f"tickets:shop:{event.shop_id}")


@subscribe(TicketAssigned, io=True)
def hint_ticket_assigned(event: TicketAssigned) -> None:
    """Lists and the open ticket show the new owner."""
    live.hint(f"ticket:{event.ticket_id}", f"tickets:shop:{event.shop_id}")


@subscribe(TicketStateChanged, io=True)
def hint_ticket_state_changed(event: TicketStateChanged) -> None:
    """Lists and the open ticket show the new state."""
    live.hint(f"ticket:{event.ticket_id}", f"tickets:shop:{event.shop_id}")


@subscribe(TicketChanged, io=True)
def hint_ticket_changed(event: TicketChanged) -> None:
    """Lists and the open ticket show the edited details."""
    live.hint(f"ticket:{event.ticket_id}", f"tickets:shop:{event.shop_id}")


@subscribe(TicketRated, io=True)
def hint_ticket_rated(event: TicketRated) -> None:
    """The open ticket and the customer's page show the rating."""
    live.hint(
        f"ticket:{event.ticket_id}", f"tickets:shop:{event.shop_id}", f"profile:{event.profile_id}"
    )


@subscribe(MessageSent, io=True)
def hint_answer_sent(event: MessageSent) -> None:
    """The answer's tick turns from sending to sent."""
    _hint_delivery(event.about)


@subscribe(MessageFailed, io=True)
def hint_answer_failed(event: MessageFailed) -> None:
    """The answer's tick turns into a warning."""
    _hint_delivery(event.about)


def _hint_delivery(about: str) -> None:
    if (ticket_id := rules.ticket_named_in(about)) is not None:
        live.hint(f"ticket:{ticket_id}")
