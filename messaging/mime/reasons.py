"""What a mail system's words mean: whether the address is dead, and which codes it named."""

from __future__ import annotations

import re
from typing import Final

_STATUS: Final = re.compile(r"(?<![\d.])([245]\.\d{1,2}\.\d{1,3})(?![\d.]*\.\d)")
_REPLY: Final = re.compile(
    r"(?<![\w.#-])([245][0-5]\d)(?=[\s\-:;,#]|$)(?!\s*(?:bytes|seconds|hours|kb|mb)\b)",
    re.IGNORECASE,
)
_GENERIC: Final = re.compile(r"[245]\.\d\.0\Z")
_DEAD_STATUS: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
_NAMES: Final = re.compile(
    r"https?://\S+|<[^<>\s]{1,300}>|\S+@\S+|\[[\da-fA-F.:]+\]"
    r"|\b[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b",
    re.IGNORECASE,
)
"""Addresses, hosts and links: "mx.antispam.example said …" is not about spam."""

_WHO: Final = (
    r"(?:user(?:name)?s?|recipients?|mail ?box(?:es)?|accounts?|address(?:es)?|addressees?|alias(?:es)?"
    r"|local[ -]?part|person|rcpt|destinataires?|adresses?|boîte|utilisateur|usager|empfänger|postfach"
    r"|benutzer"
    r"|adressat|destinatari[oa]|utente|indirizzo|casella|usuario|dirección|buzón|gebruiker|postbus|adres"
    r"|utilizador|usuário|mottagare|adressen|användare|modtager|mottaker|bruker|konto|skrzynka|użytkownik"
    r"|odbiorca|uživatel|adresát|schránka|vastaanottaja|käyttäjä|получател|пользовател|адрес|ящик|kullan\u0131c\u0131"
    r"|al\u0131c\u0131|címzett|felhasználó|nobody)"
)
_DEAD_WORDS: Final = re.compile(
    rf"{_WHO}[^.;]{{0,60}}?(?:\bunknown|not (?:be )?(?:found|known|listed|recognized|recognised|exist"
    r"|valid)|n[o']t exist|not (?:currently )?(?:exist|present)|invalid|no longer|non-?existent"
    r"|has (?:been )?(?:moved|left)|disabled|deactivated|closed|cancell?ed|inactive|not active"
    r"|terminated|suspended|deleted|removed|undeliverable|n'existe pas|inconnue?s?\b|introuvable"
    r"|désactivé|supprimé|unbekannt|existiert nicht|gesperrt|gelöscht|sconosciut|inesistente|non esiste"
    r"|desconocid|no existe|inexistente|onbekend|bestaat niet|desconhecid|não existe|finns inte|okän[dt]"
    r"|existerar inte|findes ikke|finnes ikke|uk(?:en|jen)[dt]|nie istnieje|nieznan|neexistuje|neznám"
    r"|ei ole olemassa|tuntematon|не существует|не найден|неизвест|nem létezik|ismeretlen|bulunamad\u0131"
    r"|mevcut değil)|存在しません|不存在|(?:\bunknown"
    r"|\bno such|\binvalid"
    r"|non-?existent|\bbad|\bunrouteable|\bunroutable|\billegal|\bdisabled|\binactive|\bno"
    r"|not a (?:known|valid|local)|\bunable to find|\bcan(?:no|')t find|unbekannter|unbekannte|aucun"
    r"|pas d[e']) (?:(?:or|and|such|virtual|final|delivery|mail|e-?mail|smtp|destination|local|remote"
    rf"|by|called|named) )*{_WHO}|no mail ?box(?:es)? here|nobody by that name|user not local"
    r"|not our (?:customer|user)|recipnotfound|(?:doesn'?t|does not|do not"
    rf"|don't) have an? [^.]{{0,40}}account|account[^.]{{0,20}}not[^.]{{0,20}}exist|(?:host|domain|mx"
    rf"|hostname)[^.;]{{0,40}}?(?:unknown|not (?:be )?(?:found|known|exist)|n[o']t exist|non-?existent"
    r"|not resolve|not recognized|invalid|does not accept (?:e-?)?mail)|(?:unknown|no such|invalid"
    r"|illegal|unrouteable|unroutable|nonexistent|non-existent) (?:(?:mail|remote|destination"
    r"|or) )*(?:host|domain)|nxdomain|\bname or service not known|null mx|no mx (?:host|record)"
    rf"|could(?:n't| not) (?:be )?(?:find|found)[^.]{{0,60}}(?:address|domain|user|host)|(?:address"
    rf"|domain|user|host)[^.]{{0,60}}could(?:n't| not) be found|konnte nicht gefunden werden"
    rf"|n'a (?:pas )?(?:été|pu être) trouvée?|not listed in[^.]{{0,40}}(?:address book|directory)"
    r"|no longer (?:works|with|at|valid|in use|available|employed|accept|monitored)"
    r"|5\.1\.0 address rejected|mailbox unavailable(?! temporarily)|mailbox (?:is )?(?:disabled"
    r"|not available)",
    re.IGNORECASE,
)
_ALIVE_WORDS: Final = re.compile(
    r"(?:mail ?box|mailfolder|quota|storage|inbox|disk|maildir|boîte|postfach|casella|buzón|postbus"
    r"|caixa|brevlåda|postlåda|innboks|indbakke|skrzynka|schránka|ящик)"
    r"[^.]{0,40}?(?:full|exceed|over|pleine|saturée|voll|pien[ao]|llen[ao]|vol\b|cheia|insufficient"
    r"|fuld|fullt|pełn|przepełn|plná|переполн|too (?:large|big))|容量|已满|空间不足|over ?quota|\bquota\b"
    r"|insufficient|\bfull mailbox|out of (?:space|storage)|too (?:large|big|long)|size (?:limit"
    r"|exceed)|exceeds? (?:the )?(?:max|size|limit)|(?:message|size) (?:length )?exceeds|\bspam|\bjunk"
    r"|\bblock(?:ed|ing|ed by|list)|black ?list|\brbl\b|dnsbl|reputation|unsolicited|\bbulk\b"
    r"|\bpolic(?:y|ies)\b|dmarc|\bspf\b|dkim|authenti|auth(?:orized|orised) sender|not authori[sz]ed"
    r"|domain of sender|sender (?:verify|rejected|denied|address rejected|id|domain|host)"
    r"|unauthenticated|permission|gr[ae]ylist|rate[ -]limit|too many|throttl|time[ds]?[ -]?out"
    r"|temporar|try (?:again|later)|deferred|busy|overload|relay(?:ing)?\b[^.]{0,20}(?:denied|not"
    r"|prohibit|access)|not permitted to relay|virus|malware|infected|content (?:rejected|denied)"
    r"|connection (?:refused|reset|timed|lost|dropped)|no route to host|unreachable|lost connection"
    r"|loop(?:ing)?\b|too many hops|restricted|not allowed to send|only accepts|reverse dns|\bptr\b"
    r"|helo|\btls\b|starttls|certificate|system error|local (?:error|configuration)"
    r"|service unavailable|not responding|delivery (?:time )?expired|could not (?:be )?(?:send|sent"
    r"|deliver(?:ed)?) for|mail(?:box)? (?:is )?locked|cannot (?:open|create|append)|i/o error"
    r"|insecure",
    re.IGNORECASE,
)
_EDGE_BLOCKED: Final = re.compile(
    r"5\.4\.1\b.{0,200}recipient address rejected: access denied", re.IGNORECASE | re.DOTALL
)
"""How Exchange Online says that its directory has no such address."""


