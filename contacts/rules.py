"""Pure decisions of the contact centre: states, threading, texts and ratings. No clock, no database."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta

# What an agent, the clock or a customer may turn a state into. A closed ticket stays closed: its
# customer's next mail opens a new one that points back.
MOVES: Mapping[str, frozenset[str]] = {
    "new": frozenset({"open", "waiting", "snoozed", "solved", "closed"}),
    "open": frozenset({"waiting", "snoozed", "solved", "closed"}),
    "waiting": frozenset({"open", "snoozed", "solved", "closed"}),
    "snoozed": frozenset({"open", "waiting", "snoozed", "solved", "closed"}),
    "solved": frozenset({"open", "waiting", "closed"}),
    "closed": frozenset(),
}
UNFINISHED = ("new", "open", "waiting", "snoozed")
FINISHED = ("solved", "closed")
# States in which the next word is ours.
OURS = ("new", "open")

# What customers think of our answers, from a sad face to a happy one.
WORST, BEST = 1, 5
UNHAPPY_UP_TO, HAPPY_FROM = 2, 4
FACES = {1: "😞", 2: "🙁", 3: "😐", 4: "🙂", 5: "😀"}
LONGEST_COMMENT = 2000

MAX_TAGS = 20
MAX_TAG_LENGTH = 40
MAX_ADDRESS_LENGTH = 254

_REPLY_PREFIX = re.compile(
    r"^\s*(?:(?:re|aw|sv|antw|rif|ref|tr|fw|fwd|wg)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE
)
_REQUEST_NUMBER = re.compile(
    r"\[#(?P<bracketed>\d{1,12})\]"
    r"|\b(?:request|ticket|demande|dossier|anfrage|anliegen|vorgang)\s*(?:n[°o]\.?|nr\.?|no\.?|#|:)?\s*"
    r"(?P<named>\d{1,12})\b",
    re.IGNORECASE,
)
_SPACES = re.compile(r"\s+")


def may_move(before: str, after: str) -> bool:
    """Whether a ticket in state `before` may be moved to `after`."""
    return after in MOVES[before]


def state_after_customer(state: str) -> str:
    """The state of a ticket once its customer wrote: whatever rested is ours again."""
    return "new" if state == "new" else "open"


def reopens(state: str) -> bool:
    """Whether a customer's message brings the ticket back from a finished state."""
    return state == "solved"


def ticket_named_in(about: str) -> int | None:
    """The ticket id in an outgoing message's `about`, e.g. ticket:12."""
    return _id_named_in(about, "ticket")


def order_named_in(about: str) -> int | None:
    """The order id in an outgoing message's `about`, e.g. order:7."""
    return _id_named_in(about, "order")


def _id_named_in(about: str, noun: str) -> int | None:
    kind, _, value = about.partition(":")
    return int(value) if kind == noun and value.isascii() and value.isdigit() else None


def same_address(one: str, other: str) -> bool:
    """Whether two mail addresses are one mailbox for us: letter case is the only freedom."""
    return one.strip().casefold() == other.strip().casefold()


def usable_address(address: str) -> str:
    """The address without blanks, or nothing when no mail could ever be sent to it."""
    tidy = address.strip()
    return tidy if "@" in tidy and len(tidy) <= MAX_ADDRESS_LENGTH else ""


def one_line(text: str) -> str:
    """The text with every run of blanks and line ends as one space."""
    return _SPACES.sub(" ", text).strip()


def number_in_subject(subject: str) -> int | None:
    """The number of a request that a customer wrote into the subject: [#1042], Demande n° 1042."""
    match = _REQUEST_NUMBER.search(subject)
    return int(match["bracketed"] or match["named"]) if match else None


def bare_subject(subject: str) -> str:
    """The subject without its reply and forward prefixes, in one line."""
    return one_line(_REPLY_PREFIX.sub("", subject))


def reply_subject(subject: str) -> str:
    """The subject of an answer: exactly one Re: before the bare subject; nothing from nothing."""
    bare = bare_subject(subject)
    return f"Re: {bare}" if bare else ""


def snippet(text: str, *, length: int = 140) -> str:
    """The first words of a text in one line, for lists."""
    line = one_line(text)
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"


def quoted_part(text: str, visible: str) -> str:
    """What stands in a mail below the part its writer wrote: quotes and signature."""
    visible = visible.strip()
    if not visible:
        return ""
    before, found, after = text.partition(visible)
    return "" if not found or before.strip() else after.strip("\n")


def reference_chain(references: Iterable[str], *newer: str, limit: int = 20) -> tuple[str, ...]:
    """The References of an answer: each Message-ID once, the first and the latest ones kept.

    What is answered stands last, also when a mail program named it earlier (RFC 5322, 3.6.4).
    """
    known = list(dict.fromkeys(part for part in references if part))
    between = [part for part in known[1:] if part not in newer]
    latest = [part for part in dict.fromkeys(newer) if part and part not in known[:1]]
    chain = [*known[:1], *between, *latest]
    return tuple(chain if len(chain) <= limit else [chain[0], *chain[1 - limit :]])


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Tags in lower case, without blanks at the ends, each once, in the order given."""
    tidy = (one_line(tag).casefold()[:MAX_TAG_LENGTH] for tag in tags)
    return list(dict.fromkeys(tag for tag in tidy if tag))[:MAX_TAGS]


def names_from(display_name: str) -> tuple[str, str]:
    """First and last name out of the display name of a mail's sender."""
    name = one_line(display_name).strip(" \"'")
    if "@" in name:
        return "", ""
    if "," in name:
        last, _, first = name.partition(",")
        return first.strip(), last.strip()
    first, _, last = name.partition(" ")
    return first, last


def language_for(locale: str, languages: Iterable[str], *, default: str) -> str:
    """The shop's language closest to a customer's locale such as fr-CH."""
    wished = locale.replace("_", "-").casefold()
    offered = list(languages)
    for language in offered:
        if wished == language.casefold():
            return language
    for language in offered:
        if wished.partition("-")[0] == language.casefold().partition("-")[0] and wished:
            return language
    return default


def quoted_lines(text: str, *, limit: int = 400) -> list[str]:
    """The lines of a text that an answer quotes; long texts are cut."""
    return [line.rstrip() for line in text.strip().splitlines()[:limit]]


def searchable(words: str) -> str:
    """Words as customers' names are stored for searching: lower case, without accents."""
    plain = unicodedata.normalize("NFKD", words.casefold())
    return one_line("".join(letter for letter in plain if not unicodedata.combining(letter)))


SNOOZES = ("later", "tomorrow", "monday", "week")
MORNING = time(9, 0)


def snooze_until(choice: str, at: datetime) -> datetime:
    """The moment a ready choice means, in the time zone of `at`: three hours on, or a morning at nine."""
    if choice == "later":
        return at + timedelta(hours=3)
    days = {"tomorrow": 1, "monday": 7 - at.weekday(), "week": 7}[choice]
    return datetime.combine(at.date() + timedelta(days=days), MORNING, at.tzinfo)
