"""Answering machines that give no sign of themselves but their words, in the main languages of Europe.

People write of their holidays too. So one sign is never enough: somebody says of himself that he is away,
and says what becomes of the mail that he got; and he asks nothing.
"""

from __future__ import annotations

import re
from typing import Final

_LOOK: Final = 3000
"""So much of the words is looked at."""

_SUBJECT: Final = re.compile(
    r"\W{0,3}(?:(?:auto|re|aw|sv|rif|antw?)\s?:\s*)*(?:absen[tc]|(?:en |in )?cong[ée]|(?:en )?vacances"
    r"|(?:currently )?away\b|(?:on )?(?:annual |parental |maternity )?(?:leave|vacation|holiday)"
    r"|(?:im )?urlaub|abwesen|ferie|assen[tz]|ausente|ausência|(?:de )?vacaciones|(?:de )?férias"
    r"|afwezig|vakantie|nieobecn|urlop|semester|frånvar|fravær|ikke på kontoret|poissa|loma"
    r"|dovolen|nepřítomn|szabadság|távollét|concediu|izin)|auto\s?:",
    re.IGNORECASE,
)
_NOTHING_ELSE: Final = re.compile(r"\s*(?:\Z|[:\]\uff1a]|[-\u2013]\s|re\b)", re.IGNORECASE)
"""What stands behind such a word when it is no word of a sentence."""
_REST_OF_WORD: Final = re.compile(r"\w*")
_AWAY: Final = re.compile(
    r"\bI(?:'m| am| will be|'ll be| have)\b(?:[^.?!]|(?<=\d)\.){0,60}\b(?:out of (?:the |my )?office|away\b"
    r"|on (?:\w+ )?(?:leave|holidays?|vacation)|not in the office|travell?ing|unavailable)"
    r"|\bje (?:suis|serai)\b(?:[^.?!]|(?<=\d)\.){0,60}(?:absent|en (?:congé|vacances|déplacement)|hors d[ue]"
    r"|indisponible)"
    r"|\bich\b(?:[^.?!]|(?<=\d)\.){0,80}(?:nicht (?:im (?:büro|haus)|erreichbar|am arbeitsplatz)|abwesend"
    r"|(?:im|in) (?:\w+ )?(?:urlaub|ferien)|au(?:ß|ss)er haus)"
    r"|\b(?:sono|sarò)\b(?:[^.?!]|(?<=\d)\.){0,60}(?:assente|in (?:ferie|vacanza)|fuori (?:sede|ufficio))"
    r"|\b(?:estoy|estaré|me encuentr[oa]|me encontraré)\b(?:[^.?!]|(?<=\d)\.){0,60}(?:ausente|de vacaciones"
    r"|fuera de)"
    r"|\b(?:estou|estarei|encontro-me)\b(?:[^.?!]|(?<=\d)\.){0,60}(?:ausente|de férias|fora d[oe])"
    r"|\bik\b(?:[^.?!]|(?<=\d)\.){0,60}(?:afwezig|(?:met|op) vakantie"
    r"|niet (?:op kantoor|aanwezig|bereikbaar))"
    r"|\bjag\b(?:[^.?!]|(?<=\d)\.){0,60}(?:semester|inte på kontoret|frånvarande|\w+ledig|inte i tjänst)"
    r"|\bjeg\b(?:[^.?!]|(?<=\d)\.){0,60}(?:ferie|ikke på kontoret|ikke til stede|fraværende|bortreist)"
    r"|\b(?:jestem|będę|przebywam)\b(?:[^.?!]|(?<=\d)\.){0,60}(?:urlopie|poza biurem|nieobecn)"
    r"|\bolen\b(?:[^.?!]|(?<=\d)\.){0,60}(?:lomalla|poissa)"
    r"|\b(?:jsem|budu|mám|čerpám)\b(?:[^.?!]|(?<=\d)\.){0,60}(?:dovolen|mimo kancelář|nepřítom)",
    re.IGNORECASE,
)
_OF_THE_MAIL: Final = re.compile(
    r"(?:limited|no|intermittent|restricted|without) access to (?:my )?(?:e-?mails?|messages?|inbox)"
    r"|(?:e-?mails?|messages?) (?:will|are|is) (?:not )?(?:be )?(?:being )?(?:forwarded|monitored|read)"
    r"|(?:reply|respond|answer|get back) (?:to )?(?:you|your (?:e-?mail|message))[^.?!]{0,40}"
    r"(?:return|am back|get back)|auto(?:matic|mated|matically)?[- ](?:reply|response|generated|message)"
    r"|(?:répon|trait|prend|lir)[^.?!]{0,60}(?:à|dès|après) mon retour|réponse automatique"
    r"|message automatique|accès (?:\w+ )?(?:limité|à (?:ma|mes) (?:messagerie|mails|e-mails|courriels))"
    r"|(?:message|mail|courriel)s? (?:ne )?(?:ser|est|sont)[^.?!]{0,20}(?:transféré|redirigé|lu|traité)"
    r"|nicht (?:automatisch )?weitergeleitet|(?:mail|nachricht)en? (?:wird|werden)[^.?!]{0,40}"
    r"(?:weitergeleitet|gelesen|bearbeite|beantworte)|(?:beantworte|bearbeite|melde)[^.?!]{0,60}"
    r"(?:rückkehr|zurück)|automatische (?:antwort|nachricht)|automatisch (?:erstellt|generiert|erzeugt)"
    r"|(?:rispond|ricontatt|legg)[^.?!]{0,60}al mio (?:rientro|ritorno)|risposta automatica"
    r"|accesso limitato|(?:respond|contest|atend)[^.?!]{0,60}a mi (?:regreso|vuelta)"
    r"|respuesta automática|acceso limitado|(?:respond|contact)[^.?!]{0,60}meu (?:regresso|retorno)"
    r"|resposta automática|acesso limitado|(?:beantwoord|reageer|lees)[^.?!]{0,60}terugk(?:om|eer)"
    r"|(?:wordt|worden) niet (?:doorgestuurd|gelezen)|automatisch antwoord|beperkt(?:e)? toegang"
    r"|(?:svarar|läser|återkommer)[^.?!]{0,60}(?:tillbaka|åter)|autosvar|automatiskt svar"
    r"|(?:svarer|leser|læser)[^.?!]{0,60}(?:tilbake|tilbage)|automatisk svar"
    r"|(?:odpowiem|odpiszę|odpowiedź)[^.?!]{0,60}powrocie|automatyczna odpowiedź"
    r"|(?:odpovím|odpovím vám)[^.?!]{0,60}návratu|automatická odpověď",
    re.IGNORECASE,
)
_MEANWHILE: Final = re.compile(
    r"(?:on|upon|after) my return|when I(?:'m| am)? (?:return|back)|\burgent|\bemergenc|in my absence"
    r"|(?:à|dès|après) mon retour|en cas d'(?:urgence|absence)|en mon absence|pendant mon absence"
    r"|nach meiner rückkehr|dringend|während meiner abwesenheit|meine vertretung|wenden sie sich"
    r"|al mio (?:rientro|ritorno)|urgen[zt]|a mi (?:regreso|vuelta)|meu (?:regresso|retorno)|urgênci"
    r"|mijn terugk(?:om|eer)|spoed|är (?:tillbaka|åter)|brådskande|akut|er (?:tilbake|tilbage)|haster"
    r"|powrocie|piln|kiireelli|návratu|naléhav",
    re.IGNORECASE,
)


def is_told(subject: str, words: str) -> bool:
    """Whether these are the words of an answering machine, and not of a person who tells of his holidays."""
    start = words[:_LOOK].replace("\u2019", "'")
    if "?" in start or "\uff1f" in start or not _AWAY.search(start):
        return False
    if _OF_THE_MAIL.search(start):
        return True
    named = _SUBJECT.match(subject)
    return named is not None and (
        bool(_MEANWHILE.search(start)) or _stands_alone(subject, named.end())
    )


def _stands_alone(subject: str, end: int) -> bool:
    rest = _REST_OF_WORD.match(subject, end)
    return subject[end - 1] == ":" or bool(
        _NOTHING_ELSE.match(subject, rest.end() if rest else end)
    )
