"""Delivery reports: for whom, why, and whether the address itself is dead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from messaging.mime import addresses
from messaging.mime.charsets import decode
from messaging.mime.headers import Headers
from messaging.mime.structure import Part

MOST_RECIPIENTS: Final = 50
_STATUS: Final = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_REPLY: Final = re.compile(r"\b([245]\d\d)\b")
_DEAD_STATUS: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
_DEAD_WORDS: Final = re.compile(
    r"(?:user|recipient|mailbox|account|address|addressee|alias)[^.]{0,40}(?:unknown|not found"
    r"|does ?n[o']t exist|not exist|no longer"
    r"|disabled|deactivated|closed|inactive|unavailable permanently|has been suspended)"
    r"|(?:unknown|no such|invalid|non-?existent) (?:user|recipient|mailbox|account|address|local part)"
    r"|no mailbox here|host (?:unknown|not found)|domain (?:not found|does ?n[o']t exist)|nxdomain",
    re.IGNORECASE,
)
_ALIVE_WORDS: Final = re.compile(
    r"(?:mailbox|quota|storage|inbox)[^.]{0,30}(?:full|exceed|over)|over ?quota|insufficient|spam"
    r"|block|blacklist|blocklist|reputation"
    r"|policy|dmarc|spf\b|dkim|authenticat|greylist|graylist|too large|size limit|rate limit"
    r"|too many|throttl|timed? ?out|timeout"
    r"|temporar|try again|relay(?:ing)? (?:denied|not)|access denied|virus|content rejected"
    r"|connection refused",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounce:
    """The verdict for one recipient. `permanent`: the address can receive nothing any more."""

    recipient: str
    status: str
    reply_code: str
    reason: str
    permanent: bool


def verdicts(root: Part) -> list[Bounce]:
    """What a standard report (RFC 3464) says, one verdict per recipient; empty when it says nothing."""
    found: list[Bounce] = []
    for part in root.walk():
        if part.content_type != "message/delivery-status":
            continue
        blocks = (_verdict(block.headers) for block in part.children[:MOST_RECIPIENTS])
        found += [verdict for verdict in blocks if verdict]
    return found


def reported_message_id(root: Part) -> str:
    """The Message-ID of the mail that came back inside the report, or ""."""
    for part in root.walk():
        if part is root:
            continue
        if part.content_type == "text/rfc822-headers":
            for line in decode(part.data).splitlines():
                name, _, value = line.partition(":")
                if name.strip().lower() == "message-id":
                    return value.strip()
        elif part.content_type == "message/rfc822" and part.children:
            return part.children[0].headers.first("message-id")
    return ""


def _verdict(block: Headers) -> Bounce | None:
    recipient = block.first("final-recipient") or block.first("original-recipient")
    if not recipient:
        return None
    address = recipient.rpartition(";")[2].strip().strip("<>")
    reason = block.decoded("diagnostic-code").rpartition("; ")[2][:500]
    action = block.first("action").lower()
    match = _STATUS.search(block.first("status")) or _STATUS.search(reason)
    status = match.group(0) if match else ""
    reply = _REPLY.search(reason)
    return Bounce(
        recipient=addresses.normalised(address) or address[:254].lower(),
        status=status,
        reply_code=reply.group(1) if reply else "",
        reason=reason,
        permanent=action in {"failed", ""} and is_permanent(status, reason),
    )


def is_permanent(status: str, reason: str) -> bool:
    """Whether the address is dead, judged by the words first and by the status only then."""
    if _ALIVE_WORDS.search(reason):
        return False
    if status.startswith("4"):
        return False
    return bool(_DEAD_WORDS.search(reason)) or status in _DEAD_STATUS
