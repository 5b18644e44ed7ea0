"""Webhooks of mail providers, read by django-anymail: who may call, and what a call says."""

from __future__ import annotations

import logging
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
from anymail.webhooks import mailersend, mailgun, mailjet, postal, postmark, sendgrid, sparkpost
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.wsgi import WSGIRequest
from django.http import QueryDict
from django.utils.crypto import constant_time_compare
from django.utils.datastructures import MultiValueDict

from messaging.mime import headers, reasons
from messaging.transports.provider_api import OUR_ID
from messaging.transports.unread import NotUnderstood

log = logging.getLogger(__name__)

Kind = Literal["inbound", "tracking"]
Happening = Literal["delivered", "bounced", "complained", "unsubscribed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Provider:
    """The views that read a provider's calls, and the name of the key that signs them, if it signs."""

    views: Mapping[Kind, type[AnymailBaseWebhookView]]
    key_names: Mapping[Kind, str]


def _signed(name: str) -> Mapping[Kind, str]:
    return {"inbound": name, "tracking": name}


_PROVIDERS: Final[Mapping[str, _Provider]] = {
    "brevo": _Provider(views={"tracking": BrevoTrackingWebhookView}, key_names={}),
    "mailersend": _Provider(
        views={
            "inbound": mailersend.MailerSendInboundWebhookView,
            "tracking": mailersend.MailerSendTrackingWebhookView,
        },
        key_names={"inbound": "inbound_secret", "tracking": "signing_secret"},
    ),
    "mailgun": _Provider(
        views={
            "inbound": mailgun.MailgunInboundWebhookView,
            "tracking": mailgun.MailgunTrackingWebhookView,
        },
        key_names=_signed("webhook_signing_key"),
    ),
    "mailjet": _Provider(
        views={
            "inbound": mailjet.MailjetInboundWebhookView,
            "tracking": mailjet.MailjetTrackingWebhookView,
        },
        key_names={},
    ),
    "postal": _Provider(
        views={
            "inbound": postal.PostalInboundWebhookView,
            "tracking": postal.PostalTrackingWebhookView,
        },
        key_names=_signed("webhook_key"),
    ),
    "postmark": _Provider(
        views={
            "inbound": postmark.PostmarkInboundWebhookView,
            "tracking": postmark.PostmarkTrackingWebhookView,
        },
        key_names={},
    ),
    "sendgrid": _Provider(
        views={
            "inbound": sendgrid.SendGridInboundWebhookView,
            "tracking": sendgrid.SendGridTrackingWebhookView,
        },
        key_names={},
    ),
    "sparkpost": _Provider(
        views={
            "inbound": sparkpost.SparkPostInboundWebhookView,
            "tracking": sparkpost.SparkPostTrackingWebhookView,
        },
        key_names={},
    ),
}
_HAPPENINGS: Final[Mapping[str, Happening]] = {
    "delivered": "delivered",
    "bounced": "bounced",
    "rejected": "bounced",
    "failed": "bounced",
    "complained": "complained",
    "unsubscribed": "unsubscribed",
}
_HARD: Final = frozenset(
    {"hardbounce", "hard_bounce", "hard", "permanent", "bademailaddress", "invalid_email"}
)
_SOFT: Final = frozenset({"softbounce", "soft_bounce", "soft", "temporary", "blocked", "transient"})


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
    """A call as it came; `headers` as Django's META names them."""

    body: bytes
    content_type: str
    headers: Mapping[str, str]


def reads(provider: str, *, kind: str) -> bool:
    """Whether we know how to read such calls of this provider."""
    known = _PROVIDERS.get(provider)
    return known is not None and kind in known.views


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
    must_sign = kind in _PROVIDERS[provider].key_names
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
                message_id=str(metadata.get(OUR_ID) or event.message_id or ""),
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
                raw=message.as_bytes(),
                envelope_sender=message.envelope_sender,
                recipients=tuple(dict.fromkeys(filter(None, named))),
            )
        )
    return found


def _events(body: bytes, provider: str, kind: Kind, content_type: str) -> list[Any]:
    request = _Request(Posted(body=body, content_type=content_type, headers={}))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AnymailWarning)
            view = _view(provider, kind, key=_unused_key(provider))
            return list(view.parse_events(request))
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


def _view(provider: str, kind: Kind, *, key: str) -> AnymailBaseWebhookView:
    known = _PROVIDERS[provider]
    options = {known.key_names[kind]: key} if kind in known.key_names else {}
    with warnings.catch_warnings():
        # The secret is asked for by `is_genuine`.
        warnings.simplefilter("ignore", AnymailInsecureWebhookWarning)
        return known.views[kind](webhook_secret=[], **options)


def _unused_key(provider: str) -> str:
    """Reading needs no key, but the library wants one to be there."""
    return "unused" if _PROVIDERS[provider].key_names else ""


def _signs(posted: Posted, provider: str, kind: Kind, key: str) -> bool:
    try:
        _view(provider, kind, key=key).run_validators(_Request(posted))
    except AnymailWebhookValidationFailure:
        return False
    except (ValueError, KeyError, TypeError, UnicodeError):
        return False  # not even the form of a call
    return True


def _basic(secret: str) -> str:
    return "Basic " + b64encode(secret.encode()).decode()


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


def _flat(esp_event: Any) -> Iterator[Any]:
    """The words of the provider's own report, one level deep, and which kind of bounce it names."""
    values = esp_event if isinstance(esp_event, Mapping) else {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from (inner for inner in value.values() if isinstance(inner, str))
        elif isinstance(value, str):
            yield value
        elif value is True:
            yield name
