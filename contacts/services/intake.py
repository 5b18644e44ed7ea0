"""What customers bring: new tickets and their next words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from contacts import rules
from contacts.events import TicketOpened
from contacts.models import Ticket, TicketMessage
from contacts.services import ledger
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from orders import queries as orders
from profiles import queries as profiles
from profiles import services as profile_services
from profiles.types import Identity


class EmptyMessage(DomainError):
    """There is nothing to read in this message."""

    code = "message_empty"
    status = 422


class OrderOfAnotherCustomer(DomainError):
    """The order a request is about must be the same customer's, in the same shop."""

    code = "order_of_another_customer"
    status = 422


@transaction.atomic
def open_ticket(  # noqa: PLR0913 - the parts of a ticket; all but the subject are keywords
    *,
    shop_id: int,
    profile_id: int,
    subject: str,
    text: str,
    channel: str = Ticket.Channel.EMAIL,
    language: str | None = None,
    reply_to: str | None = None,
    order_id: int | None = None,
    priority: int = Ticket.Priority.NORMAL,
    tags: Iterable[str] = (),
    at: datetime | None = None,
) -> Ticket:
    """Open a ticket with the customer's first message; answers go to `reply_to` or his own address.

    Raises EmptyMessage and OrderOfAnotherCustomer; publishes TicketOpened and MessageAdded.
    """
    at = at or now()
    _require_text(text)
    _require_own_order(order_id, profile_id=profile_id, shop_id=shop_id)
    ticket = create(
        shop_id=shop_id,
        profile_id=profile_id,
        subject=subject,
        channel=channel,
        language=language,
        reply_to=_own_address(profile_id) if reply_to is None else reply_to,
        order_id=order_id,
        priority=priority,
        tags=rules.clean_tags(tags),
        at=at,
    )
    add_words(ticket, text=text, at=at)
    return ticket


@transaction.atomic
def open_request(  # noqa: PLR0913 - the parts of a ticket; all but the subject are keywords
    identity: Identity,
    *,
    shop_id: int,
    text: str,
    subject: str = "",
    channel: str = Ticket.Channel.API,
    language: str | None = None,
    order_external_id: str | None = None,
    priority: int = Ticket.Priority.NORMAL,
    tags: Iterable[str] = (),
    at: datetime | None = None,
) -> Ticket:
    """Open a ticket for somebody whom another program names; his profile is found or created.

    Raises what open_ticket and profiles' identify raise.
    """
    at = at or now()
    profile_id = profile_services.identify(
        identity, shop_id=shop_id, source="api", at=at
    ).profile_id
    order_id = None
    if order_external_id is not None:
        order_id = _order_called(order_external_id, profile_id=profile_id, shop_id=shop_id)
    return open_ticket(
        shop_id=shop_id,
        profile_id=profile_id,
        subject=subject,
        text=text,
        channel=channel,
        language=language,
        reply_to=identity.email,
        order_id=order_id,
        priority=priority,
        tags=tags,
        at=at,
    )


@transaction.atomic
def add_customer_message(
    ticket_id: int, *, text: str, client_id: UUID | None = None, at: datetime | None = None
) -> TicketMessage:
    """Add the customer's next words to his ticket; a solved one is open again.

    The same client id gives the first message again. On a closed ticket the words open a new one
    that points back. Raises EmptyMessage and ClientIdReused; publishes MessageAdded and, when the
    state moved, TicketStateChanged.
    """
    at = at or now()
    _require_text(text)
    ticket = ledger.lock(ticket_id)
    if found := ledger.already_added(ticket, client_id=client_id, text=text):
        return found
    if ticket.state == Ticket.State.CLOSED:
        return _follow_up(ticket, text=text, client_id=client_id, at=at)
    return add_words(ticket, text=text, client_id=client_id, at=at)


