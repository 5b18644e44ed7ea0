"""The mailboxes of demo customers: mail that reaches them, and mail they write."""

from __future__ import annotations

import smtplib
import uuid
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import close_old_connections
from django.utils.timezone import now
from django.utils.translation import gettext as _

from demo import mime, transports
from demo.models import DemoMail
from ecrm.kernel.errors import DomainError
from messaging import queries as messaging_queries
from messaging import services as messaging
from messaging.types import Envelope

MAX_FILE_BYTES = 10 * 1024 * 1024


class MailNotTaken(DomainError):
    """Our own mail server did not take the customer's mail; the text is kept in the form."""

    code = "mail_not_taken"


class FileTooLarge(DomainError):
    """An attachment is larger than a mail program would send."""

    code = "file_too_large"
    status = 422


def receive(raw: bytes, *, sender: str, recipient: str) -> None:
    """Take a mail from the demo's SMTP server; stored when this returns.

    Mail to one of our mailboxes goes the real way in; anybody else's lies in his demo mailbox.
    """
    close_old_connections()
    mailbox_id = messaging_queries.mailbox_for(recipient)
    if mailbox_id is None:
        keep(raw, owner=recipient)
        return
    envelope = Envelope(sender=sender, recipient=recipient)
    messaging.accept_raw(raw, mailbox_id=mailbox_id, source="smtp", envelope=envelope)


def keep(
    raw: bytes,
    *,
    owner: str,
    is_sent: bool = False,
    is_read: bool = False,
    at: datetime | None = None,
) -> None:
    """Lay a mail into a customer's mailbox; the same mail again changes nothing."""
    letter = mime.read(raw)
    moment = at or now()
    row = DemoMail(
        owner=owner.strip().lower()[:254],
        is_sent=is_sent,
        from_name=letter.from_name[:200],
        from_address=letter.from_address[:320],
        to_address=letter.to_address[:320],
        subject=letter.subject[:1000],
        snippet=letter.snippet,
        message_id=letter.message_id[:320],
        references=[reference[:320] for reference in letter.references],
        thread=(letter.thread or f"<{uuid.uuid4().hex}@nowhere>")[:320],
        raw=raw,
        at=moment,
        read_at=moment if is_sent or is_read else None,
    )
    DemoMail.objects.bulk_create([row], ignore_conflicts=True)


def mark_read(mail: DemoMail, *, at: datetime | None = None) -> None:
    """The customer has seen the conversation of this mail up to now."""
    DemoMail.objects.filter(owner=mail.owner, thread=mail.thread, read_at=None).update(
        read_at=at or now()
    )


def answer(
    mail_id: int, *, text: str, files: Sequence[mime.File] = (), at: datetime | None = None
) -> DemoMail:
    """Write as the customer in the conversation of this mail, by SMTP. Returns his own copy.

    Raises MailNotTaken, FileTooLarge and DemoMail.DoesNotExist.
    """
    mail = DemoMail.objects.get(pk=mail_id)
    letter = mime.read(bytes(mail.raw))
    moment = at or now()
    is_own = mail.is_sent
    quote = "" if is_own else _quote(letter, mail.at)
    return _send(
        owner=mail.owner,
        name=own_name(mail.owner),
        to_address=mail.to_address if is_own else mail.from_address,
        subject=mime.reply_subject(mail.subject),
        text=f"{text.strip()}\n{quote}",
        references=[*mail.references, *([mail.message_id] if mail.message_id else [])],
        files=files,
        at=moment,
    )


def write(
    *,
    name: str,
    address: str,
    to_address: str,
    subject: str,
    text: str,
    files: Sequence[mime.File] = (),
    at: datetime | None = None,
) -> DemoMail:
    """Write to one of our mailboxes as a customer, by SMTP. Returns his own copy.

    Raises MailNotTaken and FileTooLarge.
    """
    return _send(
        owner=address.strip().lower(),
        name=name,
        to_address=to_address,
        subject=subject,
        text=text.strip() + "\n",
        references=[],
        files=files,
        at=at or now(),
    )


def _send(
    *,
    owner: str,
    name: str,
    to_address: str,
    subject: str,
    text: str,
    references: Sequence[str],
    files: Sequence[mime.File],
    at: datetime,
) -> DemoMail:
    if sum(len(file.content) for file in files) > MAX_FILE_BYTES:
        raise FileTooLarge(_("A file may have at most 10 MB."))
    message_id = f"<{uuid.uuid4().hex}@{owner.rpartition('@')[2]}>"
    raw = mime.compose(
        from_name=name,
        from_address=owner,
        to_address=to_address,
        subject=subject,
        text=text,
        message_id=message_id,
        written_at=at,
        references=references,
        files=files,
    )
    try:
        transports.submit(
            raw, sender=owner, recipient=to_address, port=settings.ECRM_DEMO_SMTP_PORT
        )
    except (OSError, smtplib.SMTPException) as error:
        raise MailNotTaken(
            _("The mail server does not answer. Your text is still here; try again in a moment.")
        ) from error
    keep(raw, owner=owner, is_sent=True, at=at)
    return DemoMail.objects.get(owner=owner, message_id=message_id)


def own_name(owner: str) -> str:
    """How this customer signs his mails, or a guess from his address. Runs one query."""
    own = DemoMail.objects.of(owner).filter(is_sent=True).exclude(from_name="").order_by("-pk")
    name = own.values_list("from_name", flat=True).first()
    return name or owner.partition("@")[0].replace(".", " ").title()


def _quote(letter: mime.Letter, at: datetime) -> str:
    head = f"{at:%d.%m.%Y %H:%M}, {letter.from_name or letter.from_address}:"
    return f"\n{head}\n{mime.quoted(letter.text)}\n" if letter.text else ""
