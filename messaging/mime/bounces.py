"""Delivery reports: for whom, why, and whether the address itself is dead."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from messaging.mime import addresses, limits, notices, reasons
from messaging.mime.charsets import decode
from messaging.mime.headers import Headers
from messaging.mime.structure import Part

MOST_RECIPIENTS: Final = 50
REPORT_TYPES: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
_REPORTED_ID: Final = re.compile(
    r"^[> \t]*message-id:\s*(<[^<>\s]{1,250}>)", re.IGNORECASE | re.MULTILINE
)
_INCOMPLETE: Final = frozenset({"", "5.0.0", "4.0.0"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounce:
    """The verdict for one recipient. `permanent`: the address can receive nothing any more."""

    recipient: str
    status: str
    reply_code: str
    reason: str
    permanent: bool
    is_delayed: bool = False


def verdicts(root: Part, *, text: str) -> list[Bounce]:
    """What a report says, one verdict per recipient; empty when it says nothing.

    A standard report (RFC 3464) is believed first; what it leaves out, and reports in prose, are read from
    the `text` of the mail.
    """
    headers = root.headers
    own = {
        person.address
        for name in ("from", "to", "reply-to", "sender")
        for value in headers.all(name)
        for person in addresses.parse(value).mailboxes
    }
    reports = _reports(root)
    failed = headers.all("x-failed-recipients") + [bounce.recipient for bounce in reports]
    told = {
        notice.recipient: notice.reason for notice in notices.read(text, own=own, failed=failed)
    }
    if reports:
        return [_completed(bounce, told.get(bounce.recipient, "")) for bounce in reports]
    words = "\n".join(notices.told(text[: limits.QUOTE_SEARCH]))
    is_delayed = reasons.is_delay(f"{headers.decoded('subject')}\n{words}")
    return [
        _of_prose(recipient, reason, is_delayed=is_delayed) for recipient, reason in told.items()
    ]


def _reports(root: Part) -> list[Bounce]:
    found: list[Bounce] = []
    for part in root.walk_own():
        if part.content_type not in REPORT_TYPES:
            continue
        blocks = (_verdict(block.headers) for block in part.children[:MOST_RECIPIENTS])
        found += [verdict for verdict in blocks if verdict]
    return found


def _of_prose(recipient: str, reason: str, *, is_delayed: bool = False) -> Bounce:
    status = reasons.status_in(reason)
    return Bounce(
        recipient=recipient,
        status=status,
        reply_code=reasons.reply_code_in(reason),
        reason=reason,
        permanent=not is_delayed and reasons.is_permanent(status, reason),
        is_delayed=is_delayed,
    )


def _completed(bounce: Bounce, told: str) -> Bounce:
    """The verdict of a report that gives no reason, with the reason that stands in the prose."""
    is_silent = bounce.status in _INCOMPLETE or not bounce.reason
    if not told or bounce.is_delayed or not is_silent or reasons.is_telling(bounce.reason):
        return bounce
    prose = _of_prose(bounce.recipient, told)
    return replace(
        bounce,
        status=prose.status or bounce.status,
        reply_code=bounce.reply_code or prose.reply_code,
        reason=bounce.reason or prose.reason,
        permanent=prose.permanent,
    )


def reported_message_id(root: Part, *, text: str) -> str:
    """The Message-ID of the mail that came back inside the report, or ""."""
    for part in root.walk():
        if part.content_type == "text/rfc822-headers":
            returned = _REPORTED_ID.search(decode(part.data))
            if returned is not None:
                return returned.group(1)
        elif part.content_type == "message/rfc822" and part.children:
            message_id = part.children[0].headers.first("message-id")
            if message_id:
                return message_id
    quoted = _REPORTED_ID.search(text)
    return quoted.group(1) if quoted else ""


def _verdict(block: Headers) -> Bounce | None:
    recipient = block.first("final-recipient") or block.first("original-recipient")
    if not recipient:
        return None
    address = recipient.rpartition(";")[2].strip().strip("<>")
    reason = _without_type(block.decoded("diagnostic-code"))[:500]
    action = block.first("action").lower()
    status = reasons.status_in(block.first("status"))
    if not status or status.endswith(".0.0"):
        status = reasons.status_in(reason) or status
    return Bounce(
        recipient=addresses.normalised(address) or address[:254].lower(),
        status=status,
        reply_code=reasons.reply_code_in(reason),
        reason=reason,
        permanent=action in {"failed", ""} and reasons.is_permanent(status, reason),
        is_delayed=action not in {"failed", ""},
    )


def _without_type(diagnostic: str) -> str:
    """`smtp; 550 …` without the kind of system that speaks."""
    kind, mark, words = diagnostic.partition(";")
    return words.strip() if mark and " " not in kind.strip() else diagnostic
