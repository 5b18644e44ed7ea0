"""Writing a message down so that a sender will send it; stopping it and sending it again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.template import TemplateDoesNotExist
from django.template.loader import get_template, render_to_string
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from ecrm.kernel import doorbell
from ecrm.kernel.errors import DomainError
from messaging.mime import addresses, html
from messaging.models import Intervention, OutgoingMessage
from messaging.rules import delivery, message_ids
from messaging.services import filling
from messaging.services.keys import signing_key
from messaging.types import Purpose

if TYPE_CHECKING:
    from company.types import Agent

LANES = {"transactional": 0, "service": 1, "marketing": delivery.MASS_LANE}
INSTALLATION_DOMAIN = "localhost"


class InvalidRecipient(DomainError):
    """The text is not one e-mail address to which mail can be sent."""

    code = "invalid_recipient"


class InvalidHeader(DomainError):
    """A value for a header contains a line break, which would let it forge other headers."""

    code = "invalid_header"


class MessageNotCancellable(DomainError):
    """The message was sent, or is being sent at this moment."""

    code = "message_not_cancellable"


class MessageNotRetryable(DomainError):
    """The message is not in a state from which it can be sent again."""

    code = "message_not_retryable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """From whom a message comes."""

    name: str
    address: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """What a message says."""

    subject: str
    text: str
    html: str


@transaction.atomic
def queue_mail(  # noqa: PLR0913 - the parts of a mail; all but the subject of the call are keywords
    *,
    shop_id: int | None,
    to: str,
    profile_id: int | None,
    purpose: Purpose,
    template: str | None = None,
    context: Mapping[str, Any] | None = None,
    language: str,
    subject: str | None = None,
    text: str | None = None,
    html: str | None = None,
    dedupe_key: str,
    about: str = "",
    in_reply_to: str = "",
    references: Sequence[str] = (),
    sender: Sender | None = None,
    is_confidential: bool = False,
    at: datetime | None = None,
) -> int:
    """The id of the message that a sender will send; the same `dedupe_key` gives the first one's id.

    The wording is either a `template` rendered now in `language`, or `subject` with `text` and/or `html`.
    "orders.confirmation" is a template which shops can make their own; "messaging/email/confirm_consent"
    stands for .subject.txt, .txt and .html, the last one optional. Mail from a template is marked as
    automatic. A confidential message (a password link) is shown to
    nobody and its text forgotten once it is sent.

    Raises InvalidRecipient and InvalidHeader. The sender publishes MessageSent or MessageFailed later.
    """
    recipient = _recipient(to)
    existing = OutgoingMessage.objects.filter(dedupe_key=dedupe_key).values_list("pk", flat=True)
    if (known := existing.first()) is not None:
        return known
    wording = (
        written(template, shop_id=shop_id, context=context, language=language)
        if template is not None
        else _given(subject=subject, text=text, html_source=html)
    )
    sender = sender or _shop_sender(shop_id)
    for value in (wording.subject, sender.name, sender.address, in_reply_to, *references):
        _refuse_line_breaks(value)
    moment = at or now()
    identity = uuid.uuid4()
    domain = sender.address.rpartition("@")[2] or INSTALLATION_DOMAIN
    row = OutgoingMessage(
        uuid=identity,
        purpose=purpose,
        lane=LANES[purpose],
        shop_id=shop_id,
        profile_id=profile_id,
        about=about,
        template=template or "",
        language=language,
        from_name=sender.name,
        from_address=sender.address,
        recipient=recipient,
        subject=wording.subject,
        text=wording.text,
        html=wording.html,
        message_id=message_ids.message_id(identity, domain=domain, key=signing_key()),
        in_reply_to=in_reply_to[: message_ids.LONGEST_ID],
        references=list(references)[-message_ids.MOST_REFERENCES :],
        is_automatic=template is not None,
        is_confidential=is_confidential,
        dedupe_key=dedupe_key,
        queued_at=moment,
        available_at=moment,
    )
    OutgoingMessage.objects.bulk_create([row], ignore_conflicts=True)
    _ring(row.lane)
    return OutgoingMessage.objects.values_list("pk", flat=True).get(dedupe_key=dedupe_key)


@transaction.atomic
def cancel_message(message_id: int, *, by: Agent | None, at: datetime | None = None) -> None:
    """Keep a waiting message from being sent. Raises MessageNotCancellable."""
    message = OutgoingMessage.objects.select_for_update(of=("self",)).get(pk=message_id)
    if not delivery.may_move(message.state, "cancelled"):
        raise MessageNotCancellable(_("This message can no longer be stopped."))
    moment = at or now()
    _note(message, Intervention.Kind.CANCELLED, by=by, at=moment)
    message.move_to(OutgoingMessage.State.CANCELLED)
    message.settled_at = moment
    message.save(update_fields=["state", "settled_at"])


@transaction.atomic
def retry_message(message_id: int, *, by: Agent | None, at: datetime | None = None) -> None:
    """Send a failed, withheld or unclear message again, under its own Message-ID.

    Raises MessageNotRetryable.
    """
    message = OutgoingMessage.objects.select_for_update(of=("self",)).get(pk=message_id)
    if message.state not in delivery.RETRYABLE:
        raise MessageNotRetryable(_("Only a message that was not sent can be sent again."))
    moment = at or now()
    _note(message, Intervention.Kind.RETRIED, by=by, at=moment)
    message.move_to(OutgoingMessage.State.PENDING)
    message.reason = message.reason_detail = ""
    message.deferrals = 0
    message.available_at = message.retried_at = moment
    message.settled_at = None
    message.save(
        update_fields=[
            "state",
            "reason",
            "reason_detail",
            "deferrals",
            "available_at",
            "retried_at",
            "settled_at",
        ]
    )
    _ring(message.lane, message.channel)


def _ring(lane: int, channel: str = "mail") -> None:
    if channel == OutgoingMessage.Channel.SMS:
        doorbell.ring("sms")
    else:
        doorbell.ring("mass-mail" if lane >= delivery.MASS_LANE else "mail")


def _note(
    message: OutgoingMessage, kind: Intervention.Kind, *, by: Agent | None, at: datetime
) -> None:
    Intervention.objects.create(
        message=message, kind=kind, state_before=message.state, by_id=by.pk if by else None, at=at
    )


def _recipient(text: str) -> str:
    address = addresses.single(text)
    if address is None:
        raise InvalidRecipient(_("This is not an e-mail address to which mail can be sent."))
    return address


def _shop_sender(shop_id: int | None) -> Sender:
    if shop_id is None:
        return Sender(name="", address=f"no-reply@{INSTALLATION_DOMAIN}")
    shop = company.shop(shop_id)
    return Sender(name=shop.sender_name, address=shop.support_email)


def _refuse_line_breaks(value: str) -> None:
    if "\r" in value or "\n" in value or "\0" in value:
        raise InvalidHeader(_("A header value must not contain line breaks."))


def _given(*, subject: str | None, text: str | None, html_source: str | None) -> Wording:
    markup = html_source or ""
    return Wording(
        subject=(subject or "").strip(" \t"),
        text=text if text is not None else html.to_text(markup),
        html=markup,
    )


def written(
    template: str, *, shop_id: int | None, context: Mapping[str, Any] | None, language: str
) -> Wording:
    """What a template says to one recipient, now. Raises what filling a template raises."""
    values = dict(context or {})
    if shop_id is not None and "/" not in template:
        mail = filling.filled(shop_id, key=template, language=language, data=values)
        return Wording(subject=mail.subject, text=mail.text, html=mail.html)
    with translation.override(language):
        return Wording(
            subject=" ".join(render_to_string(f"{template}.subject.txt", values).split()),
            text=render_to_string(f"{template}.txt", values).strip() + "\n",
            html=_optional(f"{template}.html", values),
        )


def _optional(name: str, values: dict[str, Any]) -> str:
    try:
        found = get_template(name)
    except TemplateDoesNotExist as missing:
        if missing.args[0] == name:
            return ""
        raise
    return found.render(values)
