"""Received mail becomes messages of tickets."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils.timezone import now

from contacts import rules
from contacts.models import Ticket, TicketMessage
from contacts.services import intake, ledger
from ecrm.kernel import failpoints
from messaging import queries as mails
from messaging import services as messaging
from profiles import queries as profiles
from profiles import services as profile_services
from profiles.types import Identity

if TYPE_CHECKING:
    from messaging.types import ReceivedMail, SettledOutcome

AFTER_MESSAGE = failpoints.declare("contacts.after-mail-message")
BEFORE_SETTLED = failpoints.declare("contacts.before-mail-settled")

# Namespace of the advisory lock that lets one mail be received by one process at a time.
_MAIL_LOCK = 5_005


@transaction.atomic
def receive_mail(mail_id: int, *, at: datetime | None = None) -> TicketMessage | None:
    """Turn a parsed mail into a message of the ticket it answers, or of a new one.

    Received again it returns the first message. Machine mail joins the ticket it answers without
    waking it, and opens none: then the answer is None. Publishes MessageAdded and, where it applies,
    TicketOpened and TicketStateChanged; tells messaging what became of the mail.
    """
    _lock_mail(mail_id)
    if found := TicketMessage.objects.filter(mail_id=mail_id).first():
        return found
    mail = mails.mail(mail_id)
    at = at or now()
    thread = _thread_of(mail)
    if mail.is_machine:
        return _add_machine_mail(thread, mail, at=at) if thread else None
    joins = thread is not None and thread.state != Ticket.State.CLOSED
    outcome: SettledOutcome = "message-added" if joins else "conversation-opened"
    ticket = thread if joins and thread else _open_for_mail(mail, thread=thread, at=at)
    message = _add_mail(ticket, mail, at=at)
    AFTER_MESSAGE.hit()
    messaging.settle_mail(mail_id, outcome=outcome)
    BEFORE_SETTLED.hit()
    return message


def _lock_mail(mail_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_MAIL_LOCK, mail_id % 2**31])


def _thread_of(mail: ReceivedMail) -> Ticket | None:
    """The ticket this mail may be added to, locked: our own reference and a known sender."""
    ticket = _ticket_answered(mail)
    if ticket is None or not mail.is_sender_sound:
        return None
    return ticket if _is_participant(ticket, mail) else None


def _ticket_answered(mail: ReceivedMail) -> Ticket | None:
    ticket_id = rules.ticket_named_in(mail.answers.about) if mail.answers else None
    if ticket_id is None:
        return None
    return Ticket.objects.locked().filter(pk=ticket_id, shop_id=mail.shop_id).first()


def _is_participant(ticket: Ticket, mail: ReceivedMail) -> bool:
    """Whether the sender is the customer himself: the address we answer to, or one that is his."""
    if rules.same_address(mail.from_address, ticket.reply_to):
        return bool(ticket.reply_to)
    return profiles.find_by_email(mail.from_address) == ticket.profile_id


def _open_for_mail(mail: ReceivedMail, *, thread: Ticket | None, at: datetime) -> Ticket:
    profile_id = thread.profile_id if thread else _sender_profile(mail, at=at)
    related = thread or _ticket_answered(mail)
    return intake.create(
        shop_id=mail.shop_id,
        profile_id=profile_id,
        subject=rules.bare_subject(mail.subject),
        channel=Ticket.Channel.EMAIL,
        language=thread.language if thread else None,
        reply_to=mail.from_address,
        order_id=thread.order_id if thread else _order_of(mail, profile_id=profile_id),
        continues=related,
        at=at,
    )


def _sender_profile(mail: ReceivedMail, *, at: datetime) -> int:
    """The sender's profile, created at the first contact; a doubtful sender is nobody we know."""
    if not mail.is_sender_sound or not mail.from_address:
        identity = Identity(anonymous_id=f"mail:{mail.id}")
    else:
        first_name, last_name = rules.names_from(mail.from_name)
        identity = Identity(email=mail.from_address, first_name=first_name, last_name=last_name)
    return profile_services.resolve(identity, shop_id=mail.shop_id, source="mail", at=at).profile_id


def _order_of(mail: ReceivedMail, *, profile_id: int) -> int | None:
    """The order whose mail this one answers, when it is the sender's own."""
    order_id = rules.order_named_in(mail.answers.about) if mail.answers else None
    if order_id is None or not intake.is_own_order(
        order_id, profile_id=profile_id, shop_id=mail.shop_id
    ):
        return None
    return order_id


def _add_mail(ticket: Ticket, mail: ReceivedMail, *, at: datetime) -> TicketMessage:
    return intake.add_words(
        ticket,
        text=mail.visible_text.strip() or mail.text.strip(),
        at=at,
        reply_to=mail.from_address,
        **_mail_columns(mail),
    )


def _add_machine_mail(ticket: Ticket, mail: ReceivedMail, *, at: datetime) -> TicketMessage:
    """Keep what a machine answered where an agent may read it; nobody waits for an answer to it."""
    message = ledger.append(
        ticket,
        kind=TicketMessage.Kind.CUSTOMER,
        at=at,
        text=mail.visible_text.strip() or mail.text.strip(),
        is_automatic=True,
        **_mail_columns(mail),
    )
    messaging.settle_mail(mail.id, outcome="message-added")
    return message


def _mail_columns(mail: ReceivedMail) -> dict[str, Any]:
    return {
        "channel": Ticket.Channel.EMAIL,
        "mail_id": mail.id,
        "author_name": mail.from_name[:200],
        "author_address": mail.from_address[:320],
        "quoted_text": rules.quoted_part(mail.text, mail.visible_text),
        "has_html": bool(mail.html_clean),
        "attachments": [
            {
                "id": attachment.id,
                "name": attachment.name,
                "type": attachment.content_type,
                "size": attachment.size,
            }
            for attachment in mail.attachments
        ],
    }
