"""How an SMS travels: its alphabet, and the segments it is cut into (3GPP TS 23.038 and 23.040)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

Alphabet = Literal["GSM-7", "UCS-2"]

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("^{}\\[~]|€\f")
"""These cost two: an escape goes before them, and the two stay together."""

_ALONE: Final[dict[Alphabet, int]] = {"GSM-7": 160, "UCS-2": 70}
_OF_MANY: Final[dict[Alphabet, int]] = {"GSM-7": 153, "UCS-2": 67}
"""Six bytes of each part of a long message say which part it is."""
_LAST_OF_PLANE: Final = 0xFFFF

_PLAIN: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc`\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022", "-"),
        **dict.fromkeys("\u00a0\u202f\u2007\u2009\u200a\u2002\u2003\t", " "),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad\ufe0f", ""),
        "\u2026": "...",
        "\u2039": "'",
        "\u203a": "'",
        "œ": "oe",
        "Œ": "OE",
    }
)
_OPENING: Final = re.compile("«[ \u00a0\u202f\u2009]?")
_CLOSING: Final = re.compile("[ \u00a0\u202f\u2009]?»")


@dataclass(frozen=True, kw_only=True, slots=True)
class Segments:
    """A text cut into what is sent and paid; `units` are septets or 16-bit units, escapes included."""

    alphabet: Alphabet
    parts: tuple[str, ...]
    units: int

    @property
    def count(self) -> int:
        """How many messages are paid."""
        return len(self.parts)

    @property
    def room(self) -> int:
        """How many units more fit before it costs another message."""
        if self.count == 1:
            return _ALONE[self.alphabet] - self.units
        return _OF_MANY[self.alphabet] - sum(map(_weight(self.alphabet), self.parts[-1]))


def segments(text: str) -> Segments:
    """The segments of a text. Neither an escaped character nor a surrogate pair is ever split."""
    alphabet: Alphabet = "GSM-7" if is_plain(text) else "UCS-2"
    weigh = _weight(alphabet)
    units = sum(map(weigh, text))
    if units <= _ALONE[alphabet]:
        return Segments(alphabet=alphabet, parts=(text,), units=units)
    return Segments(alphabet=alphabet, parts=tuple(_cut(text, alphabet)), units=units)


def is_plain(text: str) -> bool:
    """Whether the text can be written in the 7-bit alphabet."""
    return all(letter in _BASIC or letter in _EXTENDED for letter in text)


def thrifty(text: str) -> str:
    """The text with plain quotes, dashes, dots and spaces where that saves a segment, else as it is.

    Words are not touched: one accent that the 7-bit alphabet lacks keeps all the typography.
    """
    composed = unicodedata.normalize("NFC", text)
    if segments(composed).units > segments(text).units:
        composed = text  # a few letters only exist in pieces
    plain = _OPENING.sub('"', _CLOSING.sub('"', composed)).translate(_PLAIN)
    if not is_plain(plain):
        return composed
    return plain if segments(plain).count < segments(composed).count else composed


def _cut(text: str, alphabet: Alphabet) -> list[str]:
    weigh, limit = _weight(alphabet), _OF_MANY[alphabet]
    parts, start, used = [], 0, 0
    for position, letter in enumerate(text):
        weight = weigh(letter)
        if used + weight > limit:
            parts.append(text[start:position])
            start, used = position, 0
        used += weight
    return [*parts, text[start:]]


def _weight(alphabet: Alphabet) -> Callable[[str], int]:
    if alphabet == "GSM-7":
        return lambda letter: 2 if letter in _EXTENDED else 1
    return lambda letter: 2 if ord(letter) > _LAST_OF_PLANE else 1
