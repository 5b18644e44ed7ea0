"""Mail by a provider's API: one call hands over a letter, to one person or to many, through django-anymail.

A provider signs what it sends (DKIM) and collects bounces itself, so there is no envelope sender. Nothing
of a letter is followed or counted there: that is our own doing, with the recipient's consent.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import requests
from anymail.backends import brevo, mailgun
from anymail.backends.base_requests import AnymailRequestsBackend
from anymail.exceptions import AnymailError, AnymailInvalidAddress, AnymailRequestsAPIError
from anymail.message import AnymailMessage, AnymailRecipientStatus
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, SSLError

from messaging.mime import mass, writing
from messaging.mime.blanks import Dialect, Form
from messaging.transports.smtp import Outcome, Reply, Result

OUR_ID: Final = "ecrm_message"
"""Under this name a provider keeps our Message-ID, and tells it with whatever happens to the mail."""
MOST_AT_ONCE: Final = 500
SECONDS: Final = 25.0
IDLE_SECONDS: Final = 4.0
"""A connection that nobody used for so long may have been closed meanwhile: the next call gets a new one."""
_ACCOUNT: Final = frozenset({401, 402, 403, 404})
_LATER: Final = frozenset({408, 425, 429})
_NO_ANSWER_BEHIND: Final = frozenset({502, 504})
_REASONS: Final = {"invalid": "invalid_recipient", "rejected": "blocked"}


class InvalidProviderUrl(ValueError):
    """The text does not name a provider that we can send by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    backend: type[AnymailRequestsBackend]
    host: str
    path: str
    dialect: Dialect
    can_be_told_not_to_track: bool


