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
    """Turn a parsed mail into a message of the ticket it belongs to, or of a new one.

    Somebody else than the customer, with our own reference in hands, is heard in the ticket as an
    unverified participant. Received again it returns the first message. Machine mail joins the ticket it
    answers without waking it, and opens none: then the answer is None. Publishes MessageAdded and, where
    it applies, TicketOpened and TicketStateChanged; tells messaging what became of the mail.
    """
    _lock_mail(mail_id)
    if found := TicketMessage.objects.filter(mail_id=mail_id).first():
        return found
    mail = mails.mail(mail_id)
    at = at or now()
    ticket = _ticket_of(mail)
    is_customer = ticket is not None and _is_participant(ticket, mail)
    if mail.is_machine:
        return _add_machine_mail(ticket, mail, at=at) if ticket and is_customer else None
    joins = ticket is not None and ticket.state != Ticket.State.CLOSED
    outcome: SettledOutcome = "message-added" if joins else "conversation-opened"
    if not joins or ticket is None:
        ticket = _open_for_mail(mail, related=ticket, is_customer=is_customer, at=at)
        is_customer = True
    message = _add_mail(ticket, mail, is_unverified=not is_customer, at=at)
    AFTER_MESSAGE.hit()
    messaging.settle_mail(mail_id, outcome=outcome)
    BEFORE_SETTLED.hit()
    return message


def _lock_mail(mail_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_MAIL_LOCK, mail_id % 2**31])


def _ticket_of(mail: ReceivedMail) -> Ticket | None:
    """The ticket this mail belongs to, locked, by the strongest evidence there is.

    A reference that only we can have made counts whoever wrote; the id of an earlier mail, and the
    number of the request in the subject, count for the customer himself only.
    """
    tickets = Ticket.objects.locked().filter(shop_id=mail.shop_id)
    ticket_id = rules.ticket_named_in(mail.answers.about) if mail.answers else None
    if ticket_id is not None:
        return tickets.filter(pk=ticket_id).first()
    found = None
    if mail.continues_id is not None:
        earlier = TicketMessage.objects.filter(mail_id=mail.continues_id, is_unverified=False)
        found = tickets.filter(pk__in=earlier.values("ticket_id")).first()
    elif (number := rules.number_in_subject(mail.subject)) is not None:
        found = tickets.filter(number=number).first()
    return found if found is not None and _is_participant(found, mail) else None


def _is_participant(ticket: Ticket, mail: ReceivedMail) -> bool:
    """Whether the sender is the customer himself: an address we write to, or one that is his.

    Whom a form names is not: anybody can write any address into one.
    """
    if not mail.is_sender_sound or mail.is_passed_on or not mail.from_address:
        return False
    written_to = [ticket.reply_to, mail.answers.to if mail.answers else ""]
    if any(rules.same_address(mail.from_address, address) for address in written_to):
        return True
    return profiles.find_by_email(mail.from_address) == ticket.profile_id


def _open_for_mail(
    mail: ReceivedMail, *, related: Ticket | None, is_customer: bool, at: datetime
) -> Ticket:
    """A new ticket; behind a closed one it is the same customer's when he himself wrote."""
    same = related if is_customer else None
    profile_id = same.profile_id if same else _sender_profile(mail, at=at)
    return intake.create(
        shop_id=mail.shop_id,
        profile_id=profile_id,
        subject=rules.bare_subject(mail.subject),
        channel=Ticket.Channel.EMAIL,
        language=same.language if same else None,
        reply_to=mail.from_address,
        order_id=same.order_id if same else _order_of(mail, profile_id=profile_id),
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


def _add_mail(
    ticket: Ticket, mail: ReceivedMail, *, is_unverified: bool, at: datetime
) -> TicketMessage:
    """The words of a mail. Whoever is not known to be the customer gets no answers sent to him."""
    return intake.add_words(
        ticket,
        text=mail.visible_text.strip() or mail.text.strip(),
        at=at,
        reply_to="" if is_unverified else mail.from_address,
        is_unverified=is_unverified,
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