_LEFT_ALONE: Final = re.compile(
    r"(?:blocked|disabled|closed|suspended|locked|bloqué\w*|gesperrt|deaktiviert) (?:\w+ ){0,3}"
    r"(?:inactiv|inaktiv|inutilis|non[- ]?us)",
    re.IGNORECASE,
)
"""A mailbox that its provider closed because nobody used it; a block of this kind is for good."""
_DELAYED: Final = re.compile(
    r"warning (?:message )?only|(?:need|have) (?:not )?to resend|not (?:yet )?been delivered|delay reason"
    r"|(?:will|is being|still being) (?:be )?retried|will (?:keep trying|continue (?:to be )?(?:tr|for))"
    r"|still undelivered|delivery attempts will continue|message (?:\S+ )?delayed|has been delayed"
    r"|noch nicht (?:zugestellt|ausgeliefert)|zustellung[^.]{0,40}verzögert|weiterhin versuch"
    r"|pas encore (?:été |pu être )?(?:remis|distribué|délivré|livré)|retardée?\b"
    r"|sera (?:renouvelée|réessayé)|non è (?:stato )?ancora|in ritardo|(?:aún|todavía) no se ha"
    r"|se ha retrasado|nog niet (?:af)?(?:ge)?(?:lever|bezorg)"
    r"|vertraagd|ainda não foi|atrasad|ännu inte|försenat|endnu ikke|forsinket|nie została jeszcze|opóźnion",
    re.IGNORECASE,
)


def status_in(text: str) -> str:
    """The enhanced status code (RFC 3463) the words name; one that says something before "x.y.0"."""
    found = [match.group(1) for match in _STATUS.finditer(text)]
    telling = [status for status in found if not _GENERIC.match(status)]
    return next(iter(telling or found), "")


def reply_code_in(text: str) -> str:
    """The SMTP reply code the words name, or ""."""
    match = _REPLY.search(_NAMES.sub(" ", text))
    return match.group(1) if match else ""


def is_permanent(status: str, reason: str) -> bool:
    """Whether the address can receive nothing any more, judged by the words first and by the status then.

    A full mailbox, a policy, a block, a fault of the network or of the sender leave the address alive.
    """
    words = _words(reason)
    if _EDGE_BLOCKED.search(f"{status} {words}") or _LEFT_ALONE.search(words):
        return True
    if _ALIVE_WORDS.search(words):
        return False
    return bool(_DEAD_WORDS.search(words)) or status in _DEAD_STATUS


def is_delay(notice: str) -> bool:
    """Whether a whole notice says that its system goes on trying."""
    return bool(_DELAYED.search(" ".join(notice.replace("\u2019", "'").split())))


def is_alive(reason: str) -> bool:
    """Whether the words blame something else than the address: its room, a block, a policy, the network."""
    return bool(_ALIVE_WORDS.search(_words(reason)))


def is_telling(line: str) -> bool:
    """Whether a line of prose gives a reason: a code, or words that decide."""
    if status_in(line) or reply_code_in(line):
        return True
    words = _words(line)
    return bool(_DEAD_WORDS.search(words) or _ALIVE_WORDS.search(words))


def _words(text: str) -> str:
    return " ".join(_NAMES.sub(" ", text.replace("\u2019", "'")).split())
