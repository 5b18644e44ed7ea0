"""One mass mail out of many: compiled words, and what differs from recipient to recipient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from messaging.mime import following, merging, writing

_TEXT: Final = (
    b'Content-Type: text/plain; charset="utf-8"\r\n'
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
)
_HTML: Final = _TEXT.replace(b"text/plain", b"text/html")
_LINE: Final = b"--" + merging.BOUNDARY.encode() + b"\r\n"
_END: Final = b"\r\n--" + merging.BOUNDARY.encode() + b"--\r\n"
_ALTERNATIVE: Final = (
    f'Content-Type: multipart/alternative; boundary="{merging.BOUNDARY}"\r\n\r\n'
).encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What all of them say, and from whom."""

    from_name: str
    from_address: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """What differs. The links are empty for mail that nobody can unsubscribe from.

    `noted` says what is noted about this mail (rules/hits.py), under the name of its `token`.
    """

    address: str
    message_id: str
    date: str
    data: Mapping[str, Any]
    reply_to: str = ""
    unsubscribe_links: Sequence[str] = ()
    noted: int = 0
    token: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail ready for the wire: CRLF line ends, leading dots doubled, without the final dot."""

    subject: str
    raw: bytes


class Compiled:
    """The words of a mass mail, prepared once."""

    def __init__(self, words: Words, *, base: str = "") -> None:
        self._source, self._base = words.html, base
        self._followed: dict[int, following.FollowedBody] = {}
        self._subject = merging.Text(words.subject)
        self._text = merging.Body(words.text, is_html=False)
        self._html = merging.Body(words.html, is_html=True) if words.html else None
        self._from = writing.header("From", writing.mailbox(words.from_name, words.from_address))

    def fill(self, recipient: Recipient) -> Mail:
        """The mail for one of them. Raises merging.RenderingFailed and writing.LineBreakInHeader."""
        data = recipient.data
        subject = " ".join(self._subject.fill(data).split())
        head = (
            f"{self._from}"
            f"To: {_one_line(recipient.address)}\r\n"
            f"{writing.header('Subject', writing.encoded('Subject', subject))}"
            f"Date: {recipient.date}\r\n"
            f"Message-ID: {_one_line(recipient.message_id)}\r\n"
            f"{_optional(recipient)}"
            "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n"
            "MIME-Version: 1.0\r\n"
        ).encode("ascii")
        text = self._text.fill(data)
        if self._html is None:
            return Mail(subject, head + _TEXT + text)
        html = self._filled(self._html, recipient)
        return Mail(
            subject,
            b"".join((head, _ALTERNATIVE, _LINE, _TEXT, text, b"\r\n", _LINE, _HTML, html, _END)),
        )

    def _filled(self, plain: merging.Body, recipient: Recipient) -> bytes:
        noted = recipient.noted
        if not noted:
            return plain.fill(recipient.data)
        if noted not in self._followed:
            self._followed[noted] = following.FollowedBody(
                self._source, base=self._base, noted=noted
            )
        token = following.wire_token(recipient.token)
        return self._followed[noted].fill(recipient.data, token=token)


def _optional(recipient: Recipient) -> str:
    reply_to = writing.header("Reply-To", recipient.reply_to) if recipient.reply_to else ""
    return reply_to + "".join(writing.unsubscribe_headers(recipient.unsubscribe_links))


def _one_line(value: str) -> str:
    if "\r" in value or "\n" in value or "\0" in value:
        raise writing.LineBreakInHeader(value[:40])
    return value
