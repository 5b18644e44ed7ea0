"""Building the mails we send: cheap, in ASCII, and the same bytes for the same draft.

The library's message objects cost milliseconds a mail. Only their parts that encode are used: every
header passes through `_header`, which refuses line breaks, and `email.header`, which encodes and folds.
"""

from __future__ import annotations

import base64
import hashlib
import quopri
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

LONGEST_PLAIN_LINE = 76
LONGEST_SAFE_LINE = 990
_ASCII = bytes(range(128))


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


class LineBreakInHeader(ValueError):
    """A header value would have begun another header."""


def build(draft: Draft) -> bytes:
    """The mail with CRLF line ends. Raises LineBreakInHeader."""
    head = "".join(_headers(draft)).encode("ascii")
    if not draft.html:
        return head + _part("plain", draft.text)
    # Only the boundary's own line may look like it: the digest of an unguessable id cannot be in a text.
    boundary = "=-" + hashlib.sha256(draft.message_id.encode()).hexdigest()[:32]
    line = b"--" + boundary.encode()
    return b"\r\n".join(
        [
            head + f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n'.encode(),
            line,
            _part("plain", draft.text),
            line,
            _part("html", draft.html),
            line + b"--\r\n",
        ]
    )


def _headers(draft: Draft) -> Iterator[str]:
    yield _header("From", _mailbox(draft.sender_name, draft.sender_address))
    yield _header("To", draft.recipient)
    yield _header("Subject", _encoded("Subject", draft.subject))
    yield _header("Date", format_datetime(draft.written_at))
    yield _header("Message-ID", draft.message_id)
    if draft.in_reply_to:
        yield _header("In-Reply-To", draft.in_reply_to)
    if draft.references:
        yield _header("References", *draft.references)
    if draft.is_automatic:
        # Answering machines keep quiet towards automatic mail (RFC 3834).
        yield _header("Auto-Submitted", "auto-generated")
        yield _header("X-Auto-Response-Suppress", "All")
    yield "MIME-Version: 1.0\r\n"


def _header(name: str, *values: str) -> str:
    """One header; several values are folded, each on a line of its own."""
    for value in values:
        if "\r" in value or "\0" in value or "\n" in value.replace("\n ", ""):
            raise LineBreakInHeader(name)
    folded = "\n ".join(values).replace("\n", "\r\n")
    return f"{name}: {folded}\r\n"


def _encoded(name: str, value: str) -> str:
    if "\n" in value or "\r" in value:
        raise LineBreakInHeader(name)
    if value.isascii() and "=?" not in value and len(name) + len(value) < LONGEST_PLAIN_LINE:
        return value
    return Header(value, "utf-8", header_name=name).encode()


def _mailbox(name: str, address: str) -> str:
    if not name:
        return address
    if name.isascii() and len(name) < LONGEST_PLAIN_LINE // 2 and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{address}>'
    return f"{_encoded('From', name)} <{address}>"


def _part(subtype: str, text: str) -> bytes:
    """Content headers and body, in the encoding that suits the text best."""
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    encoding, body = _body(data)
    return (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    ).encode() + body


def _body(data: bytes) -> tuple[str, bytes]:
    if data.isascii() and max(map(len, data.split(b"\n"))) <= LONGEST_SAFE_LINE:
        return "7bit", data.replace(b"\n", b"\r\n")
    if len(data.translate(None, _ASCII)) * 6 > len(data):
        return "base64", base64.encodebytes(data).replace(b"\n", b"\r\n")
    return "quoted-printable", quopri.encodestring(data).replace(b"\n", b"\r\n")
