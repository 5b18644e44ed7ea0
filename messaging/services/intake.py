"""Taking mail in: first the bytes, then the meaning, then what became of it."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils.timezone import now

from ecrm.kernel import doorbell, failpoints
from messaging.models import Content, FolderCursor, RawMail
from messaging.types import Envelope, ImapPosition, SettledOutcome

AFTER_RAW_INSERT = failpoints.declare("messaging.after-raw-insert")
AFTER_CURSOR = failpoints.declare("messaging.after-cursor")


@transaction.atomic(durable=True)
def accept_raw(
    raw: bytes,
    *,
    mailbox_id: int,
    source: str,
    position: ImapPosition | None = None,
    envelope: Envelope | None = None,
    is_truncated: bool = False,
    at: datetime | None = None,
) -> int:
    """The id of the raw mail, which is committed when this returns: only then is the source told.

    `source` is a RawMail.Source. The same IMAP `position` gives the first raw mail's id, and the
    folder's cursor moves in the same transaction. Wakes the reader. Must not run inside a transaction.
    """
    moment = at or now()
    content_id = store_content(raw)
    row = RawMail(
        mailbox_id=mailbox_id,
        content_id=content_id,
        source=source,
        envelope_sender=envelope.sender[:320] if envelope else None,
        envelope_recipient=envelope.recipient[:320] if envelope else "",
        is_truncated=is_truncated,
        received_at=moment,
        available_at=moment,
    )
    if position is None:
        row.save(force_insert=True)
        AFTER_RAW_INSERT.hit()
    else:
        row = _insert_at(row, position)
        AFTER_RAW_INSERT.hit()
        FolderCursor.objects.filter(
            mailbox_id=mailbox_id, folder=position.folder, uidvalidity=position.uidvalidity
        ).update(last_uid=Greatest(F("last_uid"), position.uid))
    transaction.on_commit(AFTER_CURSOR.hit)
    doorbell.ring("inbound")
    return row.pk


def _insert_at(row: RawMail, position: ImapPosition) -> RawMail:
    row.folder, row.uidvalidity, row.uid = position.folder, position.uidvalidity, position.uid
    RawMail.objects.bulk_create([row], ignore_conflicts=True)
    return RawMail.objects.get(
        mailbox_id=row.mailbox_id,
        folder=position.folder,
        uidvalidity=position.uidvalidity,
        uid=position.uid,
    )


def store_content(body: bytes) -> str:
    """The SHA-256 under which the bytes are stored; bytes we have already are not sent again."""
    digest = hashlib.sha256(body).hexdigest()
    if not Content.objects.filter(pk=digest).exists():
        Content.objects.bulk_create(
            [Content(sha256=digest, size=len(body), body=body)], ignore_conflicts=True
        )
    return digest


@transaction.atomic
def settle_mail(mail_id: int, *, outcome: SettledOutcome, at: datetime | None = None) -> None:
    """Say what became of a read mail; the contact centre calls it in the transaction that does it.

    Saying it again changes nothing. Machine mail that was added to a conversation counts there.
    """
    raw = RawMail.objects.select_for_update(of=("self",)).get(mail=mail_id)
    if raw.outcome in {RawMail.Outcome.WAITING, RawMail.Outcome.SUPPRESSED}:
        raw.outcome = outcome
        raw.settled_at = at or now()
        raw.save(update_fields=["outcome", "settled_at"])
