"""Building the mails we send. Headers only through the email API, which refuses line breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

POLICY = SMTP.clone(max_line_length=78, cte_type="7bit")


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """Everything a mail says."""

    sender_name: str
    sender_address: str
    recipient: str
    subject: str
    text: str
    html: str
    message_id: str
    in_reply_to: str
    references: Sequence[str]
    written_at: datetime
    is_automatic: bool


def build(draft: Draft) -> bytes:
    """The mail with CRLF line ends and in ASCII: the same bytes each time but for the boundary."""
    message = EmailMessage(policy=POLICY)
    message["From"] = Address(draft.sender_name, addr_spec=draft.sender_address)
    message["To"] = Address(addr_spec=draft.recipient)
    message["Subject"] = draft.subject
    message["Date"] = draft.written_at
    message["Message-ID"] = draft.message_id
    if draft.in_reply_to:
        message["In-Reply-To"] = draft.in_reply_to
    if draft.references:
        message["References"] = " ".join(draft.references)
    if draft.is_automatic:
        # Answering machines keep quiet towards automatic mail (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
    message.set_content(draft.text or " ")
    if draft.html:
        message.add_alternative(draft.html, subtype="html")
    return message.as_bytes()
