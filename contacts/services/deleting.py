"""Deleting a conversation: its words go, and a tombstone stays that keeps its mails from reviving it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import now

from company import services as company
from contacts.events import TicketChanged
from contacts.models import Draft, Ticket, TicketMessage
from contacts.services import ledger, privacy
from ecrm.kernel import outbox
from messaging import services as messaging

if TYPE_CHECKING:
    from company.types import Agent


@transaction.atomic
def delete_ticket(ticket_id: int, *, by: Agent | None, at: datetime | None = None) -> None:
    """Remove the words of a conversation for good and hide it from everybody.

    What was understood of its mails goes too; their originals and files go when their retention ends, as do
    the answers that were sent. Its mails stay known: fetched again they are duplicates, and whoever answers
    to it opens a new conversation. Raises TicketNotFound; publishes TicketChanged.
    """
    moment = at or now()
    ticket = ledger.lock(ticket_id)
    mails = TicketMessage.objects.filter(ticket=ticket, mail__isnull=False)
    messaging.forget_words(list(mails.values_list("mail_id", flat=True)))
    Draft.objects.filter(ticket=ticket).delete()
    privacy.empty_tickets([ticket.pk], at=moment)
    Ticket.objects.filter(pk=ticket.pk).update(deleted_at=moment, updated_at=moment)
    company.record_audit(
        action="contacts.ticket-deleted",
        target=f"ticket:{ticket.number}",
        by=by,
        shop_id=ticket.shop_id,
        at=moment,
    )
    outbox.publish(
        TicketChanged(
            ticket_id=ticket.pk,
            profile_id=ticket.profile_id,
            shop_id=ticket.shop_id,
            by_id=by.pk if by else None,
        ),
        at=moment,
    )
