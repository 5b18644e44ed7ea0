"""The second step of taking mail in: reading what was stored, and filing it. Can be repeated at any time."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company_queries
from company import services as company
from ecrm.kernel import doorbell, outbox
from ecrm.kernel.errors import DomainError
from messaging.events import MailReceived
from messaging.mime.addresses import Address
from messaging.mime.reading import ParsedMail
from messaging.mime.structure import Unreadable
from messaging.models import Attachment, Mail, Mailbox, RawMail
from messaging.rules import message_ids, names, reading
from messaging.services import evidence, privacy, returns
from messaging.services.intake import store_content
from messaging.services.keys import accepted_keys
from messaging.transports.reader import MailReader
from profiles import queries as profile_queries
from profiles import services as profiles
from profiles.types import Identity

if TYPE_CHECKING:
    from company.types import Agent


class MailNotQuarantined(DomainError):
    """Only a mail in quarantine can be read again."""

    code = "mail_not_quarantined"


def read_next(reader: MailReader, *, only: int | None = None, at: datetime | None = None) -> bool:
    """Read and file the raw mail that waits longest, or `only` this one. False when none waits.

    Publishes MailReceived. A mail that cannot be read is tried again or quarantined.
    """
    raw = _claim(only=only, at=at or now())
    if raw is None:
        return False
    if raw.is_truncated:
        _give_up(raw, "too_large", at=at or now())
        return True
    try:
        parsed = reader.read(bytes(raw.content.body))
    except Unreadable as error:
        _failed(raw, error.code, at=at or now())
    else:
        _file_claimed(raw, parsed, at=at or now())
    return True


@transaction.atomic
def retry_raw(raw_id: int, *, by: Agent | None, at: datetime | None = None) -> None:
    """Read a quarantined mail again, with a fresh set of attempts. Raises MailNotQuarantined."""
    raw = RawMail.objects.select_for_update(of=("self",)).select_related("mailbox").get(pk=raw_id)
    if raw.state != RawMail.State.QUARANTINED:
        raise MailNotQuarantined(_("This mail is not in quarantine any more."))
    raw.state, raw.outcome, raw.cause = RawMail.State.RECEIVED, RawMail.Outcome.WAITING, ""
    raw.attempts, raw.available_at, raw.settled_at = 0, at or now(), None
    raw.save(update_fields=["state", "outcome", "cause", "attempts", "available_at", "settled_at"])
    doorbell.ring("inbound")
    company.record_audit(
        action="messaging.mail-retried",
        target=f"raw-mail:{raw.pk}",
        by=by,
        shop_id=raw.mailbox.shop_id,
        at=at,
    )


@transaction.atomic
def import_received(raw: bytes, *, mailbox_id: int, reader: MailReader, at: datetime) -> int | None:
    """Take in a mail of the past, in the caller's transaction: stored, read and filed as received `at`.

    Returns the mail's id; None for a duplicate or a mail in quarantine. Publishes MailReceived.
    """
    row = RawMail.objects.create(
        mailbox_id=mailbox_id,
        content_id=store_content(raw),
        source=RawMail.Source.COMMAND,
        received_at=at,
        available_at=at,
        attempts=1,
    )
    try:
        parsed = reader.read(raw)
    except Unreadable as error:
        _give_up(row, error.code, at=at)
        return None
    mail = _file(row, parsed, at=at)
    return mail.pk if mail else None


# --- The states of a raw mail ---


@transaction.atomic
def _claim(*, only: int | None, at: datetime) -> RawMail | None:
    waiting = RawMail.objects.due(at)
    raw = (
        (waiting if only is None else waiting.filter(pk=only))
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("content", "mailbox")
        .first()
    )
    if raw is None:
        return None
    if raw.attempts >= reading.MAX_ATTEMPTS:
        # Whoever read it before died each time.
        _give_up(raw, "gave_up", at=at)
        return _claim(only=only, at=at)
    raw.attempts += 1
    raw.lease_token, raw.available_at = uuid.uuid4(), at + reading.LEASE
    raw.save(update_fields=["attempts", "lease_token", "available_at"])
    return raw


@transaction.atomic
def _file_claimed(raw: RawMail, parsed: ParsedMail, *, at: datetime) -> None:
    held = RawMail.objects.filter(
        pk=raw.pk, state=RawMail.State.RECEIVED, lease_token=raw.lease_token
    )
    if held.select_for_update(of=("self",)).values_list("pk", flat=True).first() is not None:
        _file(raw, parsed, at=at)


def _failed(raw: RawMail, code: str, *, at: datetime) -> None:
    if reading.is_final(code, raw.attempts):
        _give_up(raw, code, at=at)
    else:
        RawMail.objects.filter(pk=raw.pk, lease_token=raw.lease_token).update(
            available_at=at + reading.retry_pause(raw.attempts), lease_token=None
        )


def _give_up(raw: RawMail, code: str, *, at: datetime) -> None:
    held = RawMail.objects.filter(
        pk=raw.pk, state=RawMail.State.RECEIVED, lease_token=raw.lease_token
    )
    held.update(
        state=RawMail.State.QUARANTINED,
        outcome=RawMail.Outcome.QUARANTINED,
        cause=code,
        lease_token=None,
        settled_at=at,
    )


def _settle(raw: RawMail, outcome: str, *, original: RawMail | None = None, at: datetime) -> None:
    raw.state, raw.outcome, raw.original = RawMail.State.READ, outcome, original
    raw.lease_token = None
    raw.settled_at = at if outcome else None
    raw.save(update_fields=["state", "outcome", "original", "lease_token", "settled_at"])


# --- Filing ---


def _file(raw: RawMail, parsed: ParsedMail, *, at: datetime) -> Mail | None:
    """Turn what was understood into rows. None when we have the mail already, or may not keep it."""
    mailbox = raw.mailbox
    if _is_of_erased(parsed, at=raw.received_at):
        _settle(raw, RawMail.Outcome.ERASED, at=at)
        privacy.forget_bytes([raw.pk])
        return None
    known = Mail.objects.filter(shop_id=mailbox.shop_id, dedupe_key=parsed.dedupe_key)
    if (twin := known.select_related("raw").first()) is not None:
        _settle(raw, RawMail.Outcome.DUPLICATE, original=twin.raw, at=at)
        return None
    try:
        with transaction.atomic():
            mail = _create(raw, mailbox, parsed)
    except IntegrityError:
        # The twin was filed by another reader between our look and our insert.
        twin = known.select_related("raw").get()
        _settle(raw, RawMail.Outcome.DUPLICATE, original=twin.raw, at=at)
        return None
    returns.apply(mail, parsed=parsed, at=raw.received_at)
    _settle(raw, RawMail.Outcome.SUPPRESSED if mail.machine else RawMail.Outcome.WAITING, at=at)
    outbox.publish(
        MailReceived(
            mail_id=mail.pk,
            mailbox_id=mailbox.pk,
            shop_id=mailbox.shop_id,
            profile_id=mail.profile_id,
            answers_message_id=mail.answers_id,
        ),
        at=raw.received_at,
    )
    return mail


def _is_of_erased(parsed: ParsedMail, *, at: datetime) -> bool:
    """Whether somebody wrote it before he was erased: the same again, or fetched late."""
    written_at = min(parsed.date or at, at)
    writers = {parsed.sender.address, parsed.passed_on_for.address if parsed.passed_on_for else ""}
    buried = (profile_queries.tombstones.buried_by(who, at=written_at) for who in writers if who)
    return any(tombstone is not None for tombstone in buried)


def _create(raw: RawMail, mailbox: Mailbox, parsed: ParsedMail) -> Mail:
    machine = _machine_kind(raw, mailbox, parsed)
    is_own = _is_ours(parsed.sender.address)
    behind = _behind(parsed, is_own=is_own)
    author = behind or parsed.sender
    is_sound = behind is not None or (parsed.is_sender_sound and not is_own)
    profile_id = _profile(mailbox, author, machine, at=raw.received_at) if is_sound else None
    found = evidence.of(parsed, raw=raw, mailbox=mailbox, profile_id=profile_id)
    mail = Mail.objects.create(
        raw=raw,
        mailbox=mailbox,
        shop_id=mailbox.shop_id,
        profile_id=profile_id,
        answers=found.answers,
        evidence=found.kind,
        continues_id=found.continues_id,
        dedupe_key=parsed.dedupe_key,
        from_name=author.name,
        from_address=author.address,
        is_sender_sound=is_sound,
        reply_to=parsed.reply_to.address if parsed.reply_to else "",
        to=[asdict(person) for person in parsed.to],
        cc=[asdict(person) for person in parsed.cc],
        subject=parsed.subject,
        text=parsed.text,
        visible_text=parsed.visible_text,
        quoted_text=parsed.quoted_text,
        html_clean=parsed.html_clean,
        blocked_images=parsed.blocked_images,
        message_id=parsed.message_id,
        in_reply_to=parsed.in_reply_to,
        references=parsed.references,
        written_at=parsed.date,
        received_at=raw.received_at,
        machine=machine,
        bounce=[asdict(verdict) for verdict in parsed.bounces] or None,
        is_passed_on=behind is not None,
        defects=[*parsed.defects, *(["from_own_address"] if is_own else [])],
    )
    Attachment.objects.bulk_create(
        Attachment(
            mail=mail,
            position=position,
            body_id=store_content(item.data),
            name=item.name,
            content_type=item.content_type,
            is_inline=item.is_inline,
            content_id=item.content_id,
        )
        for position, item in enumerate(parsed.files)
    )
    return mail


def _machine_kind(raw: RawMail, mailbox: Mailbox, parsed: ParsedMail) -> str:
    """What the mail says of itself, corrected by what only we can know."""
    if message_ids.uuid_of(parsed.message_id, keys=accepted_keys()):
        return Mail.Machine.NOTIFICATION  # our own mail came back to us
    if parsed.machine == Mail.Machine.LIST and parsed.list_id == mailbox.address.replace("@", "."):
        return (
            Mail.Machine.NONE
        )  # our own address is kept as a group, and customers write through it
    if not parsed.machine and raw.envelope_sender == "":
        return Mail.Machine.NOTIFICATION
    return parsed.machine


def _is_ours(address: str) -> bool:
    """Mail never speaks for us: an address of ours in From is no customer."""
    local, _at, domain = address.rpartition("@")
    ours = {address, f"{local.partition('+')[0]}@{domain}"}
    if Mailbox.objects.filter(address__in=ours).exists():
        return True
    return any(shop.support_email.lower() in ours for shop in company_queries.all_shops())


def _behind(parsed: ParsedMail, *, is_own: bool) -> Address | None:
    """Who wrote what a form passed on, or sent us under our own address; None when the sender did."""
    person = parsed.passed_on_for or (parsed.reply_to if is_own else None)
    return person if person and person.address and not _is_ours(person.address) else None


def _profile(mailbox: Mailbox, author: Address, machine: str, *, at: datetime) -> int | None:
    """The customer who writes, created at the first contact; a machine creates nobody."""
    if machine:
        return profile_queries.find_by_email(author.address, shop_id=mailbox.shop_id)
    first_name, last_name = names.split_name(author.name)
    identity = Identity(email=author.address, first_name=first_name, last_name=last_name)
    return profiles.resolve(identity, shop_id=mailbox.shop_id, source="mail", at=at).profile_id
