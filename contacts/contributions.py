"""Which of our rows point at a customer, and what segments may ask about them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from contacts.events import MessageAdded, TicketOpened, TicketStateChanged
from contacts.queries import criteria
from profiles import extensions


def register() -> None:
    """Declare what a merge of two customers moves, and what segments can ask about requests."""
    extensions.holdings.register(
        extensions.Holding(
            key="contacts.ticket", table="contacts_ticket", label=_("Requests"), order=10
        )
    )
    for criterion in criteria.all_criteria():
        extensions.criteria.register(criterion)
    for event, label in (
        (TicketOpened, _("Request opened")),
        (MessageAdded, _("Message in a request")),
        (TicketStateChanged, _("Request changed its state")),
    ):
        extensions.happenings.register(extensions.Happening(key=event.name, label=label))
