"""What the post office does when something happened: mails that ask, and hints to open pages."""

from __future__ import annotations

from ecrm.kernel import live
from ecrm.kernel.events import subscribe
from messaging.events import BatchSettled, MailReceived, MessageFailed, MessageSent, SmsReceived
from messaging.services import confirmations
from profiles.events import ConsentAsked


@subscribe(ConsentAsked)
def send_confirmation_request(event: ConsentAsked) -> None:
    """Who is to confirm what he allows gets the link by mail."""
    confirmations.request_confirmation(event.consent_id)


@subscribe(MessageSent, io=True)
def hint_message_sent(event: MessageSent) -> None:
    """Open logs show that it went."""
    _hint(event.shop_id)


@subscribe(MessageFailed, io=True)
def hint_message_failed(event: MessageFailed) -> None:
    """Open logs show that it did not go."""
    _hint(event.shop_id)


@subscribe(BatchSettled, io=True)
def hint_batch_settled(event: BatchSettled) -> None:
    """Open logs show that many went."""
    _hint(event.shop_id)


@subscribe(MailReceived, io=True)
def hint_mail_received(event: MailReceived) -> None:
    """Open lists of received mail show the new one."""
    _hint(event.shop_id)


@subscribe(SmsReceived, io=True)
def hint_sms_received(event: SmsReceived) -> None:
    """Open lists of received SMS show the new one."""
    _hint(event.shop_id)


def _hint(shop_id: int | None) -> None:
    if shop_id is not None:
        live.hint(f"mail:shop:{shop_id}")
