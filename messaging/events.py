"""What messaging tells the other modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ecrm.kernel.events import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageSent(Event):
    """The mail server of the next hop took responsibility for a message."""

    name: ClassVar[str] = "messaging.message-sent"
    message_id: int
    profile_id: int | None
    shop_id: int | None
    about: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageFailed(Event):
    """A message will not be sent any more; `reason` is a stable code."""

    name: ClassVar[str] = "messaging.message-failed"
    message_id: int
    profile_id: int | None
    shop_id: int | None
    about: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchSettled(Event):
    """Mass mails about one thing were sent or given up, so many of them, a moment ago."""

    name: ClassVar[str] = "messaging.batch-settled"
    shop_id: int | None
    about: str
    sent: int
    not_sent: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MailReceived(Event):
    """A mail was read. A duplicate, and a mail in quarantine, is kept without an event."""

    name: ClassVar[str] = "messaging.mail-received"
    mail_id: int
    mailbox_id: int
    shop_id: int
    profile_id: int | None
    answers_message_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SmsReceived(Event):
    """A customer wrote an SMS to a shop; `order` is "stop" or "start" when his word ordered that."""

    name: ClassVar[str] = "messaging.sms-received"
    sms_id: int
    shop_id: int
    profile_id: int | None
    answers_message_id: int | None
    order: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressSuppressed(Event):
    """An address is spared from now on; `shop_id` None means from every shop."""

    name: ClassVar[str] = "messaging.address-suppressed"
    suppression_id: int
    shop_id: int | None
    scope: str
    reason: str
    topic: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SuppressionLifted(Event):
    """An address may be written to again."""

    name: ClassVar[str] = "messaging.suppression-lifted"
    suppression_id: int
    shop_id: int | None
    scope: str
