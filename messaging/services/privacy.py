"""Mail and the people in it: the copy they get, and what remains when they are erased."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from messaging.models import Attachment, Suppression
from messaging.services import privacy_tracking
from messaging.services.intake import store_content
from profiles import queries as profiles
from profiles.extensions.privacy import (
    Ageing,
    Fate,
    Personal,
    Processing,
    Subject,
    ageing,
    personal,
    processings,
)

HIS_MAIL = (
    "(k.profile_id = ANY(%(profiles)s) OR lower(k.from_address) = ANY(%(addresses)s)"
    " OR lower(k.reply_to) = ANY(%(addresses)s))"
)
HIS_MESSAGE = (
    "(k.profile_id = ANY(%(profiles)s)"
    " OR lower(k.recipient) = ANY(%(addresses)s::text[] || %(numbers)s::text[]))"
)
HIS_SMS = "(t.profile_id = ANY(%(profiles)s) OR t.from_number = ANY(%(numbers)s::text[]))"
PROOF = _(
    "That a message was received or sent, when and with which result stays, so that it is not taken "
    "in or sent again; nothing says by whom or to whom."
)
_MAIL = (
    "from_name = '', from_address = '', reply_to = '', \"to\" = '[]'::jsonb, cc = '[]'::jsonb,"
    " subject = '', text = '', visible_text = '', quoted_text = '', html_clean = '',"
    " in_reply_to = '', \"references\" = '{}', bounce = NULL, message_id = ''"
)
_MESSAGE = (
    "recipient = '', subject = '', text = '', html = '', data = NULL, reason_detail = '',"
    " in_reply_to = '', reply_to = '',"
    " \"references\" = '{}', lease_token = NULL, lease_until = NULL,"
    " settled_at = coalesce(settled_at, %(at)s),"
    " state = CASE WHEN state IN ('pending', 'claimed', 'deferred') THEN 'cancelled' ELSE state END,"
    " reason = CASE WHEN state IN ('pending', 'claimed', 'deferred') THEN 'erased' ELSE reason END"
)
_TRIED = (
    "t.message_id IN (SELECT k.id FROM messaging_outgoingmessage k"  # noqa: S608 - constants of ours
    f" WHERE {HIS_MESSAGE}) AND (t.reply_text <> '' OR t.outcome = 'attempting')"
)
_EMPTY = "(SELECT c.size FROM messaging_content c WHERE c.sha256 = t.content_id) > 0"


_FILES = (
    "(SELECT coalesce(jsonb_agg(a.name ORDER BY a.id), '[]'::jsonb)"
    " FROM messaging_attachment a WHERE a.mail_id = t.id)"
)


def attachments(subject: Subject) -> Iterator[tuple[str, bytes]]:
    """The files which the person sent us, each under a name of its own."""
    wanted = Attachment.objects.raw(
        "SELECT a.id, a.name, a.body_id FROM messaging_attachment a"  # noqa: S608 - a constant of ours
        f" JOIN messaging_mail k ON k.id = a.mail_id WHERE {HIS_MAIL} ORDER BY a.id",
        subject.values,
    )
    for row in wanted:
        yield f"{row.pk}-{row.name}", bytes(row.body.body)


def empty_raw(subject: Subject) -> int:
    """Remove the bytes of his mails and attachments, unless others sent the same. Returns how many mails."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT k.raw_id FROM messaging_mail k"  # noqa: S608 - constants of ours
            f" WHERE {HIS_MAIL} UNION SELECT r.id FROM messaging_rawmail r WHERE {_ENVELOPE} UNION"
            f" SELECT r.id FROM messaging_rawmail r JOIN messaging_mail k ON k.raw_id = r.original_id"
            f" WHERE {HIS_MAIL}",
            subject.values,
        )
        raw_ids = [row[0] for row in cursor.fetchall()]
    return len(forget_bytes(raw_ids))


_ENVELOPE = "lower(r.envelope_sender) = ANY(%(addresses)s)"
_RAW = (
    f"({_ENVELOPE.replace('r.', 't.')} OR t.id IN (SELECT k.raw_id FROM messaging_mail k WHERE {HIS_MAIL})"  # noqa: S608 - constants
    f" OR t.original_id IN (SELECT k.raw_id FROM messaging_mail k WHERE {HIS_MAIL}))"
    f" AND ({_EMPTY} OR t.envelope_sender <> '' OR t.envelope_recipient <> '')"
)


