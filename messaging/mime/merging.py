"""Mass mails: the words are compiled and encoded once, each recipient's gaps are filled in as bytes.

What stands around the gaps of a text is turned into quoted-printable (RFC 2045 6.7) once. A soft line
break before and after each gap keeps the columns of both sides independent and is invisible to the
reader, so that filling a mail is one join. A gap is `{{ first_name }}`, `{{ order.number }}`, or
`{{ first_name | default: "dear customer" }}`.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_GAP: Final = re.compile(
    r"\{\{\s*([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)\s*(?:\|\s*default:\s*\"([^\"]*)\"\s*)?\}\}"
)
_PLAIN: Final = re.compile(r"\A[!-<>-~]+(?: [!-<>-~]+)*\Z")
_LONGEST_PLAIN: Final = 70
_SOFT_BREAK: Final = b"=\r\n"
BOUNDARY: Final = "=_part"
"""No line of quoted-printable can begin with it: there an equals sign is followed by hexadecimal digits."""

Data = Mapping[str, Any]


class RenderingFailed(ValueError):
    """The data of a recipient lacks something that the words need; the text names it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A place which a recipient's data fill."""

    path: tuple[str, ...]
    default: str | None

    def value(self, data: Data) -> str:
        """What fills it. Raises RenderingFailed."""
        found: Any = data.get(self.path[0])
        for name in self.path[1:]:
            found = found.get(name) if isinstance(found, Mapping) else None
        if found is None or found == "":
            if self.default is None:
                raise RenderingFailed(".".join(self.path))
            return self.default
        return found if isinstance(found, str) else str(found)


class Text:
    """Words with gaps, for a line of text such as a subject."""

    def __init__(self, source: str) -> None:
        self._pieces = pieces(source)

    def fill(self, data: Data) -> str:
        """The text for one recipient. Raises RenderingFailed."""
        return "".join(
            [piece if isinstance(piece, str) else piece.value(data) for piece in self._pieces]
        )


class Frame:
    """Words encoded once, and the numbers of the values that stand between them."""

    def __init__(self) -> None:
        self._pieces: list[bytes | int] = []

    def add(self, words: bytes) -> None:
        """Encoded words which stand next."""
        if self._pieces and isinstance(self._pieces[-1], bytes):
            self._pieces[-1] += words
        else:
            self._pieces.append(words)

    def leave(self, number: int) -> None:
        """The place of the value with this number, which may have more than one."""
        self._pieces.append(number)

    def fill(self, values: Sequence[bytes]) -> bytes:
        """The words with these encoded values in their places."""
        return b"".join(
            [piece if isinstance(piece, bytes) else values[piece] for piece in self._pieces]
        )


def markup(source: str, data: Data) -> str:
    """HTML words for one recipient, what fills the gaps escaped. Raises RenderingFailed."""
    return "".join(
        piece if isinstance(piece, str) else html.escape(piece.value(data))
        for piece in pieces(source)
    )


class Body:
    """Words with gaps, as a part of a mail. In HTML what fills a gap is escaped."""

    def __init__(self, source: str, *, is_html: bool) -> None:
        self._change: Callable[[str], str] = html.escape if is_html else _unchanged
        self._frame = Frame()
        self._gaps: dict[Gap, int] = {}
        for piece in pieces(source):
            if isinstance(piece, str):
                self._frame.add(quoted(piece))
            else:
                self._frame.leave(self._gaps.setdefault(piece, len(self._gaps)))

    def fill(self, data: Data) -> bytes:
        """Quoted-printable with CRLF, ready for the wire (dots doubled, RFC 5321 4.5.2)."""
        change = self._change
        return self._frame.fill([quoted(change(gap.value(data))) for gap in self._gaps])


def quoted(text: str) -> bytes:
    """The text as lines of quoted-printable that begin and end between two lines."""
    if len(text) <= _LONGEST_PLAIN and _PLAIN.match(text):
        encoded = text.encode()
    else:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
        encoded = binascii.b2a_qp(lines, istext=True).replace(b"\n", b"\r\n")
        encoded = encoded.replace(b"\r\n.", b"\r\n..")
    if encoded.startswith(b"."):
        encoded = b"." + encoded
    return encoded + _SOFT_BREAK


def pieces(source: str) -> list[str | Gap]:
    """The words and the gaps between them."""
    found: list[str | Gap] = []
    end = 0
    for match in _GAP.finditer(source):
        if match.start() > end:
            found.append(source[end : match.start()])
        found.append(Gap(tuple(match[1].split(".")), match[2]))
        end = match.end()
    if end < len(source):
        found.append(source[end:])
    return found


def _unchanged(text: str) -> str:
    return text
