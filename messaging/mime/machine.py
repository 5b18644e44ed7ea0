"""Telling mail that a machine wrote (RFC 3834 and habits) from mail that a person wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from messaging.mime import absences, complaints, notices, reasons, relays
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
    r"(?:(?:.{1,40}[-_.+])?(?:no[-_.]?repl(?:y|ies)|do[-_.]?not[-_.]?reply)(?:[-_.+].*)?"
    r"|(?:ne[-_.]?pas[-_.]?repondre|(?:keine|nicht)[-_.]?antwort(?:en)?"
    r"|(?:bitte[-_.])?antworte?n?[-_.]?nicht"
    r"|n[aã]?o?[-_.]?respond(?:er|a|e)|non[-_.]?rispondere|niet[-_.]?(?:be)?antwoorden"
    r"|notifications?|newsletters?|alerts?|automated|auto[-_.]?(?:reply|confirm|responder))(?:[-_.+].*)?"
    r"|bounces?[-+].*|root|daemon|cron|nobody|www-data|apache|listserv|majordomo|owner-.*|.*-request)\Z"
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
    r"|не ?(?:был\w? )?доставлен|недостав|невозможно доставить|olevererat|(?:kunde|kan) inte (?:levereras?"
    r"|leverera)|(?:kunne|kan) ikke leveres?|ulevert|ikke levert|levering mislykke|toimit\w+ epäonnistui"
    r"|ei voitu toimittaa|toimittamatta|(?:nie można|nie udało się) dostarczyć|nie dostarczono|niedostarczon"
    r"|nedoruč|nelze doručit|kézbesíthetetlen|nem kézbesíthető|nelivrat|imposibil de livrat"
    r"|(?:teslim edil|ilet[i\u0131]l)emedi|non recapitabil|non è stato (?:consegnato|recapitato)|无法投递"
    r"|無法傳遞|投递失败|반송|전송 실패|배달 실패)",
    re.IGNORECASE,
)
_AWAY_SUBJECT: Final = re.compile(
    r"\W{0,3}(?:auto(?:matic|mated)?[- ]?(?:reply|response|responder)"
    r"|(?:out of (?:the )?office[- ]?){1,2}"
    r"(?:auto[- ]?reply|message|notification)?|réponse auto(?:matique)?|auto-?réponse"
    r"|(?:message|notification|avis) d'absence(?: du bureau)?|absen(?:ce|t) du bureau"
    r"|vacation (?:auto-?)?(?:reply|response|message|notice)|away from (?:the |my )?(?:office|desk)"
    r"|poza biurem|ikke på kontoret|nicht im büro|automatyczna odpowiedź|автоматический ответ|自动答复"
    r"|自動回覆|자동 회신|자동 응답"
    r"|automatische antwort|autoantwort|abwesenheits(?:notiz|nachricht|meldung|assistent)"
    r"|abwesen(?:heit|d)|ooo"
    r"|risposta automatica|risponditore automatico|(?:fuori|assenza dal?l?'?) ?(?:sede|ufficio)"
    r"|respuesta automática|contestación automática|fuera de (?:la )?oficina|ausente de la oficina"
    r"|automatisch(?:e)? (?:antwoord|beantwoording)|afwezig(?:heids(?:bericht|melding|assistent))?"
    r"|resposta automática|fora do escritório|ausência temporária|autosvar|automatisk(?:t)? svar"
    r"|frånvaro"
    r"|fraværsmelding|automaattinen vastaus|poissaoloviesti|odpowiedź automatyczna|autoodpowiedź"
    r"|automatická odpověď|automatikus válasz|răspuns automat|otomatik yan\u0131t"
    r"|автоответ|自動応答|自动回复)"
    r"\s*(?:\Z|[:()\[\]\u2013\u2014\uff1a-]|(?:re|aw|rv|sv|fwd?|tr|wg)\b)",
    re.IGNORECASE,
)
"""Such words with nothing, a mark or the subject of the answered mail behind: a person goes on writing."""
_IS_AWAY: Final = re.compile(
    r"\b(?:(?:is|am|are|will be) (?:currently |now |presently )?(?:out of (?:the )?office"
    r"|away from (?:the |my )?office)|ist (?:derzeit |zurzeit |momentan )?(?:außer haus|abwesend"
    r"|nicht im (?:büro|haus))|est absente?"
    r"\s*(?:\Z|[.(:]|jusqu|du (?:bureau|\d))|è (?:fuori sede|assente)\s*(?:\Z|[.(:])|está ausente"
    r"\s*(?:\Z|[.(:])|is afwezig\s*(?:\Z|[.(:]))|\(auto(?:matic)?[- ]?reply\)",
    re.IGNORECASE,
)
"""Lotus Notes and others put the whole sentence into the subject."""
_AWAY_WORDS: Final = re.compile(
    r"\b(?:auto(?:matic|reply|matique|matisch)?|out of (?:the )?office|ooo|away|vacation|holidays?"
    r"|absen\w*"
    r"|congés?|vacances|abwesen\w*|urlaub|nicht im (?:büro|haus)|ausente|vacaciones|ferie|ferias"
    r"|férias|assente"
    r"|fuori|afwezig|vakantie)\b",
    re.IGNORECASE,
)
_REPORTS: Final = frozenset({"delivery-status", "feedback-report", "disposition-notification"})
_REPLY_HEADERS: Final = (
    "x-autoreply",
    "x-auto-reply",
    "x-autorespond",
    "x-autoresponder",
    "x-autoreply-from",
    "x-mail-autoreply",
)
_REPLY_VALUES: Final = {
    "precedence": ("auto_reply", "auto-reply"),
    "preference": ("auto_reply", "auto-reply"),
    "x-precedence": ("auto_reply", "auto-reply"),
    "x-autogenerated": ("reply",),
    "delivered-to": ("autoresponder",),
}
_LIST_SENDER: Final = re.compile(
    r"(?:\A|[<\s])(?:owner-[^@\s<>]{1,60}|[^@\s<>]{1,60}-(?:owner|bounces|request))@", re.IGNORECASE
)
_LIST_HEADERS: Final = (
    "list-id",
    "list-unsubscribe",
    "list-post",
    "mailing-list",
    "x-mailing-list",
    "x-beenthere",
    "x-mailman-version",
    "x-listname",
    "x-list-id",
    "x-ml-name",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`kind` is one of bounce, complaint, auto_reply, notification, list, or "" for a person.

    `list_id` lets the caller forgive a list that is nothing but a group address of ours.
    """

    kind: str
    list_id: str


