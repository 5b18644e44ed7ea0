"""What was received, for other modules."""

from __future__ import annotations

from messaging.models import Attachment, Mail, Mailbox, OutgoingMessage
from messaging.types import MailAttachment, OutgoingRef, ReceivedMail


def mail(mail_id: int) -> ReceivedMail:
    """A received mail as it was understood. Runs two queries; raises Mail.DoesNotExist."""
    row = Mail.objects.select_related("answers").get(pk=mail_id)
    files = Attachment.objects.filter(mail=row).select_related("body").defer("body__body")
    return ReceivedMail(
        id=row.pk,
        raw_id=row.raw_id,
        mailbox_id=row.mailbox_id,
        shop_id=row.shop_id,
        profile_id=row.profile_id,
        from_name=row.from_name,
        from_address=row.from_address,
        is_sender_sound=row.is_sender_sound,
        is_passed_on=row.is_passed_on,
        subject=row.subject,
        text=row.text,
        visible_text=row.visible_text,
        html_clean=row.html_clean,
        message_id=row.message_id,
        in_reply_to=row.in_reply_to,
        references=tuple(row.references),
        received_at=row.received_at,
        attachments=tuple(_attachment(file) for file in files.order_by("position")),
        is_machine=row.machine != Mail.Machine.NONE,
        answers=_ref(row.answers) if row.answers else None,
        continues_id=row.continues_id,
    )


def mailbox_for(address: str) -> int | None:
    """The active mailbox of this address, in any case and with any plus-tag. Runs one query."""
    plain = address.strip().lower()
    local, _, domain = plain.rpartition("@")
    untagged = f"{local.partition('+')[0]}@{domain}"
    rows = Mailbox.objects.filter(address__in=[plain, untagged], is_active=True)
    found = dict(rows.values_list("address", "pk"))
    return found.get(plain, found.get(untagged))


def settled_mails(*, after_id: int = 0, limit: int = 1000) -> list[tuple[int, str]]:
    """Mails that became part of a conversation, as (mail id, outcome) by id. Runs one query."""
    return list(
        Mail.objects.filter(
            pk__gt=after_id, raw__outcome__in=["message-added", "conversation-opened"]
        )
        .order_by("pk")
        .values_list("pk", "raw__outcome")[:limit]
    )


def _attachment(row: Attachment) -> MailAttachment:
    return MailAttachment(
        id=row.pk,
        name=row.name,
        content_type=row.content_type,
        size=row.body.size,
        is_inline=row.is_inline,
        content_id=row.content_id,
    )


def _ref(row: OutgoingMessage) -> OutgoingRef:
    return OutgoingRef(id=row.pk, about=row.about, to=row.recipient, message_id=row.message_id)
