"""What a server's refusal means for a message."""

from __future__ import annotations

import re
from typing import Final

_ENHANCED: Final = re.compile(r"\b([45])\.(\d{1,3})\.(\d{1,3})\b")
_BY_STATUS: Final = {
    "1.1": "unknown_recipient",
    "1.2": "unknown_domain",
    "1.3": "invalid_recipient",
    "1.6": "recipient_moved",
    "1.10": "unknown_domain",
    "2.1": "mailbox_disabled",
    "2.2": "mailbox_full",
    "3.4": "too_large",
    "4.7": "expired",
    "7.1": "blocked",
    "7.26": "sender_not_authenticated",
}
_FOR_NOW: Final = {"2.2": "mailbox_full", "3.1": "server_full"}
_BY_SUBJECT: Final = {"1": "invalid_recipient", "2": "mailbox_unavailable", "7": "blocked"}
_BY_CODE: Final = {
    452: "server_full",
    550: "mailbox_unavailable",
    552: "too_large",
    553: "invalid_recipient",
}


def enhanced_status(text: str) -> str:
    """The enhanced status code (RFC 3463) in a reply, or ""."""
    match = _ENHANCED.search(text[:500])
    return match.group(0) if match else ""


def reason_of(code: int, text: str) -> str:
    """A stable word for why a server refused a message, or refused it for now (4xx)."""
    status = enhanced_status(text).partition(".")[2]
    if code < 500:  # noqa: PLR2004 - SMTP reply
        return _FOR_NOW.get(status) or _BY_CODE.get(code, "try_later")
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status and (word := _BY_SUBJECT.get(status.partition(".")[0])):
        return word
    return _BY_CODE.get(code, "refused")
