"""Telling what a person wrote now from what his mail program quoted. Line by line, in linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LONGEST_ATTRIBUTION: Final = 300
LONGEST_SIGNATURE: Final = 1500
_LOOK: Final = 400
"""Of a longer line only the beginning is looked at."""

_OPENER: Final = re.compile(
    r"(?:on|le|am|il|el|op|em|no dia|a|den|på|dne|w dniu|dnia|at|in|vào|en date de)\b",
    re.IGNORECASE,
)
_VERB: Final = re.compile(
    r"\b(?:wrote|writes|a écrit|ont écrit|schrieb|schrieben|geschrieben|ha scritto|scrive|escribió"
    r"|schreef|het volgende geschreven|escreveu|skrev|kirjoitti|napisał|napisał\(a\)|pisze|napsal"
    r"|написал|написав|пишет|пише|írta|yazd\u0131|a scris|写道|寫道)(?!\w)",
    re.IGNORECASE,
)
_CITES: Final = re.compile(
    r"(?:quoting|zitat von|citation de|citando(?: a)?|citat?) .{0,200}@", re.IGNORECASE
)
_DATED: Final = re.compile(
    r"\d{1,4}[./年-]\s?\d{1,2}.{0,40}\d{1,2}[:.h]\d{2}.{0,200}@", re.IGNORECASE
)
"""A moment and an address; with a colon behind it, as some programs open a quote without a verb."""
_EVIDENCE: Final = re.compile(r"[0-9@<]")
_SEPARATOR: Final = re.compile(
    r"[-_=\s*]{2,}(?:original message|original appointment|message d['\u2019]origine|message original"
    r"|mail original|e-?mail d['\u2019]origine|message transféré|message transmis|message réexpédié"
    r"|forwarded message|ursprüngliche nachricht|originalnachricht|original-nachricht"
    r"|weitergeleitete nachricht|messaggio originale|messaggio inoltrato|mensaje original"
    r"|mensaje reenviado|oorspronkelijk bericht|doorgestuurd bericht|mensagem original"
    r"|mensagem encaminhada)[-_=\s*:]*\Z"
    r"|(?:début du message (?:transféré|réexpédié)|begin forwarded message"
    r"|anfang der weitergeleiteten (?:nachricht|e-mail)|inizio messaggio inoltrato"
    r"|inicio del mensaje reenviado)\s?:\Z"
    r"|message du \d{1,2}/\d{1,2}/\d{2,4}",
    re.IGNORECASE,
)
_FROM: Final = re.compile(r"\*?(?:from|de|von|da|van|från|fra)\s?:\*?\s?\S", re.IGNORECASE)
_FIELD: Final = re.compile(
    r"\*?(?:sent|date|to|cc|subject|envoyé(?: le)?|date d['\u2019]envoi|à|a|copie à|objet|gesendet|datum"
    r"|an|betreff|kopie|inviato|data|oggetto|enviado|enviado el|fecha|para|asunto|verzonden|aan"
    r"|onderwerp|assunto|skickat|till|ämne)\s?:\*?",
    re.IGNORECASE,
)
_RULE: Final = re.compile(r"[_\-=]{10,}\Z")
_DEVICE: Final = re.compile(
    r"(?:sent from (?:my|mail for|yahoo|outlook|samsung)|get outlook for|envoyé (?:de|depuis"
    r"|à partir de) (?:mon|ma|mes|l['\u2019]|yahoo|outlook)"
    r"|télécharge[rz] outlook|obtenir outlook|von mei(?:nem|ner) .{1,40} gesendet|gesendet (?:von"
    r"|mit)|holen sie sich outlook"
    r"|inviato da|enviado desde|enviado do|enviado a partir|verstuurd vanaf|verzonden vanaf"
    r"|outlook (?:für|pour|for) (?:ios|android))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Split:
    """The two parts of a text; both may be empty, nothing is lost: the whole text is kept beside them."""

    visible: str
    quoted: str


def split(text: str) -> Split:
    """What was written now, without quoted history and signature, and the quoted history."""
    lines = text.split("\n")
    start = _history_start(lines)
    written, history = lines[:start], lines[start:]
    below = _below_quote(history)
    if below is not None and not _text(written):
        written, history = history[below:], history[:below]
    elif start == len(lines):
        written, history = _without_edge_quotes(lines)
    visible = _text(_without_signature(written))
    if not visible:
        return Split(visible=text.strip(), quoted="")
    return Split(visible=visible, quoted=_text(history))


def _text(lines: list[str]) -> str:
    return "\n".join(lines).strip()


def _bare(line: str) -> str:
    return line[:_LOOK].lstrip("> \t").strip()


def _history_start(lines: list[str]) -> int:
    """The first line of the quoted history, or the number of lines."""
    for position, line in enumerate(lines):
        bare = _bare(line)
        if not bare:
            continue
        if _SEPARATOR.match(bare) or _is_attribution(lines, position, bare):
            return position
        if _is_header_block(lines, position, bare):
            is_ruled = position > 0 and _RULE.match(_bare(lines[position - 1]))
            return position - 1 if is_ruled else position
    return len(lines)


def _is_attribution(lines: list[str], position: int, bare: str) -> bool:
    """A line "On … wrote:", which mail programs wrap to at most three."""
    joined = bare
    for following in range(position, position + 3):
        if following > position:
            if following >= len(lines) or not (more := _bare(lines[following])):
                return False
            joined = f"{joined} {more}"
        if len(joined) > LONGEST_ATTRIBUTION:
            return False
        if joined.endswith((":", "\uff1a", "----")):
            return _is_attribution_text(joined.strip("- "))
        if following == position and not (_OPENER.match(bare.lstrip("- ")) or "@" in bare):
            return False
    return False


def _is_attribution_text(joined: str) -> bool:
    if _CITES.match(joined) or _DATED.match(joined):
        return True
    verb = _VERB.search(joined)
    if verb is None or not _EVIDENCE.search(joined):
        return False
    # "Anna <anna@…> schrieb am 2.11. um 10:12:" opens with the name instead of a word of time.
    return bool(_OPENER.match(joined)) or "@" in joined


def _is_header_block(lines: list[str], position: int, bare: str) -> bool:
    """The header of a mail: who sent it, and two more fields within the next lines.

    Most programs begin with the sender, some with the moment; then an address must name him.
    """
    begins = bool(_FROM.match(bare))
    if not begins and not _FIELD.match(bare):
        return False
    found, names_sender = 0, begins
    for line in lines[position + 1 : position + 7]:
        following = _bare(line)
        if not begins and _FROM.match(following) and "@" in following:
            names_sender = True
        elif _FIELD.match(following):
            found += 1
        elif following and found == 0:
            return False
    return names_sender and found >= 2  # noqa: PLR2004 - one field may be a sentence


def _below_quote(history: list[str]) -> int | None:
    """Where an answer begins that was written below the quote, or None."""
    last_quoted = max(
        (i for i, line in enumerate(history) if line.lstrip().startswith(">")), default=None
    )
    if last_quoted is None:
        return None
    return last_quoted + 1 if _text(history[last_quoted + 1 :]) else None


def _without_edge_quotes(lines: list[str]) -> tuple[list[str], list[str]]:
    """Cut a block of quoted lines at either end; quotes in between give answers their sense."""
    is_quoted = [line.lstrip().startswith(">") for line in lines]
    end = len(lines)
    while end and (is_quoted[end - 1] or not lines[end - 1].strip()):
        end -= 1
    if any(is_quoted[end:]):
        return lines[:end], lines[end:]
    first = next((i for i, quoted in enumerate(is_quoted) if quoted), None)
    if first is None or _text(lines[:first]):
        return lines, []
    last = max(i for i, quoted in enumerate(is_quoted) if quoted)
    block = is_quoted[first : last + 1]
    if all(quoted or not lines[first + i].strip() for i, quoted in enumerate(block)):
        return lines[last + 1 :], lines[: last + 1]
    return lines, []


def _without_signature(lines: list[str]) -> list[str]:
    for position in range(len(lines) - 1, -1, -1):
        if (
            lines[position].rstrip() in {"--", "-- "}
            and len(_text(lines[position:])) <= LONGEST_SIGNATURE
        ):
            lines = lines[:position]
            break
    while lines:
        last = _bare(lines[-1])
        if last and not _DEVICE.match(last):
            break
        lines = lines[:-1]
    return lines
