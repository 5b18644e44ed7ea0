"""Feedback reports (RFC 5965): a provider says that somebody called a mail of ours spam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from messaging.mime import addresses
from messaging.mime.headers import Headers
from messaging.mime.structure import Part

REPORT: Final = "message/feedback-report"
_NO_COMPLAINTS: Final = frozenset({"not-spam", "auth-failure", "dmarc"})
_UNDECLARED: Final = "x-hmxmroriginalrecipient"
"""Outlook.com adds this header to the mail it returns, and nothing that says what the report is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Complaint:
    """Who complained about a mail sent under which envelope sender; both may be withheld, then "".

    `kind` is the feedback type: abuse, fraud, virus, opt-out, other.
    """

    kind: str
    recipient: str
    envelope_sender: str


def of(root: Part) -> Complaint | None:
    """The complaint a mail carries, or None. A report that a mail was no spam is none."""
    for part in root.walk_own():
        if part.content_type == REPORT and part.children:
            return _declared(part.children[0].headers)
        if part.content_type == REPORT:
            return _declared(_written_plain(part.data))
        if part.content_type == "message/rfc822" and part.children:
            inner = part.children[0].headers
            if inner.has(_UNDECLARED):
                return Complaint(
                    kind="abuse",
                    recipient=_address(inner.first(_UNDECLARED)),
                    envelope_sender=_address(inner.first("return-path")),
                )
    return None


def _declared(fields: Headers) -> Complaint | None:
    kind = fields.first("feedback-type").lower() or "abuse"
    if kind in _NO_COMPLAINTS:
        return None
    recipients = (fields.first("original-rcpt-to"), fields.first("removal-recipient"))
    return Complaint(
        kind=kind[:40],
        recipient=next((found for found in map(_address, recipients) if found), ""),
        envelope_sender=_address(fields.first("original-mail-from")),
    )


def _written_plain(data: bytes) -> Headers:
    """The fields of a report part which the library took for text."""
    items = []
    for line in data.splitlines()[:100]:
        name, mark, value = line.partition(b":")
        if mark:
            items.append((name.decode("ascii", "replace").strip().lower(), value.strip()))
    return Headers(items=items)


def _address(text: str) -> str:
    plain = text.rpartition(";")[2].strip().strip("<>").lower()
    return addresses.normalised(plain)
