"""Webhooks of mail providers, read by django-anymail: who may call, and what a call says."""

from __future__ import annotations

import json
import logging
import re
import warnings
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email import policy
from email.message import Message
from email.parser import BytesParser
from io import BytesIO
from typing import Any, Final, Literal

from anymail.exceptions import (
    AnymailInsecureWebhookWarning,
    AnymailWarning,
    AnymailWebhookValidationFailure,
)
from anymail.signals import RejectReason
from anymail.webhooks.base import AnymailBaseWebhookView
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.wsgi import WSGIRequest
from django.http import QueryDict
from django.utils.crypto import constant_time_compare
from django.utils.datastructures import MultiValueDict

from messaging.mime import headers, reasons
from messaging.mime.charsets import from_base64
from messaging.transports.provider_api import OUR_ID
from messaging.transports.provider_views import PROVIDERS, Kind
from messaging.transports.unread import NotUnderstood

log = logging.getLogger(__name__)

Happening = Literal["delivered", "bounced", "complained", "unsubscribed"]


_LIKE_OURS: Final = re.compile(r"[0-9a-f]{32}\.[a-z2-7]{16}@[a-z0-9.-]{1,190}")
_HAPPENINGS: Final[Mapping[str, Happening]] = {
    "delivered": "delivered",
    "bounced": "bounced",
    "rejected": "bounced",
    "failed": "bounced",
    "complained": "complained",
    "unsubscribed": "unsubscribed",
}
_HARD: Final = frozenset(
    {
        "hardbounce",
        "hard_bounce",
        "hard_bounced",
        "hard",
        "permanent",
        "bademailaddress",
        "invalid_email",
    }
)
_SOFT: Final = frozenset(
    {"softbounce", "soft_bounce", "soft_bounced", "soft", "temporary", "blocked", "transient"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class InboundMail:
    """A mail that the provider received for us."""

    raw: bytes
    envelope_sender: str | None
    recipients: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracked:
    """What happened to a message of ours, as the provider saw it."""

    happening: Happening
    message_id: str
    recipient: str
    detail: str
    is_permanent: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """A call as it came; `headers` as Django's META names them, `url` as the provider knows it."""

    body: bytes
    content_type: str
    headers: Mapping[str, str]
    url: str = ""


def reads(provider: str, *, kind: str) -> bool:
    """Whether we know how to read such calls of this provider."""
    known = PROVIDERS.get(provider)
    return known is not None and kind in known.views


def asks_by_get(provider: str) -> bool:
    """Whether the provider looks by GET whether somebody is at home; the others do by HEAD, if at all."""
    return PROVIDERS[provider].asks_by_get


def is_genuine(
    posted: Posted, *, provider: str, kind: Kind, secrets: Iterable[str], keys: Iterable[str]
) -> bool:
    """Whether the call comes from the provider.

    It signs with one of its `keys` where it can sign at all, and shows one of the `secrets`
    ("user:password"); several of either are valid while they are being changed. Without any secret that
    could be asked for nothing is genuine. Compares in constant time and looks at all.
    """
    own_keys = [key.partition("=")[2] for key in keys if key.partition("=")[0] == provider]
    shown = posted.headers.get("HTTP_AUTHORIZATION", "")
    is_known = [constant_time_compare(shown, _basic(secret)) for secret in secrets]
    must_sign = kind in PROVIDERS[provider].key_names
    if (is_known and not any(is_known)) or not (is_known or must_sign):
        return False
    signed = [_signs(posted, provider, kind, key) for key in own_keys]
    return not must_sign or any(signed)


def tracked(body: bytes, *, provider: str, content_type: str) -> list[Tracked]:
    """What a call reports about our messages; openings and clicks are none of it. Raises NotUnderstood."""
    found = []
    for event in _events(body, provider, "tracking", content_type):
        happening = _HAPPENINGS.get(event.event_type)
        if happening is None:
            continue
        metadata = event.metadata if isinstance(event.metadata, Mapping) else {}
        detail = " ".join(
            filter(None, [str(event.mta_response or ""), str(event.description or "")])
        )
        found.append(
            Tracked(
                happening=happening,
                message_id=str(
                    metadata.get(OUR_ID) or _our_id(event.esp_event) or event.message_id or ""
                ),
                recipient=str(event.recipient or "").lower(),
                detail=" ".join(detail.split())[:500],
                is_permanent=_is_permanent(event, detail),
            )
        )
    return found


def received(body: bytes, *, provider: str, content_type: str) -> list[InboundMail]:
    """The mails a call brings. Raises NotUnderstood."""
    found = []
    for event in _events(body, provider, "inbound", content_type):
        message = event.message
        if message is None:
            raise NotUnderstood("no_mail")
        named = [str(message.envelope_recipient or "")]
        named += [person.addr_spec for person in (*(message.to or []), *(message.cc or []))]
        found.append(
            InboundMail(
                raw=_as_it_came(message),
                envelope_sender=message.envelope_sender,
                recipients=tuple(dict.fromkeys(filter(None, named))),
            )
        )
    return found


def _as_it_came(message: Any) -> bytes:
    """The bytes of a mail; headers that the provider hands on are not written anew. Raises NotUnderstood."""
    try:
        as_is = message.policy.clone(refold_source="none", cte_type="8bit")
        return bytes(message.as_bytes(policy=as_is))
    except Exception as error:
        # The library writes mails as it reads them: with whatever exception they provoke.
        raise NotUnderstood("not_understood") from error


def _our_id(said: Any) -> str:
    """What looks like a Message-ID of ours in a provider's report: it may return its headers."""
    found = _LIKE_OURS.search(json.dumps(said, default=str)) if said else None
    return found[0] if found else ""


def _events(body: bytes, provider: str, kind: Kind, content_type: str) -> list[Any]:
    request = _Request(Posted(body=body, content_type=content_type, headers={}))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AnymailWarning)
            view = _view(provider, kind, key=_unused_key(provider))
            return list(view.parse_events(request))
    except NotUnderstood:
        raise
    except Exception as error:
        # The library raises whatever its parsing of foreign data happens to raise.
        log.warning("provider_call_not_understood", extra={"provider": provider, "kind": kind})
        raise NotUnderstood("not_understood") from error


class _Request(WSGIRequest):
    """A call of which the body was read already, whatever its size."""

    def __init__(self, posted: Posted) -> None:
        super().__init__(
            {
                **{name: value for name, value in posted.headers.items() if name[:5] == "HTTP_"},
                "REQUEST_METHOD": "POST",
                "PATH_INFO": "/",
                "CONTENT_TYPE": posted.content_type,
                "CONTENT_LENGTH": str(len(posted.body)),
                "wsgi.input": BytesIO(posted.body),
            }
        )
        self._body = posted.body
        self._declared = posted.content_type

    def _load_post_and_files(self) -> None:
        if self.content_type == "multipart/form-data":
            self._post, self._files = _form(self._declared, self._body)
        else:
            super()._load_post_and_files()


def _form(content_type: str, body: bytes) -> tuple[QueryDict, MultiValueDict[str, Any]]:
    """The fields and files of a form; a whole mail may stand in one field."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    fields, files = QueryDict(mutable=True), MultiValueDict[str, Any]()
    form = BytesParser(policy=policy.compat32).parsebytes(head + body)
    payload = form.get_payload() if form.is_multipart() else []
    for part in (item for item in payload if isinstance(item, Message)):
        disposition = headers.with_parameters(str(part["content-disposition"] or "")).parameters
        decoded = part.get_payload(decode=True)
        data = decoded if isinstance(decoded, bytes) else b""
        if "filename" not in disposition:
            fields.appendlist(disposition.get("name", ""), data.decode("utf-8", "replace"))
            continue
        file = SimpleUploadedFile(disposition["filename"], data, part.get_content_type())
        files.appendlist(disposition.get("name", ""), file)
    return fields, files


def _view(provider: str, kind: Kind, *, key: str, url: str = "") -> AnymailBaseWebhookView:
    known = PROVIDERS[provider]
    options = {known.key_names[kind]: key} if kind in known.key_names else {}
    if known.signs_url:
        options["webhook_url"] = url
    with warnings.catch_warnings():
        # The secret is asked for by `is_genuine`.
        warnings.simplefilter("ignore", AnymailInsecureWebhookWarning)
        return known.views[kind](webhook_secret=[], **options)


def _unused_key(provider: str) -> str:
    """Reading needs no key, but the library wants one to be there."""
    return "unused" if PROVIDERS[provider].key_names else ""


def _signs(posted: Posted, provider: str, kind: Kind, key: str) -> bool:
    try:
        view = _view(provider, kind, key=key, url=_with_credentials(posted))
        view.run_validators(_Request(posted))
    except AnymailWebhookValidationFailure:
        return False
    except (ValueError, KeyError, TypeError, UnicodeError):
        return False  # not even the form of a call
    return True


def _with_credentials(posted: Posted) -> str:
    """The address with user name and password in it, as it stands in the provider's settings."""
    scheme, mark, rest = posted.url.partition("://")
    encoded = posted.headers.get("HTTP_AUTHORIZATION", "").removeprefix("Basic ")
    shown = from_base64(encoded.encode("ascii", "ignore")).decode("utf-8", "replace")
    return f"{scheme}{mark}{shown}@{rest}" if shown else posted.url


def _basic(secret: str) -> str:
    return "Basic " + b64encode(secret.encode()).decode()


_OURS: Final = frozenset(
    {"metadata", "tags", "headers", "custom_variables", "user-variables", "mail"}
)


def _is_permanent(event: Any, detail: str) -> bool:
    """Whether the address itself is dead: the words of its server decide, then the provider's own word."""
    status = reasons.status_in(detail)
    if reasons.is_permanent(status, detail):
        return True
    if reasons.is_telling(detail) and reasons.is_alive(detail):
        return False
    said = {str(value).lower() for value in _flat(event.esp_event)}
    if said & _SOFT or event.event_type != "bounced":
        return bool(event.reject_reason == RejectReason.INVALID)
    return bool(said & _HARD or event.reject_reason == RejectReason.INVALID)


def _flat(said: Any, *, depth: int = 3) -> Iterator[Any]:
    """The words of the provider's own report, a few levels deep, without those that are the sender's."""
    values = said if isinstance(said, Mapping) else {}
    for name, value in values.items():
        if isinstance(value, Mapping) and depth and str(name).lower() not in _OURS:
            yield from _flat(value, depth=depth - 1)
        elif isinstance(value, str):
            yield value
        elif value is True:
            yield name
