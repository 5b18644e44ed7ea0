"""Calls of mail providers: kept first, understood later, applied once and in any order."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import services as company
from ecrm.kernel import doorbell
from ecrm.kernel.errors import DomainError
from messaging.models import OutgoingMessage, ProviderCall, RawMail
from messaging.queries.incoming import mailbox_for
from messaging.rules import message_ids, refusals
from messaging.services import reports, sms_receiving, suppressions
from messaging.services.intake import accept_raw
from messaging.services.keys import accepted_keys
from messaging.transports import providers
from messaging.transports.unread import NotUnderstood
from messaging.types import Envelope

if TYPE_CHECKING:
    from company.types import Agent
    from messaging.transports.providers import InboundMail, Tracked

MAX_ATTEMPTS: Final = 4
PARKED_FOR: Final = timedelta(days=14)
NO_ANSWER: Final = 550


class CallNotParked(DomainError):
    """Only a parked call that still has its body can be read again."""

    code = "call_not_parked"


_WORTH_WAITING: Final = "unknown_message"
"""The report may be faster than the sender that writes down which message it is about."""


@transaction.atomic(durable=True)
def keep(
    body: bytes,
    *,
    provider: str,
    kind: str,
    content_type: str,
    account_id: int | None = None,
    at: datetime | None = None,
) -> None:
    """Commit a genuine call; the same body is kept once. Only then is the provider answered.

    `account_id` is the SMS account that proved it.
    """
    moment = at or now()
    whose = b"" if account_id is None else b"%d\n" % account_id
    row = ProviderCall(
        provider=provider,
        kind=kind,
        account_id=account_id,
        digest=hashlib.sha256(whose + body).hexdigest(),
        content_type=content_type[:200],
        body=body,
        received_at=moment,
        available_at=moment,
    )
    ProviderCall.objects.bulk_create([row], ignore_conflicts=True)
    doorbell.ring("inbound")


def settle_next(*, at: datetime | None = None) -> bool:
    """Apply the call that waits longest. False when none waits. What is not understood is parked."""
    moment = at or now()
    call = _claimed(moment)
    if call is None:
        return False
    try:
        if call.kind == ProviderCall.Kind.INBOUND:
            _take_in(call)
        elif call.kind == ProviderCall.Kind.SMS:
            sms_receiving.apply(call, at=moment)
        else:
            _apply(call, at=moment)
    except NotUnderstood as error:
        _park(call, error.code, at=moment)
    else:
        ProviderCall.objects.filter(pk=call.pk).update(
            state=ProviderCall.State.DONE, body=None, settled_at=moment
        )
    return True


def forget_parked(*, at: datetime | None = None) -> int:
    """Remove what nobody looked at for two weeks from parked calls. Returns from how many."""
    rows = ProviderCall.objects.filter(
        state=ProviderCall.State.PARKED,
        settled_at__lt=(at or now()) - PARKED_FOR,
        body__isnull=False,
    )
    return rows.update(body=None)


@transaction.atomic
def retry_parked(call_id: int, *, by: Agent | None, at: datetime | None = None) -> None:
    """Read a parked call again, with a fresh set of attempts. Raises CallNotParked."""
    call = ProviderCall.objects.select_for_update(of=("self",)).get(pk=call_id)
    if call.state != ProviderCall.State.PARKED or call.body is None:
        raise CallNotParked(_("This call is not parked any more, or its content is gone."))
    moment = at or now()
    call.state, call.cause, call.attempts = ProviderCall.State.RECEIVED, "", 0
    call.available_at, call.settled_at = moment, None
    call.save(update_fields=["state", "cause", "attempts", "available_at", "settled_at"])
    doorbell.ring("inbound")
    company.record_audit(
        action="messaging.call-retried", target=f"provider-call:{call.pk}", by=by, at=moment
    )


@transaction.atomic
def read_body(call_id: int, *, by: Agent, at: datetime | None = None) -> bytes | None:
    """What the provider said, byte by byte; None when it is gone. That somebody took it is on record."""
    call = ProviderCall.objects.parked().filter(pk=call_id).first()
    if call is None or call.body is None:
        return None
    company.record_audit(
        action="messaging.call-downloaded", target=f"provider-call:{call.pk}", by=by, at=at
    )
    return bytes(call.body)


@transaction.atomic
def _claimed(at: datetime) -> ProviderCall | None:
    """The next call, kept from others for a while; one that broke its reader each time is parked."""
    call = ProviderCall.objects.due(at).select_for_update(skip_locked=True, of=("self",)).first()
    if call is None:
        return None
    call.attempts += 1
    call.available_at = at + timedelta(seconds=30 * call.attempts * call.attempts)
    call.save(update_fields=["attempts", "available_at"])
    if call.attempts > MAX_ATTEMPTS:
        _park(call, "gave_up", at=at)
        return _claimed(at)
    return call


def _park(call: ProviderCall, code: str, *, at: datetime) -> None:
    if code == _WORTH_WAITING and call.attempts < MAX_ATTEMPTS:
        return  # stays where it is until its time comes again
    ProviderCall.objects.filter(pk=call.pk).update(
        state=ProviderCall.State.PARKED, cause=code, settled_at=at
    )


def _take_in(call: ProviderCall) -> None:
    """Each mail of the call becomes a raw mail. Doing it again gives duplicates, which reading finds."""
    for mail in providers.received(
        bytes(call.body or b""), provider=call.provider, content_type=call.content_type
    ):
        recipient, mailbox_id = _mailbox(mail)
        accept_raw(
            mail.raw,
            mailbox_id=mailbox_id,
            source=RawMail.Source.WEBHOOK,
            envelope=Envelope(sender=mail.envelope_sender or "", recipient=recipient)
            if mail.envelope_sender is not None
            else None,
            at=call.received_at,
        )


def _mailbox(mail: InboundMail) -> tuple[str, int]:
    for recipient in mail.recipients:
        mailbox_id = mailbox_for(recipient)
        if mailbox_id is not None:
            return recipient, mailbox_id
    raise NotUnderstood("unknown_mailbox")


@transaction.atomic
def _apply(call: ProviderCall, *, at: datetime) -> None:
    happened = providers.tracked(
        bytes(call.body or b""), provider=call.provider, content_type=call.content_type
    )
    found = [(_message(tracked), tracked) for tracked in happened]
    for message, tracked in found:
        if message is not None:
            _note(message, tracked, at=at)
    if any(message is None for message, _tracked in found):
        raise NotUnderstood(_WORTH_WAITING)


def _message(tracked: Tracked) -> OutgoingMessage | None:
    """The message that our own id, or the one which the provider gave it, names.

    Some providers give all mails of one call the same id; then the recipient tells them apart.
    """
    rows = OutgoingMessage.objects.defer("text", "html")
    named = tracked.message_id.strip()
    ours = message_ids.uuid_of(f"<{named.strip('<>')}>", keys=accepted_keys())
    if ours is not None:
        return rows.filter(uuid=ours).first()
    if not named:
        return None
    theirs = rows.filter(provider_id=named.strip("<>"))
    his = theirs.filter(recipient__iexact=tracked.recipient).first() if tracked.recipient else None
    several = list(theirs[:2]) if his is None else []
    return several[0] if len(several) == 1 else his


def _note(message: OutgoingMessage, tracked: Tracked, *, at: datetime) -> None:
    if tracked.happening == "delivered":
        reports.note_delivered(message.pk, at=at)
    elif tracked.happening == "complained":
        reports.note_complaint(message.pk, at=at)
    elif tracked.happening == "bounced":
        is_his = tracked.recipient in {"", message.recipient.lower()}
        reports.note_bounced(
            message.pk,
            reason=refusals.reason_of(NO_ANSWER, tracked.detail),
            detail=tracked.detail,
            is_permanent=tracked.is_permanent and is_his,
            at=at,
        )
    elif message.recipient:
        suppressions.suppress(
            message.recipient,
            scope="marketing",
            reason=suppressions.UNSUBSCRIBED,
            shop_id=message.shop_id,
            message_id=message.pk,
            at=at,
        )
