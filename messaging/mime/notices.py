"""Delivery failures told in prose, as mail systems do that never heard of RFC 3464.

A notice names each recipient on a line of its own or within a sentence, then the reason, then shows the
mail that came back. So: cut the returned mail off, take every address that can be a recipient, and read
what stands between it and the next one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from messaging.mime import addresses, limits, reasons

MOST_RECIPIENTS: Final = 50
LONGEST_REASON: Final = 500
_LINES: Final = 30
"""How far below its recipient a reason may stand."""

_RETURNED: Final = re.compile(
    r"[-=_* ]{2,}.{0,12}(?:below this line is a copy|this is a copy of|returned message"
    r"|original message|unsent message|undelivered message|message (?:header|text|body|content)"
    r"|headers? (?:of|follow)|copy of (?:the|your)|body of message|mail header|message follows"
    r"|message d'origine|ursprüngliche nachricht|nachrichtentext)|(?:original message (?:headers?"
    r"|follows)|message headers? follow|the (?:original|first) .{0,30}message (?:was(?! received)|follows)"
    r"|your (?:original )?message (?:follows|reads|was:)|returned message follows"
    r"|in-reply-to message follows|the header of the original message|le message (?:original"
    r"|d'origine))|(?:received: from |return-path: ?<|mime-version: 1\.0|message-id: ?<|x-mailer: "
    r"|content-type: (?:text|multipart)/)",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(
    r"(?<![\w.+=@/-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b",
    re.IGNORECASE,
)
_NO_RECIPIENT_BEFORE: Final = re.compile(
    r"(?:mail from|from|sender|reply[- ]?to|contact(?:er|ing|ez)?|kontakt\w*|message-id|references|cc"
    r"|mailto|write to|e-?mail us(?: at)?|help|assistance|abuse|postmaster|administrator"
    r"|report (?:this|it) to|forward(?:ed)? (?:it|this|to)|id|via|by)\W{0,12}(?:at |an |to )?\W{0,6}\Z",
    re.IGNORECASE,
)
_SERVANTS: Final = frozenset(
    {
        "postmaster",
        "mailer-daemon",
        "abuse",
        "hostmaster",
        "mail-daemon",
        "support",
        "helpdesk",
        "no-reply",
        "noreply",
    }
)
_NOISE: Final = re.compile(
    r"(?:[-=_*~#. ]{3,}|>>> ?.*|\.\.\. ?while talking to.*|\W*)\Z", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice says of one recipient."""

    recipient: str
    reason: str


def read(text: str, *, own: Collection[str], failed: Collection[str] = ()) -> list[Notice]:
    """Who did not get the mail, and the words about it.

    `own` are addresses that cannot be the failed ones (who sent the notice, who got it); `failed` names
    the recipients when a header did. Empty when the text names nobody.
    """
    lines = told(text[: limits.QUOTE_SEARCH])
    places = _places(lines, own={address.lower() for address in own}, failed=_known(failed))
    starts = sorted({line for line, _ in places.values()})
    found = []
    for recipient, (line, column) in list(places.items())[:MOST_RECIPIENTS]:
        following = next((start for start in starts if start > line), len(lines))
        passage = [lines[line][column:], *lines[line + 1 : min(following, line + _LINES)]]
        before = lines[max(0, line - 3) : line] if len(starts) == 1 else []
        sentence = lines[line] if len(starts) == 1 or not _says_why(passage) else ""
        found.append(Notice(recipient, _reason(passage, [sentence, *before], lines, len(starts))))
    known = {notice.recipient for notice in found}
    found += [
        Notice(address, _reason([], [], lines, 1))
        for address in _known(failed)
        if address not in known
    ]
    return found[:MOST_RECIPIENTS]


def _known(failed: Collection[str]) -> list[str]:
    return [match.group(0).lower() for value in failed for match in _ADDRESS.finditer(value)]


def told(text: str) -> list[str]:
    """The lines of the notice itself, without the mail that came back below it."""
    lines = [line.strip().lstrip(">|").strip() for line in text.replace("\u2019", "'").split("\n")]
    for position, line in enumerate(lines):
        # The first lines introduce the notice: "Your message follows below" may stand among them.
        if position >= 2 and _RETURNED.match(line):  # noqa: PLR2004
            return lines[:position]
    return lines


def _places(
    lines: list[str], *, own: Collection[str], failed: Collection[str]
) -> dict[str, tuple[int, int]]:
    """Each recipient with the line and the column behind its first mention as one."""
    found: dict[str, tuple[int, int]] = {}
    for position, line in enumerate(lines):
        for match in _ADDRESS.finditer(line):
            address = addresses.normalised(match.group(0)) or match.group(0).lower()
            if address in found or (failed and address not in failed):
                continue
            if address in own or address.partition("@")[0] in _SERVANTS:
                continue
            if not failed and _NO_RECIPIENT_BEFORE.search(line[: match.start()]):
                continue
            found[address] = (position, match.end())
    return found


def _says_why(lines: list[str]) -> bool:
    return any(reasons.is_telling(line) for line in lines)


def _reason(passage: list[str], before: list[str], lines: list[str], recipients: int) -> str:
    """The most telling words: behind the address, in its sentence, else (for a single one) anywhere."""
    places = [passage, before, lines if recipients == 1 else []]
    for place in places:
        for position, line in enumerate(place):
            if reasons.is_telling(line):
                return _paragraph(place, position)
    for line in passage:
        if not _NOISE.match(line):
            return line.strip(" :<>\t")[:LONGEST_REASON]
    return ""


def _paragraph(lines: list[str], start: int) -> str:
    """The line and what goes on below it, as one sentence."""
    end = start + 1
    while end < len(lines) and end - start < 6 and not _NOISE.match(lines[end]):  # noqa: PLR2004 - lines
        end += 1
    return " ".join(" ".join(lines[start:end]).split()).strip(" :<>")[:LONGEST_REASON]
