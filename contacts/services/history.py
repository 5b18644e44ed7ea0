"""What happened to requests before the product was there to see it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from contacts.models import Rating
from contacts.services import ledger, rating
from ecrm.kernel import outbox


@transaction.atomic
def record_rating(
    ticket_id: int, *, score: int, comment: str = "", asked_at: datetime, rated_at: datetime
) -> Rating:
    """Keep what a customer said of a request in the past: nobody is written to, nothing follows.

    Raises UnusableRating and TicketNotFound; TicketRated stands on the timeline.
    """
    ledger.lock(ticket_id)
    row, _is_new = Rating.objects.get_or_create(
        ticket_id=ticket_id, defaults={"asked_at": asked_at}
    )
    with outbox.as_history():
        return rating.rate(row.pk, score=score, comment=comment, at=rated_at)