def forget_bytes(raw_ids: Sequence[int]) -> list[int]:
    """Empty these raw mails and the files that came with them; bytes nobody needs any more are deleted.

    Returns the mails that changed.
    """
    empty = store_content(b"")
    values: dict[str, Any] = {"ids": list(raw_ids), "empty": empty}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH emptied AS (
                UPDATE messaging_rawmail r SET content_id = %(empty)s, envelope_recipient = '',
                    envelope_sender = CASE WHEN r.envelope_sender IS NULL THEN NULL ELSE '' END
                FROM messaging_rawmail was
                WHERE was.id = r.id AND r.id = ANY(%(ids)s)
                  AND (r.content_id <> %(empty)s OR r.envelope_sender <> '' OR r.envelope_recipient <> '')
                RETURNING r.id, was.content_id
            ), files AS (
                DELETE FROM messaging_attachment a USING messaging_mail m
                WHERE m.id = a.mail_id AND m.raw_id = ANY(%(ids)s) RETURNING a.body_id
            )
            SELECT 'mail', id::text, content_id FROM emptied
            UNION ALL SELECT 'file', '', body_id FROM files
            """,
            values,
        )
        rows = cursor.fetchall()
        cursor.execute(
            """
            DELETE FROM messaging_content c
            WHERE c.sha256 = ANY(%s) AND c.sha256 <> %s
              AND NOT EXISTS (SELECT 1 FROM messaging_rawmail r WHERE r.content_id = c.sha256)
              AND NOT EXISTS (SELECT 1 FROM messaging_attachment a WHERE a.body_id = c.sha256)
            """,
            [[row[2] for row in rows], empty],
        )
    return [int(number) for kind, number, _content in rows if kind == "mail"]


def forget_words(mail_ids: Sequence[int]) -> None:
    """Empty what was understood of these mails. That they came stays, so that none is taken in again."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE messaging_mail SET {_MAIL} WHERE id = ANY(%(ids)s)",  # noqa: S608 - constants of ours
            {"ids": list(mail_ids)},
        )


def hash_suppressions(subject: Subject) -> int:
    """Go on sparing his addresses without naming them. Returns how many entries."""
    his = (*subject.addresses, *subject.numbers)
    rows = list(Suppression.objects.filter(address__in=his))
    for row in rows:
        digest = profiles.tombstones.address_digest(row.address)
        if row.lifted_at is not None or _is_spared(digest, row):
            row.delete()
        else:
            row.address = digest
            row.save(update_fields=["address"])
    return len(rows)


def _is_spared(digest: str, row: Suppression) -> bool:
    return Suppression.objects.filter(
        address=digest,
        scope=row.scope,
        shop=row.shop_id,
        topic=row.topic,
        channel=row.channel,
        lifted_at__isnull=True,
    ).exists()


def register() -> None:
    """Declare what mail holds about people, and how long it is kept."""
    processings.register(
        Processing(
            key="messages",
            label=_("Messages"),
            purpose=_("To write to you and to read what you write."),
            basis=_(
                "Contract (art. 6(1)(b) GDPR); your consent for marketing (art. 6(1)(a) GDPR)."
            ),
            period=_("3 years after our last contact, unless you ask for erasure earlier."),
            recipients=_("The providers of our mail servers and of our mailboxes."),
            order=40,
        )
    )
    for declared in (*_received(), *_texted(), *_sent(), *privacy_tracking.declared()):
        personal.register(declared)
    for rule in (*_ageing(), *privacy_tracking.forgotten()):
        ageing.register(rule)


def _received() -> tuple[Personal, ...]:
    return (
        Personal(
            key="messaging.rawmail",
            table="messaging_rawmail",
            label=_("Received mails as they arrived, with their attachments"),
            processing="messages",
            order=14,
            where=_RAW,
            fate=Fate.EMPTIED,
            carry_out=empty_raw,
            why=PROOF,
            untold=_(
                "Handed out as the mails they became; the attachments are files of this copy."
            ),
            files=attachments,
        ),
        Personal(
            key="messaging.mail",
            table="messaging_mail",
            label=_("Mails received"),
            processing="messages",
            order=16,
            holdings=("messaging.mail",),
            where=HIS_MAIL.replace("k.", "t."),
            fate=Fate.EMPTIED,
            changes=_MAIL,
            why=PROOF,
            columns={
                "received_at": ("t.received_at", _("Received")),
                "from_name": ("t.from_name", _("Name")),
                "from_address": ("t.from_address", _("Address")),
                "subject": ("t.subject", _("Subject")),
                "text": ("t.text", _("Text")),
                "attachments": (
                    _FILES,
                    _("Attachments"),
                ),
            },
            emails="t.from_address",
        ),
    )


def _texted() -> tuple[Personal, ...]:
    return (
        Personal(
            key="messaging.sms",
            table="messaging_receivedsms",
            label=_("SMS received"),
            processing="messages",
            order=16,
            holdings=("messaging.sms",),
            where=HIS_SMS,
            fate=Fate.EMPTIED,
            changes="from_number = '', text = ''",
            why=PROOF,
            columns={
                "received_at": ("t.received_at", _("Received")),
                "from_number": ("t.from_number", _("Number")),
                "text": ("t.text", _("Text")),
            },
            phones="t.from_number",
        ),
    )


