"""Telling mail that a machine wrote (RFC 3834 and habits) from mail that a person wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from messaging.mime.headers import Headers
from messaging.mime.sender import Sender
from messaging.mime.structure import Part

_DAEMONS: Final = frozenset(
    {"mailer-daemon", "mailerdaemon", "mail-daemon", "postmaster", "bounce", "bounces"}
)
_SILENT: Final = re.compile(
    r"(?:no[-_.]?reply|do[-_.]?not[-_.]?reply|ne[-_.]?pas[-_.]?repondre|nepasrepondre"
    r"|keine[-_.]?antwort|notifications?"
    r"|noreply[-+_.].*|bounces?[-+].*)\Z"
)
_BOUNCE_SUBJECT: Final = re.compile(
    r"(?:undeliver(?:ed|able)|delivery (?:status notification|failure|has failed)"
    r"|mail delivery (?:failed|system|subsystem)"
    r"|returned mail|failure notice|non remis|message non distribué|échec de la remise"
    r"|unzustellbar|nicht zustellbar"
    r"|mancato recapito|no se ha podido entregar|onbestelbaar)",
    re.IGNORECASE,
)
_AWAY_SUBJECT: Final = re.compile(
    r"(?:auto(?:matic|mated)?[- ]?(?:reply|response)|out of (?:the )?office|réponse automatique"
    r"|absence du bureau|absent du bureau"
    r"|automatische antwort|abwesenheitsnotiz|abwesenheit|risposta automatica|fuori sede"
    r"|respuesta automática|fuera de la oficina"
    r"|automatisch antwoord|afwezig|resposta automática|fora do escritório)\b",
    re.IGNORECASE,
)
_REPLY_HEADERS: Final = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-autoreply-from",
    "x-mail-autoreply",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`kind` is one of bounce, complaint, auto_reply, notification, list, or "" for a person.

    `list_id` lets the caller forgive a list that is nothing but a group address of ours.
    """

    kind: str
    list_id: str


def judge(root: Part, sender: Sender) -> Verdict:
    """What kind of mail this is."""
    headers = root.headers
    list_id = headers.first("list-id").rpartition("<")[2].strip("<> ").lower()[:250]
    report = (
        root.parameters.get("report-type", "").lower()
        if root.content_type == "multipart/report"
        else ""
    )
    return Verdict(kind=_kind(headers, sender, report), list_id=list_id)


def _kind(headers: Headers, sender: Sender, report: str) -> str:
    if report == "feedback-report":
        return "complaint"
    if report == "delivery-status" or _is_bounce(headers, sender):
        return "bounce"
    if report == "disposition-notification" or _is_auto_reply(headers):
        return "auto_reply"
    if _is_list(headers):
        return "list"
    return "notification" if _is_notification(headers, sender) else ""


def _local_part(sender: Sender) -> str:
    return sender.mailbox.address.partition("@")[0]


def _is_bounce(headers: Headers, sender: Sender) -> bool:
    is_daemon = _local_part(sender) in _DAEMONS
    has_null_path = headers.first("return-path") == "<>" or headers.has("x-failed-recipients")
    tells = bool(_BOUNCE_SUBJECT.search(headers.decoded("subject")))
    return headers.has("x-failed-recipients") or (tells and (is_daemon or has_null_path))


def _is_auto_reply(headers: Headers) -> bool:
    submitted = headers.first("auto-submitted").partition(";")[0].strip().lower()
    if submitted == "auto-replied" or any(headers.has(name) for name in _REPLY_HEADERS):
        return True
    if headers.first("precedence").lower() in {"auto_reply", "auto-reply"}:
        return True
    return bool(_AWAY_SUBJECT.match(headers.decoded("subject")))


def _is_list(headers: Headers) -> bool:
    precedence = headers.first("precedence").lower()
    if precedence == "list" or headers.has("list-id"):
        return True
    return headers.has("list-unsubscribe") or headers.has("list-post")


def _is_notification(headers: Headers, sender: Sender) -> bool:
    submitted = headers.first("auto-submitted").partition(";")[0].strip().lower()
    if submitted and submitted != "no":
        return True
    if headers.first("precedence").lower() in {"bulk", "junk"}:
        return True
    local = _local_part(sender)
    return local in _DAEMONS or bool(_SILENT.match(local)) or headers.first("return-path") == "<>"
