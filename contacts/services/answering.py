"""What agents say: answers that leave by mail, notes that stay, drafts in between."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from contacts import rules
from contacts.models import Draft, Ticket, TicketMessage
from contacts.services import ledger
from contacts.services.intake import EmptyMessage
from ecrm.kernel import failpoints
from ecrm.kernel.errors import DomainError
from messaging import queries as mails
from messaging import services as messaging

if TYPE_CHECKING:
    from company.types import Agent

AFTER_MAIL_QUEUED = failpoints.declare("contacts.after-reply-queued")
AFTER_REPLY = failpoints.declare("contacts.after-reply-row")


class TicketMovedOn(DomainError):
    """A colleague answered after the moment this agent last looked; nothing was sent."""

    code = "ticket_moved_on"

    def __init__(self, message: str, *, news: list[TicketMessage], head: int) -> None:
        super().__init__(message)
        self.news = news
        self.head = head


class TicketClosed(DomainError):
    """A closed ticket takes no answers; what comes next is a new ticket."""

    code = "ticket_closed"


class CustomerUnreachable(DomainError):
    """The customer left no address to answer to."""

    code = "customer_unreachable"


@transaction.atomic
def reply(
    ticket_id: int,
    *,
    text: str,
    client_id: UUID,
    by: Agent | None,
    seen_seq: int | None = None,
    then: str = Ticket.State.WAITING,
    at: datetime | None = None,
) -> TicketMessage:
    """Answer the customer: the message, its mail and the ticket's next state in one transaction.

    The same client id gives the first answer again. `seen_seq` is the last message the agent had in
    front of him: when a colleague answered since, nothing is sent. An unowned ticket becomes his.
    Raises EmptyMessage, TicketClosed, CustomerUnreachable, TicketMovedOn (with what is new) and
    ClientIdReused; publishes MessageAdded and what the ticket's change calls for.
    """
    at = at or now()
    text = _required(text)
    ticket = ledger.lock(ticket_id)
    if found := ledger.already_added(ticket, client_id=client_id, text=text):
        return found
    _require_answerable(ticket)
    _require_unmoved(ticket, seen_seq)
    seq = ledger.take_seq(ticket)
    outgoing_id = _queue(ticket, text=text, seq=seq, by=by, at=at)
    AFTER_MAIL_QUEUED.hit()
    message = ledger.append(
        ticket,
        kind=TicketMessage.Kind.AGENT,
        seq=seq,
        text=text,
        by=by,
        channel=Ticket.Channel.EMAIL,
        client_id=client_id,
        outgoing_id=outgoing_id,
        at=at,
    )
    _settle(ticket, text=text, by=by, then=then, at=at)
    AFTER_REPLY.hit()
    return message


@transaction.atomic
def add_note(
    ticket_id: int,
    *,
    text: str,
    by: Agent | None,
    client_id: UUID | None = None,
    at: datetime | None = None,
) -> TicketMessage:
    """Write something down for colleagues; the customer never sees it and no state moves.

    The same client id gives the first note again. Raises EmptyMessage and ClientIdReused; publishes
    MessageAdded.
    """
    at = at or now()
    text = _required(text)
    ticket = ledger.lock(ticket_id)
    if found := ledger.already_added(ticket, client_id=client_id, text=text):
        return found
    message = ledger.append(
        ticket, kind=TicketMessage.Kind.NOTE, text=text, by=by, client_id=client_id, at=at
    )
    ledger.note_activity(ticket, text=text, at=at)
    _forget_draft(ticket, by=by)
    return message


@transaction.atomic
def save_draft(
    ticket_id: int,
    *,
    kind: str,
    text: str,
    by: Agent,
    client_id: UUID | None = None,
    seen_seq: int = 0,
    at: datetime | None = None,
) -> Draft | None:
    """Keep what the agent is writing; empty text forgets it and gives None.

    An autosave that arrives after its own message was sent is ignored: the text must not come back.
    """
    ticket = ledger.lock(ticket_id)
    is_sent = client_id is not None and ticket.messages.filter(client_id=client_id).exists()
    if is_sent or not text.strip():
        _forget_draft(ticket, by=by)
        return None
    draft, _created = Draft.objects.update_or_create(
        ticket=ticket,
        agent_id=by.pk,
        defaults={
            "kind": kind,
            "text": text,
            "seen_seq": seen_seq,
            "updated_at": at or now(),
        },
    )
    return draft


def _required(text: str) -> str:
    tidy = text.replace("\r\n", "\n").strip()
    if not tidy:
        raise EmptyMessage(
            _("Write something first."), fields={"text": _("Write something first.")}
        )
    return tidy


def _require_answerable(ticket: Ticket) -> None:
    if ticket.state == Ticket.State.CLOSED:
        raise TicketClosed(_("This request is closed. Open a new one to write to the customer."))
    if not ticket.reply_to:
        raise CustomerUnreachable(_("This customer left no e-mail address to answer to."))


def _require_unmoved(ticket: Ticket, seen_seq: int | None) -> None:
    if seen_seq is None:
        return
    news = list(
        ticket.messages.after(seen_seq)
        .filter(kind=TicketMessage.Kind.AGENT)
        .select_related("author")
        .order_by("seq")
    )
    if news:
        raise TicketMovedOn(
            _("A colleague answered while you were writing. Nothing was sent; your text is kept."),
            news=news,
            head=ticket.last_seq,
        )


def _queue(ticket: Ticket, *, text: str, seq: int, by: Agent | None, at: datetime) -> int:
    """The mail row of an answer, threaded under what was said before.

    Worded here and not by messaging's templates: those are for mail no person wrote.
    """
    answered = (
        ticket.messages.filter(
            kind=TicketMessage.Kind.CUSTOMER, is_automatic=False, is_unverified=False
        )
        .order_by("-seq")
        .first()
    )
    shop = company.shop(ticket.shop_id)
    words = {
        "number": ticket.number,
        "text": text,
        "agent_name": by.name if by else "",
        "shop_name": shop.sender_name or shop.name,
        "quoted": rules.quoted_lines(answered.text) if answered else [],
        "quoted_name": (answered.author_name or answered.author_address) if answered else "",
        "quoted_at": answered.created_at if answered else None,
    }
    in_reply_to, references = _thread(ticket)
    with translation.override(ticket.language):
        return messaging.queue_mail(
            shop_id=ticket.shop_id,
            to=ticket.reply_to,
            profile_id=ticket.profile_id,
            purpose="transactional",
            subject=rules.reply_subject(ticket.subject) or _("Your request"),
            text=render_to_string("contacts/email/reply.txt", words),
            html=render_to_string("contacts/email/reply.html", words),
            language=ticket.language,
            dedupe_key=f"{ticket.topic}:{seq}",
            about=ticket.topic,
            in_reply_to=in_reply_to,
            references=references,
            at=at,
        )


def _thread(ticket: Ticket) -> tuple[str, tuple[str, ...]]:
    """In-Reply-To and References of the next answer: the latest mail of either side."""
    last = (
        ticket.messages.filter(is_unverified=False)
        .exclude(mail=None, outgoing=None)
        .order_by("-seq")
        .values_list("mail_id", "outgoing_id")
        .first()
    )
    if last is None:
        return "", ()
    mail_id, outgoing_id = last
    if mail_id is not None:
        mail = mails.mail(mail_id)
        return mail.message_id, rules.reference_chain(mail.references, mail.message_id)
    header = mails.outgoing(outgoing_id).message_id_header
    return header, rules.reference_chain(_references_before(ticket), header)


def _references_before(ticket: Ticket) -> tuple[str, ...]:
    """The References of the customer's latest mail and its own Message-ID."""
    mail_id = (
        ticket.messages.filter(mail__isnull=False, is_unverified=False)
        .order_by("-seq")
        .values_list("mail_id", flat=True)
        .first()
    )
    if mail_id is None:
        return ()
    mail = mails.mail(mail_id)
    return (*mail.references, mail.message_id)


def _settle(ticket: Ticket, *, text: str, by: Agent | None, then: str, at: datetime) -> None:
    """The ticket after an answer: answered, owned, waiting for the customer or solved."""
    ticket.first_answered_at = ticket.first_answered_at or at
    if by is not None and ticket.assignee_id is None:
        ledger.own(ticket, agent_id=by.pk, by=by, at=at)
    if then != ticket.state:
        ledger.move(ticket, to=then, by=by, at=at)
    ticket.waiting_since = None
    ledger.note_activity(ticket, text=text, at=at, fields=["first_answered_at", "waiting_since"])
    _forget_draft(ticket, by=by)


def _forget_draft(ticket: Ticket, *, by: Agent | None) -> None:
    if by is not None:
        Draft.objects.filter(ticket=ticket, agent_id=by.pk).delete()
