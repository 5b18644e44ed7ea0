"""Writing an SMS down so that a sender will send it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from ecrm.kernel import doorbell
from ecrm.kernel.errors import DomainError
from messaging.models import OutgoingMessage, SmsAccount
from messaging.rules import message_ids, phones, segments
from messaging.services import outgoing
from messaging.services.keys import signing_key
from messaging.types import Purpose

if TYPE_CHECKING:
    from company.types import Agent

DOMAIN: Final = "sms.invalid"
"""Behind the @ of the id which an SMS has among us; no mail ever carries it."""
MOST_SEGMENTS: Final = 10
SHOWN: Final = 120


class InvalidNumber(DomainError):
    """The text is no telephone number to which an SMS can be sent."""

    code = "invalid_number"


class NoSmsAccount(DomainError):
    """The shop has no account by which it could send SMS."""

    code = "no_sms_account"


class UnusableText(DomainError):
    """There is nothing to send, or too much."""

    code = "unusable_sms_text"


@transaction.atomic
def queue_sms(  # noqa: PLR0913 - the parts of an SMS; all are keywords
    *,
    shop_id: int,
    to: str,
    profile_id: int | None,
    purpose: Purpose,
    language: str,
    text: str | None = None,
    template: str | None = None,
    context: Mapping[str, Any] | None = None,
    topic: str = "",
    dedupe_key: str,
    about: str = "",
    is_confidential: bool = False,
    at: datetime | None = None,
) -> int:
    """The id of the SMS that a sender will send; the same `dedupe_key` gives the first one's id.

    The words are `text`, or the text part of a `template` as in `queue_mail`. Typography becomes plain
    where that saves a segment; marketing says how to stop. A confidential SMS (a code) is shown to
    nobody and its text forgotten once it is sent.

    Raises InvalidNumber, NoSmsAccount and UnusableText. The sender publishes MessageSent or
    MessageFailed later.
    """
    shop = company.shop(shop_id)
    recipient = phones.e164(to, market=shop.market)
    if recipient is None:
        raise InvalidNumber(_("This is no telephone number to which an SMS can be sent."))
    existing = OutgoingMessage.objects.filter(dedupe_key=dedupe_key).values_list("pk", flat=True)
    if (known := existing.first()) is not None:
        return known
    account = SmsAccount.objects.filter(shop_id=shop_id, is_active=True).first()
    if account is None:
        raise NoSmsAccount(_("This shop has no account by which it could send SMS."))
    words = text
    if template is not None:
        words = outgoing.written(template, shop_id=shop_id, context=context, language=language).text
    written = _fitting(words or "", note=account.stop_note if purpose == "marketing" else "")
    moment, identity = at or now(), uuid.uuid4()
    row = OutgoingMessage(
        uuid=identity,
        channel=OutgoingMessage.Channel.SMS,
        purpose=purpose,
        lane=outgoing.LANES[purpose],
        shop_id=shop_id,
        profile_id=profile_id,
        topic=topic,
        about=about,
        template=template or "",
        language=language,
        from_address=account.sender,
        recipient=recipient,
        subject="SMS" if is_confidential else _in_a_line(written),
        text=written,
        message_id=message_ids.message_id(identity, domain=DOMAIN, key=signing_key()),
        is_automatic=template is not None,
        is_confidential=is_confidential,
        dedupe_key=dedupe_key,
        queued_at=moment,
        available_at=moment,
    )
    OutgoingMessage.objects.bulk_create([row], ignore_conflicts=True)
    doorbell.ring("sms")
    return OutgoingMessage.objects.values_list("pk", flat=True).get(dedupe_key=dedupe_key)


@transaction.atomic
def send_test(account_id: int, *, to: str, by: Agent, at: datetime | None = None) -> int:
    """The id of a test SMS by this account. Raises InvalidNumber and NoSmsAccount (it is switched off)."""
    account = SmsAccount.objects.get(pk=account_id)
    if not account.is_active:
        raise NoSmsAccount(_("This account is switched off."))
    shop = company.shop(account.shop_id)
    with translation.override(shop.default_language):
        text = _("This is a test of %(shop)s. You need not answer.") % {"shop": shop.name}
    return queue_sms(
        shop_id=account.shop_id,
        to=to,
        profile_id=None,
        purpose="service",
        language=shop.default_language,
        text=text,
        dedupe_key=f"sms-test:{account_id}:{by.pk}:{uuid.uuid4()}",
        about="sms-test",
        at=at,
    )


def _fitting(words: str, *, note: str) -> str:
    plain = words.replace("\r\n", "\n").replace("\0", "").strip()
    if plain and note and "stop" not in plain.casefold():
        plain = f"{plain}\n{note}"
    text = segments.thrifty(plain)
    if not text or segments.segments(text).count > MOST_SEGMENTS:
        message = _("An SMS says something, and no more than %(number)s segments hold.") % {
            "number": MOST_SEGMENTS
        }
        raise UnusableText(message, fields={"text": message})
    return text


def _in_a_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"
