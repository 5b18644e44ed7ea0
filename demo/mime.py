"""Bytes of a mail and their parts, for the customers' mailboxes of the demo. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr

_ID = re.compile(r"<[^<>\s]{1,300}>")
_BLANKS = re.compile(r"\s+")
LONGEST_HEADER = 8000


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file that travels with a mail."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A mail taken apart, as far as a mailbox shows it."""

    from_name: str
    from_address: str
    to_address: str
    subject: str
    message_id: str
    references: tuple[str, ...]
    text: str
    html: str
    files: tuple[File, ...]

    @property
    def thread(self) -> str:
        """The Message-ID the conversation began with."""
        return self.references[0] if self.references else self.message_id

    @property
    def snippet(self) -> str:
        """The first words, in one line."""
        return one_line(self.text)[:140]


def read(raw: bytes) -> Letter:
    """The parts of a mail. Understands every input: what is broken is left out."""
    mail = message_from_bytes(raw)  # the old policy: slow parsing can't be provoked
    from_name, from_address = _address(mail, "From")
    references = [*_ids(mail, "References"), *_ids(mail, "In-Reply-To")]
    text, html, files = _bodies(mail)
    return Letter(
        from_name=from_name,
        from_address=from_address,
        to_address=_address(mail, "To")[1],
        subject=one_line(_header(mail, "Subject")),
        message_id=next(iter(_ids(mail, "Message-ID")), ""),
        references=tuple(dict.fromkeys(references)),
        text=text,
        html=html,
        files=tuple(files),
    )


def compose(  # noqa: PLR0913 - the parts of a mail, all keywords
    *,
    from_name: str,
    from_address: str,
    to_address: str,
    subject: str,
    text: str,
    message_id: str,
    written_at: datetime,
    references: Sequence[str] = (),
    to_name: str = "",
    html: str = "",
    files: Sequence[File] = (),
) -> bytes:
    """The bytes of a mail as a customer's mail program writes them; the last reference is answered."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = formataddr((from_name, from_address))
    mail["To"] = formataddr((to_name, to_address))
    mail["Subject"] = one_line(subject)
    mail["Date"] = format_datetime(written_at)
    mail["Message-ID"] = message_id
    if references:
        mail["In-Reply-To"] = references[-1]
        mail["References"] = " ".join(references)
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    for file in files:
        kind, _, subtype = file.content_type.partition("/")
        mail.add_attachment(
            file.content,
            maintype=kind or "application",
            subtype=subtype or "octet-stream",
            filename=one_line(file.name),
        )
    return mail.as_bytes()


def one_line(text: str) -> str:
    """The text with every run of blanks as one space."""
    return _BLANKS.sub(" ", text).strip()


def reply_subject(subject: str) -> str:
    """The subject as a mail program writes it when answering."""
    return subject if re.match(r"(?i)(re|aw)\s*:", subject) else f"Re: {subject}".strip()


def quoted(text: str) -> str:
    """The text as an answer quotes it."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def _header(mail: Message, name: str) -> str:
    value = str(mail.get(name, ""))[:LONGEST_HEADER]
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return value


def _address(mail: Message, name: str) -> tuple[str, str]:
    display_name, address = parseaddr(str(mail.get(name, ""))[:LONGEST_HEADER])
    try:
        display_name = str(make_header(decode_header(display_name)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        display_name = ""
    return one_line(display_name), address.strip().lower()


def _ids(mail: Message, name: str) -> list[str]:
    return _ID.findall(str(mail.get(name, ""))[:LONGEST_HEADER])


def _bodies(mail: Message) -> tuple[str, str, list[File]]:
    text, html, files = "", "", []
    for part in mail.walk():
        if part.is_multipart():
            continue
        name = part.get_filename()
        kind = part.get_content_type()
        content = _content(part)
        if name:
            files.append(File(name=one_line(name), content_type=kind, content=content))
        elif kind == "text/plain" and not text:
            text = _decoded(part, content)
        elif kind == "text/html" and not html:
            html = _decoded(part, content)
    return text, html, files


def _content(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(part: Message, content: bytes) -> str:
    try:
        text = content.decode(part.get_content_charset() or "utf-8", errors="replace")
    except LookupError:
        text = content.decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n").replace("\0", "").strip()
