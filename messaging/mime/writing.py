"""Building the mails we send: cheap, in ASCII, and the same bytes for the same draft.

The library's message objects cost milliseconds a mail, and its headers more than all the rest. Every
header passes through `header`, which refuses line breaks; `encoded` writes encoded words (RFC 2047).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import quopri
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
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
    reply_to: str = ""
    unsubscribe_links: Sequence[str] = ()


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
    yield header("From", mailbox(draft.sender_name, draft.sender_address))
    yield header("To", draft.recipient)
    if draft.reply_to:
        yield header("Reply-To", draft.reply_to)
    yield header("Subject", encoded("Subject", draft.subject))
    yield header("Date", format_datetime(draft.written_at))
    yield header("Message-ID", draft.message_id)
    if draft.in_reply_to:
        yield header("In-Reply-To", draft.in_reply_to)
    if draft.references:
        yield header("References", *draft.references)
    if draft.is_automatic:
        # Answering machines keep quiet towards automatic mail (RFC 3834).
        yield header("Auto-Submitted", "auto-generated")
        yield header("X-Auto-Response-Suppress", "All")
    yield from unsubscribe_headers(draft.unsubscribe_links)
    yield "MIME-Version: 1.0\r\n"


def unsubscribe_headers(links: Sequence[str]) -> Iterator[str]:
    """How a mail program leaves the list in one click (RFC 2369, RFC 8058); the https link stands first."""
    if links:
        yield header("List-Unsubscribe", *(f"<{link}>," for link in links[:-1]), f"<{links[-1]}>")
    if links and links[0].startswith("https://"):
        yield header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")


def header(name: str, *values: str) -> str:
    """One header; several values are folded, each on a line of its own."""
    for value in values:
        if "\r" in value or "\0" in value or "\n" in value.replace("\n ", ""):
            raise LineBreakInHeader(name)
    folded = "\n ".join(values).replace("\n", "\r\n")
    return f"{name}: {folded}\r\n"


def encoded(name: str, value: str) -> str:
    """A header's text in ASCII (RFC 2047). Raises LineBreakInHeader."""
    if "\n" in value or "\r" in value:
        raise LineBreakInHeader(name)
    if value.isascii() and "=?" not in value and len(name) + len(value) < LONGEST_PLAIN_LINE:
        return value
    room = (LONGEST_PLAIN_LINE - len(name) - 2 - 12) // 4 * 3
    whole = value.encode("utf-8", "replace")
    if len(whole) <= room:
        return _encoded_word(whole)
    words: list[str] = []
    block = b""
    for character in whole.decode():
        encoded_character = character.encode()
        if len(block) + len(encoded_character) > room:
            words.append(_encoded_word(block))
            block, room = b"", (LONGEST_PLAIN_LINE - 1 - 12) // 4 * 3
        block += encoded_character
    return "\n ".join([*words, _encoded_word(block)])


def _encoded_word(block: bytes) -> str:
    return f"=?utf-8?b?{binascii.b2a_base64(block, newline=False).decode()}?="


def mailbox(name: str, address: str) -> str:
    """An address with its name, as From and To want it."""
    if not name:
        return address
    if name.isascii() and len(name) < LONGEST_PLAIN_LINE // 2 and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{address}>'
    return f"{encoded('From', name)} <{address}>"


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