_KINDS: Final[Mapping[str, _Kind]] = {
    "brevo": _Kind(
        backend=brevo.EmailBackend,
        host="api.brevo.com",
        path="/v3/",
        dialect=Dialect(
            mark="{{ params.KEY }}", special=re.compile(r"\{(?=[{%#]|\Z)"), is_verbatim=False
        ),
        can_be_told_not_to_track=False,
    ),
    "mailgun": _Kind(
        backend=mailgun.EmailBackend,
        host="api.mailgun.net",
        path="/v3/",
        dialect=Dialect(
            mark="%recipient.KEY%",
            special=re.compile(r"%(?=recipient|tag_|unsubscribe|mailing_list)", re.IGNORECASE),
            is_verbatim=True,
        ),
        can_be_told_not_to_track=True,
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """By whom mail goes, and with which key."""

    name: str
    key: str = field(repr=False)
    host: str
    api: str

    @classmethod
    def from_url(cls, url: str) -> Provider:
        """From mailgun://KEY@api.eu.mailgun.net or brevo://KEY. Raises InvalidProviderUrl."""
        parts = urlsplit(url)
        kind = _KINDS.get(parts.scheme)
        if kind is None:
            raise InvalidProviderUrl(f"Expected {' or '.join(sorted(_KINDS))}://KEY.")
        # "brevo://KEY" has the key where other addresses have the host, and keys have capitals.
        before, at, host = parts.netloc.rpartition("@")
        key, host = (before, host) if at else (host, kind.host)
        if not key:
            raise InvalidProviderUrl("The key is missing.")
        is_plain = parse_qs(parts.query).get("tls", ["1"])[-1] == "0"
        path = parts.path if parts.path not in {"", "/"} else kind.path
        return cls(
            name=parts.scheme,
            key=unquote(key),
            host=host,
            api=f"{'http' if is_plain else 'https'}://{host}{path}",
        )

    @property
    def dialect(self) -> Dialect:
        """How its marks are written."""
        return _KINDS[self.name].dialect


def is_provider(url: str) -> bool:
    """Whether an address names a provider and not a mail server."""
    return urlsplit(url).scheme in _KINDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """One who gets a letter: what fills its blanks, and the headers that are his."""

    address: str
    message_id: str
    values: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """What one call hands over."""

    sender_name: str
    sender_address: str
    form: Form
    reply_to: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class ProviderSession:
    """A connection to a provider, used for many calls. Not shared between threads."""

    def __init__(self, provider: Provider, *, seconds: float = SECONDS) -> None:
        self.provider = provider
        kind = _KINDS[provider.name]
        self._kind = kind
        self._backend = kind.backend(
            api_key=provider.key,
            api_url=provider.api,
            timeout=seconds,
            ignore_recipient_status=True,
        )
        self._used_at = float("-inf")

    def close(self) -> None:
        """Let go of the connection."""
        self._backend.close()

    def send(self, letter: Letter, people: Sequence[Person]) -> list[Result]:
        """Hand a letter over to these people, whose addresses differ; how each fared. Never raises."""
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self._backend.close()
        self._backend.open()
        message = self._message(letter, people)
        try:
            self._backend.send_messages([message])
        except AnymailError as error:
            result = _of_error(error)
            if result.outcome in {"closed", "unknown"}:
                self._backend.close()
            return [result] * len(people)
        finally:
            self._used_at = time.monotonic()
        status = message.anymail_status
        code = status.esp_response.status_code
        return [_of_status(status.recipients.get(one.address), code) for one in people]

    def _message(self, letter: Letter, people: Sequence[Person]) -> Any:
        form = letter.form
        message = AnymailMessage(
            form.subject,
            form.text,
            _mailbox(letter.sender_name, letter.sender_address),
            [one.address for one in people],
            reply_to=[letter.reply_to] if letter.reply_to else None,
            headers=dict(letter.headers),
        )
        if form.html:
            message.attach_alternative(form.html, "text/html")
        message.merge_data = {one.address: dict(one.values) for one in people}
        message.merge_metadata = {one.address: {OUR_ID: one.message_id} for one in people}
        message.merge_headers = {
            one.address: {"Message-ID": one.message_id, **one.headers} for one in people
        }
        if self._kind.can_be_told_not_to_track:
            message.track_opens = message.track_clicks = False
        return message


def letter_of(draft: writing.Draft, *, dialect: Dialect) -> tuple[Letter, Person]:
    """A mail whose words are its own. Raises writing.LineBreakInHeader."""
    words = mass.Words(
        from_name=draft.sender_name,
        from_address=draft.sender_address,
        subject=draft.subject,
        text=draft.text,
        html=draft.html,
    )
    form = Form.finished(words, dialect=dialect)
    threading = {"In-Reply-To": draft.in_reply_to, "References": " ".join(draft.references)}
    letter = Letter(
        sender_name=draft.sender_name,
        sender_address=draft.sender_address,
        form=form,
        reply_to=one_line(draft.reply_to),
        headers=automatic_headers() if draft.is_automatic else {},
    )
    person = Person(
        address=one_line(draft.recipient),
        message_id=one_line(draft.message_id),
        values=form.fill({}),
        headers={
            **{name: one_line(value) for name, value in threading.items() if value},
            **unsubscribe_headers(draft.unsubscribe_links),
        },
    )
    return letter, person


def automatic_headers() -> dict[str, str]:
    """Answering machines keep quiet towards automatic mail (RFC 3834)."""
    return {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def unsubscribe_headers(links: Sequence[str]) -> dict[str, str]:
    """How a mail program leaves the list in one click (RFC 2369, RFC 8058); the https link stands first."""
    if not links:
        return {}
    headers = {"List-Unsubscribe": ", ".join(f"<{one_line(link)}>" for link in links)}
    if links[0].startswith("https://"):
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def one_line(value: str) -> str:
    """The value of a header. Raises writing.LineBreakInHeader."""
    if "\r" in value or "\n" in value or "\0" in value:
        raise writing.LineBreakInHeader(value[:40])
    return value


def _mailbox(name: str, address: str) -> str:
    quoted = one_line(name).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{one_line(address)}>' if name else one_line(address)


def _of_status(status: AnymailRecipientStatus | None, code: int) -> Result:
    """What an answer with a yes says of one recipient."""
    if status is None:
        return Result(outcome="unknown", text="the provider's answer does not mention it")
    said = status.status
    if said in {"sent", "queued"}:
        number = "".join(str(status.message_id or "").strip("<>").split())
        return Result(outcome="accepted", reply=Reply(code=code, text=said), provider_id=number)
    if said in {"invalid", "rejected", "failed"}:
        reason = _REASONS.get(said, "refused")
        return Result(outcome="rejected", reply=Reply(code=code, text=said), reason=reason)
    return Result(outcome="unknown", text="the provider does not say what became of it")


def _of_error(error: AnymailError) -> Result:
    if not isinstance(error, AnymailRequestsAPIError):
        is_address = isinstance(error, AnymailInvalidAddress)
        reason = "invalid_recipient" if is_address else "refused"
        return Result(outcome="rejected", text=_first_line(error), reason=reason)
    if error.response is None:
        return _of_silence(error)
    code: int = error.response.status_code
    reply = Reply(code=code, text=" ".join(error.response.text.split())[:500])
    outcome, reason = _of_code(code)
    return Result(outcome=outcome, reply=reply, text=reply.text, reason=reason)


def _of_code(code: int) -> tuple[Outcome, str]:
    """What the number of an answer means, and our word for it."""
    if code in _ACCOUNT:
        return "closed", "account_refused"
    if code in _LATER:
        return "closed", "try_later"
    if code < 400 or code in _NO_ANSWER_BEHIND:  # noqa: PLR2004 - HTTP status
        # A yes that we cannot read, or a gateway which itself waited in vain.
        return "unknown", ""
    return ("closed", "server_unreachable") if code >= 500 else ("rejected", "refused")  # noqa: PLR2004 - HTTP status


def _of_silence(error: AnymailRequestsAPIError) -> Result:
    """No answer at all: harmless only when there never was a connection."""
    cause = error.__cause__
    inner = cause.args[0] if cause is not None and cause.args else None
    if isinstance(inner, MaxRetryError):
        inner = inner.reason
    never_connected = isinstance(inner, NewConnectionError | ConnectTimeoutError)
    is_untrusted = isinstance(inner, SSLError) and isinstance(
        inner.args[0], ssl.SSLCertVerificationError
    )
    if isinstance(cause, requests.ConnectTimeout) or never_connected or is_untrusted:
        return Result(outcome="closed", text="unreachable", reason="server_unreachable")
    text = "the server took too long" if isinstance(cause, requests.Timeout) else ""
    return Result(outcome="unknown", text=text or "the connection broke before the answer")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:500]
