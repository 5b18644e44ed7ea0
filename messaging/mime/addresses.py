"""Reading address headers in linear time and without trusting them.

The library's parser needs quadratic time for some inputs and accepts senders that two readers understand
differently. This one reads every character once and reports what is odd instead of guessing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from messaging.mime import limits
from messaging.mime.charsets import decode_words

LONGEST_ADDRESS = 254
LONGEST_LOCAL_PART = 64
LONGEST_LABEL = 63
_ATOM = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~."
)
_LIKE_ADDRESS = re.compile(
    r"(?<![^\s\"'<>\[\](),;:=])(?:\"[^\"@<>\s]{1,64}\"|[^\s\x00-\x20\x7f\"'<>\[\](),;:@=]{1,64})"
    r"@(?:\[[0-9a-f.:]{3,45}\]|[a-z0-9\u0080-\uffff-]{1,63}(?:\.[a-z0-9\u0080-\uffff-]{1,63}){0,8})"
    r"(?![a-z0-9\u0080-\uffff@-]|\.\.)"
)
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. `address` is lower case, or empty when what stood there is none.

    What only looks like an address is shown too, with the defect `invalid_address` beside it.
    """

    name: str
    address: str


@dataclass(slots=True)
class AddressList:
    """The mailboxes of a header and the stable codes of what was odd about it."""

    mailboxes: list[Address] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)

    def note(self, defect: str) -> None:
        """Remember a defect once."""
        if defect not in self.defects:
            self.defects.append(defect)


def parse(value: str) -> AddressList:
    """The mailboxes of an address header; at most limits.ADDRESSES of at most limits.ADDRESS_HEADER."""
    found = AddressList()
    if len(value) > limits.ADDRESS_HEADER:
        value = value[: limits.ADDRESS_HEADER]
        found.note("address_header_too_long")
    for raw in _split(value, found):
        if len(found.mailboxes) == limits.ADDRESSES:
            found.note("too_many_addresses")
            break
        mailbox = raw.finish(found)
        if mailbox is not None:
            found.mailboxes.append(mailbox)
    return found


def single(text: str) -> str | None:
    """The one plain address in the text, ready to send to, or None."""
    if any(character in text for character in "\r\n\0"):
        return None
    found = parse(text)
    if found.defects or len(found.mailboxes) != 1:
        return None
    return found.mailboxes[0].address or None


def normalised(text: str) -> str:
    """An addr-spec in lower case with an ASCII domain, or "" when it is none."""
    if len(text) > LONGEST_ADDRESS or text.count("@") != 1:
        return ""
    local, domain = text.split("@")
    domain = _ascii_domain(domain.lower())
    if not domain or not local or len(local) > LONGEST_LOCAL_PART:
        return ""
    if not set(local) <= _ATOM or local.startswith(".") or local.endswith(".") or ".." in local:
        return ""
    return f"{local.lower()}@{domain}"


def _salvaged(text: str) -> str:
    """The one thing in the text that looks like an address, though it is not written as one should be."""
    found = set(_LIKE_ADDRESS.findall(text.lower()))
    return found.pop() if len(found) == 1 else ""


def _ascii_domain(domain: str) -> str:
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    labels = domain.split(".")
    for label in labels:
        if not 0 < len(label) <= LONGEST_LABEL or not set(label) <= _LABEL:
            return ""
        if label.startswith("-") or label.endswith("-"):
            return ""
    return domain


@dataclass(slots=True)
class _Raw:
    """The pieces of one mailbox while they are read."""

    phrase: list[str] = field(default_factory=list)
    comment: list[str] = field(default_factory=list)
    angle: list[str] | None = None
    has_quotes: bool = False
    is_broken: bool = False

    def finish(self, found: AddressList) -> Address | None:
        phrase = "".join(self.phrase).strip()
        if not phrase and self.angle is None:
            return None
        if self.is_broken:
            found.note("malformed_address")
        spec = phrase if self.angle is None else "".join(self.angle).strip()
        name = "".join(self.comment) if self.angle is None else phrase
        if spec.startswith("=?"):
            found.note("encoded_address")
        address = normalised(spec)
        if not address:
            found.note("invalid_address")
            address = _salvaged(spec)
            name = name if self.angle is not None else spec.replace(address, "").strip(" .<>[]")
        shown = " ".join(decode_words(name).split())[: limits.NAME]
        if "@" in shown and normalised(shown.strip("'\" ").lower()) != address:
            found.note("address_in_name")
        return Address(name=shown, address=address)


def _split(value: str, found: AddressList) -> Iterator[_Raw]:
    """Cut the header at its commas, leaving quotes, comments and angle brackets whole."""
    reader = _Reader(found)
    for character in value:
        if reader.take(character):
            yield reader.next()
    if reader.is_open:
        found.note("unterminated")
    yield reader.next()


class _Reader:
    """One pass over the characters; True from `take` means that a mailbox is complete."""

    def __init__(self, found: AddressList) -> None:
        self._found = found
        self._current = _Raw()
        self._is_escaped = False
        self._in_quotes = False
        self._in_angle = False
        self._comment_depth = 0

    @property
    def is_open(self) -> bool:
        return self._in_quotes or self._in_angle or self._comment_depth > 0

    def next(self) -> _Raw:
        done, self._current = self._current, _Raw()
        return done

    def take(self, character: str) -> bool:
        if self._is_escaped:
            self._is_escaped = False
            self._put(character)
        elif character == "\\" and (self._in_quotes or self._comment_depth):
            self._is_escaped = True
        elif self._comment_depth:
            self._take_in_comment(character)
        elif self._in_quotes:
            self._take_in_quotes(character)
        elif self._in_angle:
            self._take_in_angle(character)
        else:
            return self._take_outside(character)
        return False

    def _put(self, character: str) -> None:
        if self._comment_depth:
            self._current.comment.append(character)
        elif self._in_angle and self._current.angle is not None:
            self._current.angle.append(character)
        else:
            self._current.phrase.append(character)

    def _take_in_comment(self, character: str) -> None:
        self._comment_depth += {"(": 1, ")": -1}.get(character, 0)
        if self._comment_depth:
            self._put(character)

    def _take_in_quotes(self, character: str) -> None:
        if character == '"':
            self._in_quotes = False
        else:
            self._put(character)

    def _take_in_angle(self, character: str) -> None:
        if character == ">":
            self._in_angle = False
        elif character == "(":
            self._comment_depth = 1
        elif character in '<,;"':
            self._current.is_broken = True
            self._put(character)
        else:
            self._put(character)

    def _take_outside(self, character: str) -> bool:
        current = self._current
        if character in ",;":
            return True
        if character == '"':
            self._in_quotes = current.has_quotes = True
        elif character == "(":
            self._comment_depth = 1
        elif character == "<":
            current.is_broken = current.is_broken or current.angle is not None
            current.angle, self._in_angle = [], True
        elif character == ":" and current.angle is None:
            self._found.note("group")
            self._current = _Raw()
        else:
            if current.angle is not None and not character.isspace():
                current.is_broken = True
            self._put(character)
        return False