def judge(root: Part, sender: Sender, *, text: str, words: str) -> Verdict:
    """What kind of mail this is. `words` are the part of the `text` that was written now."""
    headers = root.headers
    list_id = headers.first("list-id").rpartition("<")[2].strip("<> ").lower()[:250]
    return Verdict(kind=_kind(root, sender, text, words), list_id=list_id)


def _kind(root: Part, sender: Sender, text: str, words: str) -> str:
    headers = root.headers
    report = _report_type(root)
    if complaints.of(root) is not None:
        return "complaint"
    if report == "delivery-status" or _is_bounce(headers, sender, text):
        return "bounce"
    if report == "disposition-notification" or _is_auto_reply(headers, words):
        return "auto_reply"
    if _is_list(headers):
        return "list"
    if report == "feedback-report" or _says_so(headers):
        return "notification"
    is_passed_on = relays.author(headers, sender, text=text) is not None
    return "notification" if _is_silent(headers, sender) and not is_passed_on else ""


def _report_type(root: Part) -> str:
    """delivery-status, feedback-report or disposition-notification (RFC 3462), or "".

    Some systems forget to say so at the top, or call the whole multipart/mixed.
    """
    for part in root.walk_own():
        main, _, kind = part.content_type.partition("/")
        kind = kind.removeprefix("global-")
        if main == "message" and kind in _REPORTS:
            return kind
    return root.parameters.get("report-type", "").lower()


def _local_part(sender: Sender) -> str:
    return sender.mailbox.address.partition("@")[0]


def _is_bounce(headers: Headers, sender: Sender, text: str) -> bool:
    if headers.has("x-failed-recipients"):
        return True
    is_daemon = _local_part(sender) in _DAEMONS or bool(_DAEMON_NAME.search(sender.mailbox.name))
    if not is_daemon and not _is_nobody(headers):
        return False
    if _BOUNCE_SUBJECT.search(headers.decoded("subject").replace("\u2019", "'")):
        return True
    own = {sender.mailbox.address}
    return is_daemon and any(
        reasons.is_telling(notice.reason) for notice in notices.read(text, own=own)
    )


def _is_auto_reply(headers: Headers, words: str) -> bool:
    submitted = _submitted(headers)
    if submitted == "auto-replied" or any(headers.has(name) for name in _REPLY_HEADERS):
        return True
    if any(headers.first(name).lower() in values for name, values in _REPLY_VALUES.items()):
        return True
    if "autoresponder" in headers.first("x-post-messageclass").lower():
        return True
    subject = headers.decoded("subject").replace("\u2019", "'")
    if _AWAY_SUBJECT.match(subject) or _IS_AWAY.search(subject) or absences.is_told(subject, words):
        return True
    is_machine = (submitted and submitted != "no") or _suppresses(headers) or _is_nobody(headers)
    return bool(is_machine and _AWAY_WORDS.search(subject))


def _is_list(headers: Headers) -> bool:
    if headers.first("precedence").lower() == "list":
        return True
    if any(headers.has(name) for name in _LIST_HEADERS):
        return True
    return bool(_LIST_SENDER.search(headers.first("sender")))


def _says_so(headers: Headers) -> bool:
    submitted = _submitted(headers)
    if (submitted and submitted != "no") or _suppresses(headers) or _is_nobody(headers):
        return True
    return headers.first("x-fc-machinegenerated").lower() == "true" or headers.has("x-cron-env")


def _is_silent(headers: Headers, sender: Sender) -> bool:
    """Whether the sender sends to many, or is none that reads answers."""
    if {headers.first(name).lower() for name in ("precedence", "x-precedence")} & {"bulk", "junk"}:
        return True
    local = _local_part(sender)
    return local in _DAEMONS or bool(_SILENT.match(local))


def _submitted(headers: Headers) -> str:
    return headers.first("auto-submitted").partition(";")[0].partition("(")[0].strip().lower()


def _suppresses(headers: Headers) -> bool:
    """Whether the sender asks answering machines to keep quiet, as machines do ([MS-OXCMAIL])."""
    asked = headers.first("x-auto-response-suppress").lower()
    return "all" in asked or ("oof" in asked and "autoreply" in asked)


def _is_nobody(headers: Headers) -> bool:
    return headers.first("return-path").replace(" ", "") == "<>"
