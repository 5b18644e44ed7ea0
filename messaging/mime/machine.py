"""Telling mail that a machine wrote (RFC 3834 and habits) from mail that a person wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from messaging.mime import notices, reasons
from messaging.mime.headers import Headers
from messaging.mime.sender import Sender
from messaging.mime.structure import Part

_DAEMONS: Final = frozenset(
    {
        "mailer-daemon",
        "mailerdaemon",
        "mailer_daemon",
        "mail-daemon",
        "maildaemon",
        "postmaster",
        "bounce",
    }
    | {"bounces", "mdaemon", "mmdf", "mail-delivery-system", "microsoftexchange", "double-bounce"}
)
_DAEMON_NAME: Final = re.compile(
    r"mail(?:er)?[- ]daemon|mail delivery (?:sub)?system|system administrator", re.IGNORECASE
)
_SILENT: Final = re.compile(
    r"(?:no[-_.]?reply|do[-_.]?not[-_.]?reply|ne[-_.]?pas[-_.]?repondre|nepasrepondre"
    r"|keine[-_.]?antwort|notifications?"
    r"|noreply[-+_.].*|bounces?[-+].*)\Z"
)
_BOUNCE_SUBJECT: Final = re.compile(
    r"(?:un-?deliver(?:ed|able)|non-?deliver(?:y|able|ed)|not delivered|nondeliverable"
    r"|delivery (?:status|failure|failed|error|report|problem|has failed|notification|delayed"
    r"|incomplete|to the following)|(?:could|can)(?:n't| ?not) be delivered|(?:could"
    r"|can) ?not (?:be )?(?:send|sent|deliver)|unable to deliver|mail delivery (?:failed|failure"
    r"|system|subsystem|error|problem)|delayed mail|delivery delay|(?:permanent|failed"
    r"|failure) (?:delivery|mail|notice)|failure notice|fail(?:ed|ure) to deliver|returned (?:mail"
    r"|message|to sender|e-?mail)|bounced? (?:mail|message)|mail (?:system )?error"
    r"|error sending your mail|message status - undeliverable|postmaster notify"
    r"|warning: (?:could not send|message)|notice: mail delivery|address(?:ee)? (?:not found|unknown)"
    r"|user unknown|rejected mail|failed mail|message blocked|email (?:rejected|returned)|non remis"
    r"|message non distribué|échec (?:de la remise|d'envoi|de (?:la )?(?:distribution|livraison))"
    r"|non[- ]remise|n'a pas pu être (?:remis|envoyé|livré)|courrier non délivré|unzustellbar"
    r"|nicht zustellbar|unzustellbarkeit|zustellung (?:fehlgeschlagen|nicht möglich)|zustellungsfehler"
    r"|konnte nicht zugestellt|mancato recapito|impossibile recapitare|notifica di stato del recapito"
    r"|consegna (?:fallita|non riuscita)|no se (?:ha podido|pudo) entregar|no entregad"
    r"|error de entrega|devuelto|onbestelbaar|niet (?:af)?geleverd|bezorging mislukt"
    r"|não (?:foi )?entregue|falha na entrega|não é possível entregar|配信|配送|退信|エラー|送信できません"
    r"|не доставлено|недостав)",
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
_REPORTS: Final = frozenset({"delivery-status", "feedback-report", "disposition-notification"})
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


def judge(root: Part, sender: Sender, *, text: str) -> Verdict:
    """What kind of mail this is."""
    headers = root.headers
    list_id = headers.first("list-id").rpartition("<")[2].strip("<> ").lower()[:250]
    return Verdict(kind=_kind(root, sender, text), list_id=list_id)


def _kind(root: Part, sender: Sender, text: str) -> str:
    headers = root.headers
    report = _report_type(root)
    if report == "feedback-report":
        return "complaint"
    if report == "delivery-status" or _is_bounce(headers, sender, text):
        return "bounce"
    if report == "disposition-notification" or _is_auto_reply(headers):
        return "auto_reply"
    if _is_list(headers):
        return "list"
    return "notification" if _is_notification(headers, sender) else ""


def _report_type(root: Part) -> str:
    """delivery-status, feedback-report or disposition-notification (RFC 3462), or "".

    Some systems forget to say so at the top, or call the whole multipart/mixed.
    """
    for part in root.walk_own():
        main, _, kind = part.content_type.partition("/")
        kind = kind.removeprefix("global-")
        if main == "message" and kind in _REPORTS:
            return kind
    if root.content_type == "multipart/report":
        return root.parameters.get("report-type", "").lower()
    return ""


def _local_part(sender: Sender) -> str:
    return sender.mailbox.address.partition("@")[0]


def _is_bounce(headers: Headers, sender: Sender, text: str) -> bool:
    if headers.has("x-failed-recipients"):
        return True
    is_daemon = _local_part(sender) in _DAEMONS or bool(_DAEMON_NAME.search(sender.mailbox.name))
    if not is_daemon and headers.first("return-path") != "<>":
        return False
    if _BOUNCE_SUBJECT.search(headers.decoded("subject").replace("\u2019", "'")):
        return True
    own = {sender.mailbox.address}
    return is_daemon and any(
        reasons.is_telling(notice.reason) for notice in notices.read(text, own=own)
    )


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
