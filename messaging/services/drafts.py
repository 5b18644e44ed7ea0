"""What a message says, as the writers of mails want it."""

from __future__ import annotations

from typing import Any

from messaging.models import OutgoingMessage
from messaging.services import tracking


def parts(message: OutgoingMessage) -> dict[str, Any]:
    """The parts of a message whose words are its own."""
    return {
        "sender_name": message.from_name,
        "sender_address": message.from_address,
        "recipient": message.recipient,
        "subject": message.subject,
        "text": message.text,
        "html": tracking.html_of(message),
        "message_id": message.message_id,
        "in_reply_to": message.in_reply_to,
        "references": message.references,
        "written_at": message.queued_at,
        "is_automatic": message.is_automatic,
        "reply_to": message.reply_to,
    }