def _sent() -> tuple[Personal, ...]:
    return (
        Personal(
            key="messaging.provider-call",
            table="messaging_providercall",
            label=_("Reports of mail providers"),
            processing="messages",
            order=13,
            where=(
                "t.body IS NOT NULL AND EXISTS (SELECT 1"
                " FROM unnest(%(addresses)s::text[] || %(numbers)s::text[]) a (address)"
                " WHERE position(convert_to(ltrim(a.address, '+'), 'UTF8') IN t.body) > 0)"
            ),
            fate=Fate.EMPTIED,
            changes=(
                "body = NULL, state = 'parked', cause = CASE WHEN cause = '' THEN 'erased' ELSE cause END,"
                " settled_at = coalesce(settled_at, %(at)s)"
            ),
            why=PROOF,
            untold=_("What a provider told us about a mail, kept until it is read."),
        ),
        Personal(
            key="messaging.attempt",
            table="messaging_deliveryattempt",
            label=_("Answers of mail servers"),
            processing="messages",
            order=14,
            where=_TRIED,
            fate=Fate.EMPTIED,
            changes=(
                "reply_text = '',"
                " outcome = CASE WHEN outcome = 'attempting' THEN 'unknown' ELSE outcome END,"
                " finished_at = coalesce(finished_at, %(at)s)"
            ),
            why=PROOF,
            untold=_("Technical answers of servers, with nothing but the address in them."),
        ),
        Personal(
            key="messaging.outgoing",
            table="messaging_outgoingmessage",
            label=_("Messages sent"),
            processing="messages",
            order=16,
            holdings=("messaging.outgoing",),
            where=HIS_MESSAGE.replace("k.", "t."),
            fate=Fate.EMPTIED,
            changes=_MESSAGE,
            why=PROOF,
            columns={
                "queued_at": ("t.queued_at", _("Date")),
                "sent_at": ("t.sent_at", _("Sent")),
                "purpose": ("t.purpose", _("Purpose")),
                "recipient": ("t.recipient", _("Address")),
                "subject": ("t.subject", _("Subject")),
                "text": ("CASE WHEN t.is_confidential THEN '' ELSE t.text END", _("Text")),
                "state": ("t.state", _("State")),
            },
        ),
        Personal(
            key="messaging.suppression",
            table="messaging_suppression",
            label=_("Addresses we must not write to"),
            processing="messages",
            order=16,
            where="t.address = ANY(%(addresses)s::text[] || %(numbers)s::text[])",
            fate=Fate.EMPTIED,
            carry_out=hash_suppressions,
            why=_(
                "An objection is respected after the erasure too: only a keyed hash of it stays."
            ),
            columns={
                "address": ("t.address", _("Address")),
                "scope": ("t.scope", _("Scope")),
                "since": ("t.created_at", _("Date")),
            },
        ),
    )


def _ageing() -> tuple[Ageing, ...]:
    return (
        Ageing(
            key="messaging.rawmail",
            table="messaging_rawmail",
            label=_("Received mails as they arrived"),
            help=_("The text stays in the conversation; the original and its attachments go."),
            source=_("As long as needed for the purpose: art. 5(1)(e) GDPR; 1 year is usual"),
            days=365,
            least=7,
            age="t.received_at",
            where=f"t.state <> 'received' AND {_EMPTY}",
            shop="(SELECT b.shop_id FROM messaging_mailbox b WHERE b.id = t.mailbox_id)",
            carry_out=lambda ids, _at: forget_bytes(ids),
            link="messaging:received-page",
            order=40,
        ),
        Ageing(
            key="messaging.outgoing",
            table="messaging_outgoingmessage",
            label=_("Content of sent messages"),
            help=_("That a message was sent stays, without its address and its words."),
            source=_("3 years after the last contact: CNIL, reference for commercial management"),
            days=1096,
            least=30,
            age="t.queued_at",
            where="t.settled_at IS NOT NULL AND (t.text <> '' OR t.data IS NOT NULL)",
            shop="t.shop_id",
            changes=(
                "recipient = '', subject = '', text = '', html = '', data = NULL, reason_detail = ''"
            ),
            link="messaging:outgoing-page",
            order=41,
        ),
        Ageing(
            key="messaging.sms",
            table="messaging_receivedsms",
            label=_("SMS received"),
            help=_("That an SMS came stays, without its number and its words."),
            source=_("3 years after the last contact: CNIL, reference for commercial management"),
            days=1096,
            least=30,
            age="t.received_at",
            where="(t.text <> '' OR t.from_number <> '')",
            shop="t.shop_id",
            changes="from_number = '', text = ''",
            link="messaging:sms-page",
            order=42,
        ),
    )
