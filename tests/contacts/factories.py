"""Tickets and received mails for tests, made by the services and rows that make them in life."""

from __future__ import annotations

import hashlib
import itertools
import uuid
from datetime import UTC, datetime
from typing import Any

from django.utils.timezone import now

from contacts import services
from contacts.models import Ticket, TicketMessage
from messaging.models import Attachment, Content, Mail, Mailbox, OutgoingMessage, RawMail
from profiles.models import Profile
from tests.company.factories import ShopFactory
from tests.profiles.factories import ProfileFactory

OPENED_AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def make_ticket(shop: Any = None, *, profile: Profile | None = None, **values: Any) -> Ticket:
    """A new ticket of a customer of the shop; `state=`, `assignee=` and other columns are set after."""
    shop = shop or ShopFactory()
    profile = profile or ProfileFactory(shop=shop)
    columns = {
        name: values.pop(name)
        for name in list(values)
        if name
        not in {"subject", "text", "channel", "language", "reply_to", "order_id", "tags", "at"}
    }
    ticket = services.open_ticket(
        shop_id=shop.pk,
        profile_id=profile.pk,
        subject=values.pop("subject", "Où est ma commande ?"),
        text=values.pop("text", "Bonjour, je n'ai rien reçu."),
        at=values.pop("at", OPENED_AT),
        **values,
    )
    if columns:
        if columns.get("state") in {"solved", "closed"}:
            columns = {"solved_at": now(), "waiting_since": None} | columns
        if columns.get("state") == "closed":
            columns = {"closed_at": now()} | columns
        if columns.get("state") == "waiting":
            columns = {"waiting_since": None} | columns
        Ticket.objects.filter(pk=ticket.pk).update(**columns)
        ticket.refresh_from_db()
    return ticket


def make_mail(
    shop: Any, *, answers: TicketMessage | OutgoingMessage | None = None, **values: Any
) -> Mail:
    """A mail that messaging has read and not yet settled; `answers` is the message it replies to."""
    number = next(_numbers)
    mailbox, _created = Mailbox.objects.get_or_create(
        address=shop.support_email, defaults={"shop": shop, "created_at": now()}
    )
    body = f"raw mail {number}".encode()
    content = Content.objects.create(
        sha256=hashlib.sha256(body).hexdigest(), size=len(body), body=body
    )
    raw = RawMail.objects.create(
        mailbox=mailbox,
        content=content,
        source="smtp",
        state="read",
        outcome="suppressed" if values.get("machine") else "",
        settled_at=now() if values.get("machine") else None,
        received_at=now(),
        available_at=now(),
    )
    files = values.pop("files", {})
    text = values.pop("text", "Merci, je l'ai reçue.")
    outgoing = answers.outgoing if isinstance(answers, TicketMessage) else answers
    mail = Mail.objects.create(
        **{
            "raw": raw,
            "mailbox": mailbox,
            "shop": shop,
            "dedupe_key": uuid.uuid4().hex,
            "from_name": "Claire Dubois",
            "from_address": f"claire{number}@example.org",
            "is_sender_sound": True,
            "subject": "Re: Où est ma commande ?",
            "text": text,
            "visible_text": text,
            "message_id": f"<{uuid.uuid4().hex}@example.org>",
            "answers": outgoing,
            "received_at": now(),
            **values,
        }
    )
    for position, (name, size) in enumerate(files.items()):
        body = f"{mail.pk}:{name}".encode()
        stored = Content.objects.create(
            sha256=hashlib.sha256(body).hexdigest(), size=size, body=body
        )
        Attachment.objects.create(
            mail=mail, position=position, body=stored, name=name, content_type="image/png"
        )
    return mail


def answer(
    ticket: Ticket, *, by: Any, text: str = "Elle arrive demain.", **options: Any
) -> TicketMessage:
    """An agent's answer to the ticket."""
    options.setdefault("client_id", uuid.uuid4())
    return services.reply(ticket.pk, text=text, by=by, **options)
