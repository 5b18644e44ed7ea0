"""What SMS providers tell us: reports about what we sent, and what customers write."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from company import queries as company
from ecrm.kernel import outbox
from messaging.events import SmsReceived
from messaging.models import OutgoingMessage, ProviderCall, ReceivedSms, SmsAccount
from messaging.rules import keywords, phones
from messaging.services import reports, sms_sending, suppressions
from messaging.transports.sms import registry
from messaging.transports.sms.parts import Incoming, Report
from messaging.transports.unread import NotUnderstood
from profiles import queries as profile_queries
from profiles import services as profiles
from profiles.services import consents
from profiles.types import Identity

ANSWERS_WITHIN: Final = timedelta(days=30)
SOURCE: Final = "sms"
VERSION: Final = "sms-1"
WORDING: Final = gettext_noop("SMS from the shop: STOP ends them, START brings them back.")
_UNDER_WAY: Final = frozenset({"pending", "claimed", "deferred"})


def apply(call: ProviderCall, *, at: datetime) -> None:
    """Take in what a kept call says; the same again changes nothing.

    Raises NotUnderstood, also for a report that was faster than the sender of its SMS: it is tried
    again a little later. Publishes SmsReceived, MessageFailed, AddressSuppressed, SuppressionLifted.
    """
    account = SmsAccount.objects.get(pk=call.account_id or 0)
    query, _, body = bytes(call.body or b"").partition(b"\n")
    is_early = False
    for part in registry.ADAPTERS[call.provider].read(query.decode("utf-8", "replace"), body):
        if isinstance(part, Incoming):
            receive(account, incoming=part, at=call.received_at)
        else:
            is_early = not _note(account, part, at=at) or is_early
    if is_early:
        raise NotUnderstood("unknown_message")


@transaction.atomic
def receive(account: SmsAccount, *, incoming: Incoming, at: datetime) -> int | None:
    """The id of the SMS that somebody wrote to us, None when we have it already.

    One word may order that no more SMS come, or that they come again. Publishes SmsReceived.
    """
    shop = company.shop(account.shop_id)
    number = phones.e164(incoming.sender, market=shop.market)
    whose = (
        profiles.resolve(Identity(phone=number), shop_id=shop.id, source=SOURCE, at=at)
        if number
        else None
    )
    is_erased = whose is not None and whose.is_erased
    profile_id = whose.profile_id if whose is not None and not is_erased else None
    answers = _latest(number, shop.id, at=at) if number else None
    row = ReceivedSms(
        account=account,
        shop_id=shop.id,
        profile_id=profile_id,
        answers=answers,
        from_number="" if is_erased else (number or incoming.sender)[:40],
        to_number=incoming.recipient[:40],
        text="" if is_erased else incoming.text[:2000].replace("\0", ""),
        order=keywords.order_of(incoming.text),
        provider_id=incoming.provider_id[:100],
        received_at=at,
    )
    kept = ReceivedSms.objects.filter(account=account, provider_id=row.provider_id)
    if kept.exists():
        return None
    row.save(force_insert=True)
    if number and row.order:
        _obey(row, number, at=at)
    outbox.publish(
        SmsReceived(
            sms_id=row.pk,
            shop_id=row.shop_id,
            profile_id=profile_id,
            answers_message_id=answers.pk if answers else None,
            order=row.order,
        ),
        at=at,
    )
    return row.pk


def import_received(
    account_id: int, *, number: str, sender: str, text: str, at: datetime
) -> int | None:
    """Take in an SMS of the past: what an import, or the demo, brings along. Publishes SmsReceived.

    `number` is the SMS's own, by which the same one is known again.
    """
    account = SmsAccount.objects.get(pk=account_id)
    incoming = Incoming(provider_id=number, sender=sender, recipient=account.sender, text=text)
    return receive(account, incoming=incoming, at=at)


def _obey(row: ReceivedSms, number: str, *, at: datetime) -> None:
    """STOP spares the number from this shop's SMS; START lifts what its owner stopped, and nothing else."""
    channel = OutgoingMessage.Channel.SMS
    if row.order == ReceivedSms.Order.STOP:
        suppressions.suppress(
            number,
            scope="channel",
            channel=channel,
            reason=suppressions.UNSUBSCRIBED,
            shop_id=row.shop_id,
            message_id=row.answers_id,
            at=at,
        )
        _write_down(row, number, answer="withdrawn", at=at)
        return
    lifted = suppressions.lift_own(
        number, scope="channel", shop_id=row.shop_id, channel=channel, at=at
    )
    if lifted and _had_stopped(row):
        _write_down(row, number, answer="granted", at=at)


def _had_stopped(row: ReceivedSms) -> bool:
    """Whether the customer's last word about SMS was a STOP of his own."""
    if row.profile_id is None:
        return False
    stands = profile_queries.consents.standings(row.profile_id, shop_ids=[row.shop_id])
    return any(
        (stand.channel, stand.purpose, stand.answer, stand.source)
        == ("sms", "marketing", "withdrawn", SOURCE)
        for stand in stands
    )


def _write_down(row: ReceivedSms, number: str, *, answer: str, at: datetime) -> None:
    if row.profile_id is None:
        return
    language = company.shop(row.shop_id).default_language
    with translation.override(language):
        text = _(WORDING)
    consents.record(
        row.profile_id,
        shop_id=row.shop_id,
        channel="sms",
        purpose="marketing",
        answer=answer,
        evidence=consents.Evidence(
            source=SOURCE,
            version=VERSION,
            text=text,
            language=language,
            address=number,
            proof=f"sms:{row.pk}",
        ),
        at=at,
    )


def _latest(number: str, shop_id: int, *, at: datetime) -> OutgoingMessage | None:
    rows = OutgoingMessage.objects.filter(
        recipient=number,
        channel=OutgoingMessage.Channel.SMS,
        shop_id=shop_id,
        sent_at__gt=at - ANSWERS_WITHIN,
    )
    return rows.only("pk").order_by("-pk").first()


def _note(account: SmsAccount, report: Report, *, at: datetime) -> bool:
    """Apply a report. False when its message is not known as sent yet."""
    message = _message(account, report)
    if message is None or message.state in _UNDER_WAY:
        return False
    if report.happening == "delivered":
        reports.note_delivered(message.pk, at=at)
        return True
    if report.happening == "unsubscribed" and message.recipient:
        sms_sending.spare(message, at=at)
    reports.note_bounced(
        message.pk,
        reason=suppressions.UNSUBSCRIBED if report.happening == "unsubscribed" else report.reason,
        detail=report.detail,
        is_permanent=report.is_permanent,
        at=at,
    )
    return True


def _message(account: SmsAccount, report: Report) -> OutgoingMessage | None:
    """The SMS of the account's shop that our reference, or else the provider's id, names."""
    rows = OutgoingMessage.objects.defer("text").filter(
        channel=OutgoingMessage.Channel.SMS, shop_id=account.shop_id
    )
    try:
        return rows.filter(uuid=UUID(report.reference)).first()
    except ValueError:
        return rows.filter(provider_id=report.provider_id).first() if report.provider_id else None
