"""Telling what a person wrote now from what his mail program quoted. Line by line, in linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from messaging.mime import marks

LONGEST_ATTRIBUTION: Final = 300
LONGEST_SIGNATURE: Final = 1500
MOST_LINES: Final = 5000
"""The history is searched in so many lines."""
_LOOK: Final = 400
"""Of a longer line only the beginning is looked at."""

_OPENER: Final = re.compile(
    r"(?:on|le|am|il|el|op|em|no dia|a|den|på|dne|w dniu|dnia|at|in|vào|en date de)\b",
    re.IGNORECASE,
)
_VERB: Final = re.compile(
    r"(?:\b(?:wrote|writes|a écrit|ont écrit|schrieb|schrieben|geschrieben|ha scritto|scrive|escribió"
    r"|schreef|het volgende geschreven|escreveu|skrev|kirjoitti|napisał|napisał\(a\)|pisze|napsal"
    r"|написал|написав|пишет|пише|írta|yazd\u0131|a scris)|写道|寫道|書きました|のメール|작성)(?!\w)",
    re.IGNORECASE,
)
_CITES: Final = re.compile(
    r"(?:quoting|zitat von|citation de|citando(?: a)?|citat?) .{0,200}@", re.IGNORECASE
)
_DATED: Final = re.compile(
    r"\d{1,4}[./年-]\s?\d{1,2}.{0,40}\d{1,2}[:.h]\d{2}.{0,200}@", re.IGNORECASE
)
"""A moment and an address; with a colon behind it, as some programs open a quote without a verb."""
_SIGNED_MOMENT: Final = re.compile(
    r"(?=.*(?:19|20)\d{2})(?=.*\d{1,2}[:.h]\d{2}).*[<(][\w.+-]+@[\w.-]+[>)].{0,20}:\Z", re.DOTALL
)
"""A year, a time of day, an address and a colon: in whatever language."""
_YEAR: Final = re.compile(r"\b(?:19|20)\d{2}")
_EVIDENCE: Final = re.compile(r"[0-9@<]")
_SEPARATOR: Final = re.compile(
    r"[-_=\s*]{2,}(?:original message|original appointment|message d['\u2019]origine|message original"
    r"|mail original|e-?mail d['\u2019]origine|message transféré|message transmis|message réexpédié"
    r"|forwarded message|ursprüngliche nachricht|originalnachricht|original-nachricht"
    r"|weitergeleitete nachricht|messaggio originale|messaggio inoltrato|mensaje original"
    r"|mensaje reenviado|oorspronkelijk bericht|doorgestuurd bericht|mensagem original"
    r"|mensagem encaminhada|originalmeddelande|ursprungligt meddelande|vidarebefordrat meddelande"
    r"|opprinnelig melding|videresendt (?:melding|besked|meddelelse)|oprindelig (?:besked|meddelelse)"
    r"|alkuperäinen viesti|välitetty viesti|oryginalna wiadomość|wiadomość oryginalna"
    r"|(?:przekazana wiadomość|wiadomość przekazana)(?: dalej)?|původní (?:zpráva|e-?mail)"
    r"|přeposlaná zpráva|eredeti üzenet|továbbított üzenet|mesaj original|orijinal (?:mesaj|ileti)"
    r"|исходное сообщение|пересылаемое сообщение|元のメッセージ|転送メッセージ|原始邮件|原始郵件|转发邮件"
    r"|원본 메시지)[-_=\s*:]*\Z"
    r"|(?:début du message (?:transféré|réexpédié)|begin forwarded message"
    r"|anfang der weitergeleiteten (?:nachricht|e-mail)|inizio messaggio inoltrato"
    r"|inicio del mensaje reenviado)\s?:\Z"
    r"|message du(?: :)? \d{1,2}/\d{1,2}/\d{2,4}|-{3,}\s?forwarded by .{1,120} on \d"
    r"|#{2}-? .{10,120}(?:above this line|au-dessus de cette ligne|über dieser (?:linie|zeile)).{0,20}",
    re.IGNORECASE,
)
_FROM: Final = re.compile(
    r"\*?(?:from|de|von|da|van|från|fra|od|от|від|kimden|lähettäjä|feladó|de la|差出人|送信元|发件人"
    r"|寄件者|寄件人|보낸 사람)\s?[:\uff1a]\*?\s?\S",
    re.IGNORECASE,
)
_FIELD: Final = re.compile(
    r"\*?(?:sent|date|to|cc|subject|envoyé(?: le)?|date d['\u2019]envoi|à|a|copie à|objet|sujet"
    r"|gesendet|datum"
    r"|an|betreff|kopie|inviato|data|oggetto|enviad[oa](?: el| em)?|fecha|para|asunto|verzonden|aan"
    r"|onderwerp|assunto|skickat|till|ämne|sendt|dato|til|emne|wysłano|data wysłania|do|temat|odesláno"
    r"|komu|předmět|отправлено|дата|кому|тема|gönderildi|kime|konu|lähetetty|vastaanottaja|aihe|küldve"
    r"|címzett|tárgy|trimis|către|subiect|送信日時|日時|日付|宛先|件名|发送时间|时间|日期|收件人|抄送|主题|寄件日期|傳送時間|收件者"
    r"|副本|主旨|보낸 날짜|받는 사람|제목)\s?[:\uff1a]\*?",
    re.IGNORECASE,
)
_MOMENT: Final = re.compile(
    r"(.{3,200}\s)?\d{1,4}[./-]\d{1,2}[./-]\d{2,4},?\s+\d{1,2}[:.]\d{2}(?:[:.]\d{2})?"
    r"(?:\s?[AP]M)?(?:\s[A-Z]{3,4})?\Z",
    re.IGNORECASE,
)
_TO: Final = re.compile(r"(?:to|an|à|a|pour|para)(?:\s?:.*)?\Z", re.IGNORECASE)
_SUBJECT: Final = re.compile(
    r"(?:subject|objet|betreff|oggetto|asunto)(?:\s?:.*)?\Z", re.IGNORECASE
)
"""How Lotus Notes shows the header of what it answers: sender, moment, and fields with or without marks."""
_NOT_SEEN: Final = dict.fromkeys((0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0xFEFF))
_RULE: Final = re.compile(r"[_\-=]{10,}\Z")
_FOOT_RULE: Final = re.compile(r"(?:_{3,}|-{3,}|={3,})\Z")
_FOOTER: Final = re.compile(
    r"mailing list|mailman/|listinfo|unsubscribe|avast|\bavg\b|antivirus|virus-free|garanti sans virus"
    r"|virenfrei|viren gepr",
    re.IGNORECASE,
)
_DEVICE: Final = re.compile(
    r"(?:sent from (?:my|mail for|yahoo|outlook|samsung|proton|gmail)|sent (?:with|via) (?:proton"
    r"|blackberry)"
    r"|get outlook for|envoyé (?:de|depuis|à partir de|avec) (?:mon|ma|mes|l['\u2019]|yahoo|outlook"
    r"|courrier"
    r"|proton|la messagerie)|<#[0-9a-f-]{36}>|diese nachricht wurde (?:von|mit) .{1,80} gesendet"
    r"|télécharge[rz] outlook|obtenir outlook|von mei(?:nem|ner) .{1,40} gesendet|gesendet (?:von"
    r"|mit)|holen sie sich outlook"
    r"|inviato da|enviado desde|enviado do|enviado a partir|verstuurd vanaf|verzonden vanaf"
    r"|(?:skickat från|sendt fra|lähetetty|wysłan[eo] (?:z|ze)|odesláno (?:z|ze)|отправлено \w+|trimis de pe"
    r"|küldve) .{0,30}(?:iphon|ipad|android|samsung|galaxy|huawei|outlook|yahoo|telefon|puhelim|mobil)"
    r"|.{0,20}(?:iphone|ipad|android|galaxy|outlook)\S{0,10}\s?(?:gönderildi|から送信)|发自我的|從我的.{1,20}傳送"
    r"|나의 .{1,20}에서 보냄|outlook (?:für|pour|for|per|para|voor|till|til|dla) (?:ios|android))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Split:
    """The two parts of a text; both may be empty, nothing is lost: the whole text is kept beside them."""

    visible: str
    quoted: str


def split(text: str) -> Split:
    """What was written now, without quoted history and signature, and the quoted history."""
    lines = _without_armour(_without_marked_signature(text.split("\n")))
    start = _history_start(lines)
    written, history = lines[:start], lines[start:]
    if start == len(lines):
        written, history = _without_edge_quotes(written)
    elif (first := _first_answer(history, is_below=not _text(written))) is not None:
        # The quotes between answers give them their sense.
        below, rest = _without_edge_quotes(history[first:])
        written, history = [*written, "", *below], [*history[:first], *rest]
    visible = _text(_without_signature(written))
    if not visible:
        return Split(visible=marks.without(text).strip(), quoted="")
    return Split(visible=visible, quoted=_text(history))


def _text(lines: list[str]) -> str:
    return marks.without("\n".join(lines)).strip()


def _bare(line: str) -> str:
    return line[:_LOOK].translate(_NOT_SEEN).lstrip("> \t").strip()


def _history_start(lines: list[str]) -> int:
    """The first line of the quoted history, or the number of lines."""
    for position, line in enumerate(lines[:MOST_LINES]):
        if marks.HISTORY in line:
            return position
        bare = _bare(line)
        if not bare:
            continue
        if _TO.match(bare) and (start := _notes_header(lines, position)) is not None:
            return start
        is_separator = _SEPARATOR.match(bare) and (position or "#" not in bare)
        if (
            is_separator
            or _is_attribution(lines, position, bare)
            or _is_header_block(lines, position, bare)
        ):
            return _above_rule(lines, position)
    return len(lines)


def _above_rule(lines: list[str], start: int) -> int:
    """The line drawn above the history belongs to it."""
    above = start - 1
    while above > 0 and not lines[above].strip():
        above -= 1
    return above if above >= 0 and _RULE.match(_bare(lines[above])) else start


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
        begins = _OPENER.match(bare.lstrip("- ")) or "@" in bare or _YEAR.search(bare)
        if following == position and not begins:
            return False
    return False


def _is_attribution_text(joined: str) -> bool:
    if _CITES.match(joined) or _DATED.match(joined) or _SIGNED_MOMENT.match(joined):
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


def _notes_header(lines: list[str], to: int) -> int | None:
    """Where the header begins whose line "To" this is, when a moment stands above and a subject below."""
    if not any(_SUBJECT.match(_bare(line)) for line in lines[to + 1 : to + 8]):
        return None
    above = next((i for i in range(to - 1, max(to - 4, -1), -1) if _bare(lines[i])), None)
    moment = _MOMENT.match(_bare(lines[above])) if above is not None else None
    if above is None or moment is None:
        return None
    stands_alone = moment.group(1) is None
    return above - 1 if stands_alone and above and _bare(lines[above - 1]) else above


def _first_answer(history: list[str], *, is_below: bool) -> int | None:
    """Where in the history the quote begins that is answered behind it, or None.

    `is_below` when nothing stands above the history. Else only paragraphs between quotes are answers: what
    stands below may be anything, and lines without a mark are mostly what wrapping made of a quote.
    """
    quoted = [i for i, line in enumerate(history) if line.lstrip().startswith(">")]
    if not quoted:
        return None
    last = quoted[-1]
    between = range(quoted[0] + 1, last)
    if any(_is_answer(history, i, is_paragraph=not is_below) for i in between):
        return quoted[0]
    if is_below and _text(history[last + 1 :]):
        return last + 1
    return None


def _is_answer(history: list[str], position: int, *, is_paragraph: bool) -> bool:
    line = history[position].strip()
    if not line or line.startswith(">"):
        return False
    return not is_paragraph or not history[position - 1].strip()


def _without_marked_signature(lines: list[str]) -> list[str]:
    """Without what the mail program marked as a signature, unless nothing else is there."""
    kept, is_signed = [], False
    for line in lines:
        is_signed = is_signed or marks.SIGNED in line
        if is_signed:
            before = line.partition(marks.SIGNED)[0] if marks.SIGNED in line else ""
            after = line.rpartition(marks.UNSIGNED)[2] if marks.UNSIGNED in line else ""
            is_signed = marks.UNSIGNED not in line
            line = before + after  # noqa: PLW2901 - what is left of it
        kept.append(line)
    return kept if _text(kept) else lines


def _without_armour(lines: list[str]) -> list[str]:
    """The words of a text that is signed in itself (RFC 9580, section 7)."""
    if "-----BEGIN PGP SIGNED MESSAGE-----" not in lines:
        return lines
    start = lines.index("-----BEGIN PGP SIGNED MESSAGE-----")
    end = next((i for i, line in enumerate(lines) if line == "-----BEGIN PGP SIGNATURE-----"), None)
    blank = next((i for i in range(start, len(lines)) if not lines[i].strip()), start)
    words = [line.removeprefix("- ") for line in lines[blank + 1 : end]]
    closing = next(
        (i for i, line in enumerate(lines) if line == "-----END PGP SIGNATURE-----"), None
    )
    return lines[:start] + words + (lines[closing + 1 :] if closing is not None else [])


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
    length = 0
    for position in range(len(lines) - 1, -1, -1):
        length += len(lines[position]) + 1
        if length > LONGEST_SIGNATURE:
            break
        if lines[position].rstrip() == "--":
            lines = lines[:position]
            break
    lines = _without_footer(lines)
    while lines:
        last = _bare(lines[-1])
        if last and not _DEVICE.match(last):
            break
        lines = lines[:-1]
    return lines


def _without_footer(lines: list[str]) -> list[str]:
    """Without what a list server or a virus scanner wrote below a line of its own."""
    for position in range(len(lines) - 1, max(len(lines) - 10, 0), -1):
        if _FOOT_RULE.match(lines[position].strip()):
            below = " ".join(lines[position + 1 :])
            return lines[:position] if _FOOTER.search(below) else lines
    return lines
