"""Asking customers what they thought of our answers, and keeping what they say."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company.services import record_audit
from contacts import rules
from contacts.events import TicketRated
from contacts.models import Rating, RatingPolicy, Ticket, TicketMessage
from contacts.queries import ratings
from contacts.services import ledger
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from messaging import services as messaging
from messaging.services.outgoing import InvalidRecipient
from profiles import services as profiles

if TYPE_CHECKING:
    from company.types import Agent

SETTINGS = "company.manage_settings"


class UnusableRating(DomainError):
    """The rating is none of the five, or the comment too long; `fields` says which."""

    code = "unusable_rating"
    status = 422


class NotYourShop(DomainError):
    """The agent may not change the settings of this shop."""

    code = "not_your_shop"


@transaction.atomic
def ask(ticket_id: int, *, at: datetime | None = None) -> Rating | None:
    """Ask the customer of a finished ticket by mail what he thought; once for each ticket.

    None when nobody is to be asked: the shop does not ask, the ticket goes on, no person answered, the
    customer left no address or was asked before. Raises TicketNotFound.
    """
    ticket = ledger.lock(ticket_id)
    if not _is_worth_asking(ticket) or Rating.objects.filter(ticket=ticket).exists():
        return None
    moment = at or now()
    rating = Rating.objects.create(ticket=ticket, asked_at=moment)
    try:
        with transaction.atomic():
            _queue(rating, ticket, at=moment)
    except InvalidRecipient:
        rating.delete()
        return None
    return rating


@transaction.atomic
def rate(rating_id: int, *, score: int, comment: str = "", at: datetime | None = None) -> Rating:
    """Keep what the customer thinks, in the place of what he said before; the same again changes nothing.

    Raises UnusableRating, Rating.DoesNotExist; publishes TicketRated and MessageAdded.
    """
    words = comment.replace("\r\n", "\n").strip()
    _require_sense(score, words)
    ticket = ledger.lock(Rating.objects.values_list("ticket_id", flat=True).get(pk=rating_id))
    rating = Rating.objects.select_for_update(of=("self",)).get(pk=rating_id)
    if (rating.score, rating.comment) == (score, words):
        return rating
    moment, before = at or now(), rating.score
    rating.score, rating.comment, rating.rated_at = score, words, moment
    rating.save(update_fields=["score", "comment", "rated_at"])
    profiles.count_rating(ticket.profile_id, shop_id=ticket.shop_id, score=score, before=before)
    _tell(ticket, score=score, words=words, at=moment)
    return rating


@transaction.atomic
def set_asking(
    shop_id: int, *, is_asking: bool, by: Agent | None, at: datetime | None = None
) -> None:
    """Say whether a shop asks its customers. Raises NotYourShop; a change stands in the audit log."""
    if by is not None and not company.may(by, SETTINGS, shop_id=shop_id):
        raise NotYourShop(_("You may not change the settings of this shop."))
    row, _is_new = RatingPolicy.objects.select_for_update().get_or_create(shop_id=shop_id)
    if row.is_asking == is_asking:
        return
    row.is_asking = is_asking
    row.save(update_fields=["is_asking"])
    record_audit(
        action="contacts.rating-policy-changed",
        target=f"shop:{shop_id}",
        by=by,
        shop_id=shop_id,
        changes={"is_asking": is_asking},
        at=at or now(),
    )


def _is_worth_asking(ticket: Ticket) -> bool:
    return (
        ticket.is_finished
        and bool(ticket.reply_to)
        and ticket.first_answered_at is not None
        and ticket.shop_id in ratings.asking_shops([ticket.shop_id])
    )


def _queue(rating: Rating, ticket: Ticket, *, at: datetime) -> None:
    """The mail with five links. Its `about` lets a written answer join the ticket."""
    link = ratings.link_of(rating.pk)
    messaging.queue_mail(
        shop_id=ticket.shop_id,
        to=ticket.reply_to,
        profile_id=ticket.profile_id,
        purpose="service",
        template="contacts/email/rating",
        context={
            "shop": company.shop(ticket.shop_id),
            "subject": ticket.subject,
            "number": ticket.number,
            "choices": [
                {
                    "score": score.value,
                    "face": rules.FACES[score.value],
                    "label": score.label,
                    "link": f"{link}?score={score.value}",
                }
                for score in Rating.Score
            ],
        },
        language=ticket.language,
        dedupe_key=f"rating:{ticket.pk}",
        about=ticket.topic,
        at=at,
    )


def _require_sense(score: int, words: str) -> None:
    faults = {}
    if score not in Rating.Score.values:
        faults["score"] = _("Choose one of the five faces.")
    if len(words) > rules.LONGEST_COMMENT:
        faults["comment"] = _("At most %(number)s characters.") % {"number": rules.LONGEST_COMMENT}
    if faults:
        raise UnusableRating(_("Please correct the marked fields."), fields=faults)


def _tell(ticket: Ticket, *, score: int, words: str, at: datetime) -> None:
    ledger.append(
        ticket,
        kind=TicketMessage.Kind.SYSTEM,
        text=words,
        at=at,
        change={"what": "rated", "score": score},
    )
    ledger.save(ticket, fields=[], at=at)
    outbox.publish(
        TicketRated(
            ticket_id=ticket.pk,
            profile_id=ticket.profile_id,
            shop_id=ticket.shop_id,
            score=score,
        ),
        at=at,
    )
