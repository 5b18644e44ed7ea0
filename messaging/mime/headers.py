"""Reading headers ourselves: raw bytes, unfolded, bounded. The library's parsed headers are never touched."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message
from typing import Final

from messaging.mime import limits
from messaging.mime.charsets import codec_for, decode, decode_words, header_text, storable

_FOLD: Final = re.compile(rb"\r?\n[ \t]*")
_GAP: Final = re.compile(r"[\s,]+")
_PARAMETERS: Final = 50


@dataclass(slots=True)
class Headers:
    """The headers of a part in order, names in lower case, values unfolded."""

    items: list[tuple[str, bytes]] = field(default_factory=list)
    was_cut: bool = False
    fallback: str = ""
    """The character set of the words below, which raw headers are most likely written in."""

    def all(self, name: str) -> list[str]:
        """Every value of this header as text, encoded words left as they are."""
        return [
            header_text(value, self.fallback).strip() for key, value in self.items if key == name
        ]

    def first(self, name: str) -> str:
        """The first value as text, or ""."""
        return next(iter(self.all(name)), "")

    def has(self, name: str) -> bool:
        """Whether the header is there at all."""
        return any(key == name for key, _ in self.items)

    def decoded(self, name: str) -> str:
        """The first value with encoded words decoded, on one line."""
        return " ".join(decode_words(self.first(name)).split())


def of(part: Message) -> Headers:
    """The headers of a parsed part. A header longer than limits.ONE_HEADER is cut."""
    found = Headers()
    for name, value in part.raw_items():
        if len(found.items) == limits.HEADERS:
            found.was_cut = True
            break
        raw = _FOLD.sub(b" ", str(value).encode("utf-8", "surrogateescape"))
        if len(raw) > limits.ONE_HEADER:
            raw, found.was_cut = raw[: limits.ONE_HEADER], True
        found.items.append((str(name).strip().lower(), raw))
    return found


@dataclass(frozen=True, slots=True)
class Value:
    """A header value with parameters, such as Content-Type."""

    main: str
    parameters: dict[str, str]


def with_parameters(text: str) -> Value:
    """Main value and parameters, with RFC 2231 continuations and charsets, in linear time."""
    pieces = _split(text)
    # "text/plain, charset=x" and "text/plain charset=x" are written too.
    main, *more = _GAP.split(pieces[0].strip(), maxsplit=1)
    main = main.lower()
    plain: dict[str, str] = {}
    numbered: dict[str, list[tuple[int, bool, str]]] = {}
    for piece in [*more, *pieces[1 : _PARAMETERS + 1]]:
        name, _, value = piece.partition("=")
        name, value = name.strip().lower(), _unquoted(value.strip())
        base, star, rest = name.partition("*")
        if not star:
            plain.setdefault(name, value)
            continue
        number = rest.rstrip("*")
        index = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0  # noqa: PLR2004 - parts
        numbered.setdefault(base, []).append((index, name.endswith("*"), value))
    for base, segments in numbered.items():
        plain[base] = _joined(sorted(segments, key=lambda segment: segment[0]))
    return Value(main=storable(main), parameters=plain)


def _split(text: str) -> list[str]:
    """Cut at semicolons outside quotes."""
    pieces: list[str] = []
    start, in_quotes, is_escaped = 0, False, False
    for position, character in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif character == "\\" and in_quotes:
            is_escaped = True
        elif character == '"':
            in_quotes = not in_quotes
        elif character == ";" and not in_quotes:
            pieces.append(text[start:position])
            start = position + 1
    pieces.append(text[start:])
    return pieces


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        inner = value[1:-1] if value.endswith('"') and len(value) > 1 else value[1:]
        return inner.replace('\\"', '"').replace("\\\\", "\\")
    return value


def _joined(segments: list[tuple[int, bool, str]]) -> str:
    charset, data = "", b""
    for order, (_, is_encoded, value) in enumerate(segments):
        text = value
        if is_encoded and order == 0 and value.count("'") >= 2:  # noqa: PLR2004 - charset'language'text
            charset, _, text = value.split("'", 2)
        data += _percent_decoded(text) if is_encoded else text.encode("utf-8", "replace")
    return decode(data, charset if codec_for(charset) else "")


def _percent_decoded(value: str) -> bytes:
    pieces = value.encode("utf-8", "replace").split(b"%")
    decoded = [pieces[0]]
    for piece in pieces[1:]:
        try:
            decoded.append(bytes([int(piece[:2], 16)]) + piece[2:])
        except ValueError:
            decoded.append(b"%" + piece)
    return b"".join(decoded)
