"""Frozen facts about mail which other modules receive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Purpose = Literal["transactional", "service", "marketing"]
Channel = Literal["mail", "sms"]
SuppressionScope = Literal["everything", "marketing", "topic", "channel"]
SettledOutcome = Literal["message-added", "conversation-opened"]


@dataclass(frozen=True, kw_only=True, slots=True)
class OutgoingRef:
    """The message of ours that a received mail answers."""

    id: int
    about: str
    to: str
    message_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OutgoingInfo:
    """Where an outgoing message stands."""

    id: int
    state: str
    to: str
    subject: str
    text: str
    sent_at: datetime | None
    message_id_header: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MailAttachment:
    """A file that came with a mail. `name` is never empty."""

    id: int
    name: str
    content_type: str
    size: int
    is_inline: bool
    content_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedMail:
    """A received mail as it was understood.

    `is_sender_sound` False means that the From header proves nothing, not even who claims to write:
    such a mail never belongs to a customer. `visible_text` is `text` without quotes and signature.
    `is_passed_on` says that a form or a market place sent it, which names its writer as it likes.
    `answers` and `continues_id` (an earlier mail of the same customer) say what it belongs to, never who
    wrote it. `html_clean` is safe markup without remote images, yet is shown only in a sandboxed frame.
    """

    id: int
    raw_id: int
    mailbox_id: int
    shop_id: int
    profile_id: int | None
    from_name: str
    from_address: str
    is_sender_sound: bool
    is_passed_on: bool
    subject: str
    text: str
    visible_text: str
    html_clean: str
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    received_at: datetime
    attachments: tuple[MailAttachment, ...]
    is_machine: bool
    answers: OutgoingRef | None
    continues_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImapPosition:
    """Where on an IMAP server a mail lies."""

    folder: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """What the delivering server said about a mail outside its headers."""

    sender: str = ""
    recipient: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """A message for one recipient, in the language it was written in."""

    subject: str
    html: str
    text: str
    language: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateRef:
    """A template of a shop as it stands: a published version, or (None) the built-in one."""

    shop_id: int
    key: str
    version_id: int | None