def create(  # noqa: PLR0913 - the parts of a ticket; all but the subject are keywords
    *,
    shop_id: int,
    profile_id: int,
    subject: str,
    channel: str,
    language: str | None,
    reply_to: str,
    order_id: int | None,
    at: datetime,
    priority: int = Ticket.Priority.NORMAL,
    tags: list[str] | None = None,
    continues: Ticket | None = None,
) -> Ticket:
    """Write a ticket down without its first words, which the caller adds. Publishes TicketOpened."""
    ticket = Ticket.objects.create(
        number=Ticket.objects.following_number(),
        shop_id=shop_id,
        profile_id=profile_id,
        order_id=order_id,
        continues=continues,
        channel=channel,
        subject=rules.one_line(subject)[:300],
        language=language or _language_of(profile_id, shop_id=shop_id),
        reply_to=rules.usable_address(reply_to),
        priority=priority,
        tags=tags or [],
        opened_at=at,
        last_message_at=at,
        updated_at=at,
    )
    profile_services.count_request(profile_id, shop_id=shop_id, at=at)
    outbox.publish(
        TicketOpened(ticket_id=ticket.pk, profile_id=profile_id, shop_id=shop_id, channel=channel),
        at=at,
    )
    return ticket


def add_words(
    ticket: Ticket, *, text: str, at: datetime, reply_to: str = "", **columns: Any
) -> TicketMessage:
    """The customer spoke: number it, show it, and let the ticket wait for us."""
    message = ledger.append(ticket, kind=TicketMessage.Kind.CUSTOMER, at=at, text=text, **columns)
    after = rules.state_after_customer(ticket.state)
    if after != ticket.state:
        ledger.move(ticket, to=after, by=None, at=at)
    ticket.waiting_since = ticket.waiting_since or at
    ticket.reply_to = rules.usable_address(reply_to) or ticket.reply_to
    ledger.note_activity(ticket, text=text, at=at, fields=["waiting_since", "reply_to"])
    return message


def _follow_up(closed: Ticket, *, text: str, client_id: UUID | None, at: datetime) -> TicketMessage:
    earlier = TicketMessage.objects.filter(
        ticket__continues=closed, client_id=client_id, client_id__isnull=False
    ).first()
    if earlier is not None:
        return earlier
    ticket = create(
        shop_id=closed.shop_id,
        profile_id=closed.profile_id,
        subject=closed.subject,
        channel=closed.channel,
        language=closed.language,
        reply_to=closed.reply_to,
        order_id=closed.order_id,
        continues=closed,
        at=at,
    )
    return add_words(ticket, text=text, client_id=client_id, at=at)


def _own_address(profile_id: int) -> str:
    return next(iter(profiles.emails_of(profile_id)), "")


def _language_of(profile_id: int, *, shop_id: int) -> str:
    shop = company.shop(shop_id)
    locale = profiles.card(profile_id).locale or ""
    return rules.language_for(locale, shop.languages, default=shop.default_language)


def _require_text(text: str) -> None:
    if not text.strip():
        raise EmptyMessage(
            _("Write something first."), fields={"text": _("Write something first.")}
        )


def _require_own_order(order_id: int | None, *, profile_id: int, shop_id: int) -> None:
    if order_id is not None and not is_own_order(order_id, profile_id=profile_id, shop_id=shop_id):
        raise _foreign_order()


def is_own_order(order_id: int, *, profile_id: int, shop_id: int) -> bool:
    """Whether the order is this customer's, in this shop."""
    found = orders.orders_of_shop(shop_id).filter(pk=order_id, profile_id=profile_id)
    return bool(found.exists())


def _order_called(external_id: str, *, profile_id: int, shop_id: int) -> int:
    found = orders.orders_of_shop(shop_id).filter(external_id=external_id, profile_id=profile_id)
    order_id: int | None = found.values_list("pk", flat=True).first()
    if order_id is None:
        raise _foreign_order()
    return order_id


def _foreign_order() -> OrderOfAnotherCustomer:
    text = _("This order is not known, or belongs to another customer.")
    return OrderOfAnotherCustomer(text, fields={"/order_id": text})
