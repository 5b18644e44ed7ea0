"""Reading one mail from its bytes. Never raises anything but Unreadable, whatever the bytes are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from messaging.mime import (
    addresses,
    body,
    bounces,
    complaints,
    dates,
    html,
    machine,
    marks,
    quotes,
    relays,
    sender,
    spilling,
    structure,
)
from messaging.mime.addresses import Address
from messaging.mime.bounces import Bounce
from messaging.mime.complaints import Complaint
from messaging.mime.files import ParsedFile
from messaging.mime.headers import Headers
from messaging.rules import message_ids

LONGEST_SUBJECT = 1000
_DELIVERED = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to")


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedMail:
    """Everything that was understood of a mail; texts can be stored as they are.

    `passed_on_for` is who wrote what a form or a market place sent us.
    """

    sha256: str
    message_id: str
    date: datetime | None
    subject: str
    sender: Address
    is_sender_sound: bool
    reply_to: Address | None
    to: list[Address]
    cc: list[Address]
    in_reply_to: str
    references: list[str]
    text: str
    visible_text: str
    quoted_text: str
    has_html: bool
    html_clean: str
    blocked_images: int
    files: list[ParsedFile]
    machine: str
    list_id: str
    bounces: list[Bounce]
    complaint: Complaint | None
    reported_message_id: str
    passed_on_for: Address | None
    delivered_to: list[str]
    dedupe_key: str
    defects: list[str]


def read(raw: bytes | Iterable[bytes]) -> ParsedMail:
    """The mail as it is understood, from one or many pieces. Raises Unreadable with a stable code."""
    digest = hashlib.sha256()
    pieces = spilling.cut(raw) if isinstance(raw, bytes) else raw
    root, defects = structure.parse(_through(pieces, digest.update))
    head = root.headers
    author = sender.of(head)
    contents = body.read(root)
    clean = html.clean(contents.body.html)
    marked = contents.body.as_text()
    text, parts = marks.without(marked), quotes.split(marked)
    verdict = machine.judge(root, author, text=text, words=parts.visible)
    is_report = verdict.kind in {"bounce", "complaint"}
    message_id = _one_id(head, "message-id")
    date = dates.moment(head.first("date"))
    to, cc, reply_to = _people(head, "to"), _people(head, "cc"), _people(head, "reply-to")
    missing = [f"{name}_missing" for name in ("date", "message-id") if not head.has(name)]
    invalid = [
        f"{name}_invalid"
        for name, value in (("date", date), ("message-id", message_id))
        if not value
    ]
    return ParsedMail(
        sha256=digest.hexdigest(),
        message_id=message_id,
        date=date,
        subject=head.decoded("subject")[:LONGEST_SUBJECT],
        sender=author.mailbox,
        is_sender_sound=author.is_sound,
        reply_to=reply_to[0] if reply_to else None,
        to=to,
        cc=cc,
        in_reply_to=_one_id(head, "in-reply-to"),
        references=message_ids.ids_in(" ".join(head.all("references"))),
        text=text.strip("\n"),
        visible_text=parts.visible,
        quoted_text=parts.quoted,
        has_html=bool(contents.body.html.strip()),
        html_clean=clean.markup,
        blocked_images=clean.blocked_images,
        files=contents.files,
        machine=verdict.kind,
        list_id=verdict.list_id,
        bounces=bounces.verdicts(root, text=text) if verdict.kind == "bounce" else [],
        complaint=complaints.of(root) if verdict.kind == "complaint" else None,
        reported_message_id=bounces.reported_message_id(root, text=text) if is_report else "",
        passed_on_for=relays.author(head, author, text=text),
        delivered_to=_delivered_to(head),
        dedupe_key=_dedupe_key(head, message_id, words=parts.visible, files=contents.files),
        defects=[*defects, *author.defects, *contents.defects, *(missing or invalid)],
    )


def _through(pieces: Iterable[bytes], see: Callable[[bytes], None]) -> Iterator[bytes]:
    for piece in pieces:
        see(piece)
        yield piece


def as_report(mail: ParsedMail, *, file: str) -> dict[str, Any]:
    """The mail as `manage.py mail inspect` prints it."""
    return {
        "file": file,
        "sha256": mail.sha256,
        "message_id": mail.message_id,
        "date": mail.date.isoformat() if mail.date else None,
        "subject": mail.subject,
        "from": {"name": mail.sender.name, "address": mail.sender.address, "verified": None},
        "reply_to": mail.reply_to.address if mail.reply_to else None,
        "to": [address.address for address in mail.to],
        "cc": [address.address for address in mail.cc],
        "in_reply_to": mail.in_reply_to,
        "references": mail.references,
        "text": mail.text,
        "visible_text": mail.visible_text,
        "quoted_text": mail.quoted_text,
        "html": mail.has_html,
        "attachments": [
            {
                "name": item.name,
                "type": item.content_type,
                "size": item.size,
                "inline": item.is_inline,
                "content_id": item.content_id,
            }
            for item in mail.files
        ],
        "machine": mail.machine or None,
        "bounce": [
            {
                "recipient": verdict.recipient,
                "status": verdict.status,
                "reply_code": verdict.reply_code,
                "reason": verdict.reason,
                "permanent": verdict.permanent,
            }
            for verdict in mail.bounces
        ]
        or None,
        "defects": mail.defects,
    }


def _people(head: Headers, name: str) -> list[Address]:
    found: list[Address] = []
    for value in head.all(name):
        found += [person for person in addresses.parse(value).mailboxes if person.address]
    return found


def _delivered_to(head: Headers) -> list[str]:
    """The addresses at which mail servers on the way say it arrived."""
    found = [head.first(name).strip("<> ").lower() for name in _DELIVERED]
    return [address for address in found if addresses.normalised(address)]


def _one_id(head: Headers, name: str) -> str:
    return next(iter(message_ids.ids_in(head.first(name))), "")


def _dedupe_key(head: Headers, message_id: str, *, words: str, files: list[ParsedFile]) -> str:
    """Equal for the same mail however often and by whichever road it comes, recoded or not.

    Two mails of one Message-ID and different words are two mails: one of them is forged, or the program
    of a customer gives the same id to all.
    """
    digest = hashlib.sha256(" ".join(words.split()).encode())
    for item in files:
        digest.update(hashlib.sha256(item.data).digest())
    local, _, domain = message_id.strip("<>").rpartition("@")
    names = (
        [f"{local}@{domain.lower()}"]
        if message_id
        else [head.first(name) for name in ("from", "date", "subject")]
    )
    key = "\0".join([*names, digest.hexdigest()])
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
