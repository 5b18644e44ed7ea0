"""Liquid inside markup: hidden while the markup is transformed, put back afterwards.

MJML, Markdown and CSS tools would take `{% if a < b %}` for markup, or move it out of a table. So each
mark becomes a comment where comments may stand, and one harmless word elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

_MARK: Final = re.compile(
    r"\{%-?\s*(raw|comment)\s*-?%\}.*?\{%-?\s*end\1\s*-?%\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL
)
_VALUE: Final = re.compile(r"\{\{\s*([a-z_.]+)\s*\}\}")
_BLOCK: Final = re.compile(r"\{\{-?\s*blocks\.([a-z0-9_]+)\s*-?\}\}")
_NOT_WORDS: Final = re.compile(
    r"<!--.*?-->|<(style|title|script|textarea|mj-style|mj-title|mj-preview)\b.*?</\1\s*>"
    r"|</?[a-zA-Z!][^>]*>",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of Liquid and the line it was written on; 0 when we wrote it."""

    text: str
    line: int

    @property
    def block(self) -> str:
        """The key of the content block it stands for, or nothing."""
        match = _BLOCK.fullmatch(self.text)
        return match.group(1) if match else ""

    @property
    def is_structure(self) -> bool:
        """True when it prints no words of its own: a tag, or a whole block."""
        return self.text.startswith("{%") or bool(self.block)


@dataclass(slots=True)
class Restored:
    """Text with its Liquid again, and which line of the author each place came from."""

    text: str
    starts: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def line_at(self, index: int) -> int:
        """The author's line of a place in this text; 0 when it is none of his."""
        place = bisect_right(self.starts, index) - 1
        return self.lines[place] if place >= 0 else 0


class Marks:
    """The Liquid of one template while it is hidden."""

    def __init__(self, seed: str) -> None:
        self._key = "lq" + hashlib.sha256(seed.encode()).hexdigest()[:10] + "n"
        self._marks: list[Mark] = []
        key = re.escape(self._key)
        self._hidden = re.compile(rf'<!--{key}(\d+)z-->|{key}(\d+)z(?:="")?')
        self._word = re.compile(rf"{key}(\d+)z")

    def hide(self, source: str, *, has_lines: bool = True) -> str:
        """The source with every piece of Liquid as one word."""

        def word(match: re.Match[str]) -> str:
            line = source.count("\n", 0, match.start()) + 1 if has_lines else 0
            self._marks.append(Mark(match.group(), line))
            return f"{self._key}{len(self._marks) - 1}z"

        return _MARK.sub(word, source)

    def as_comments(self, hidden: str) -> str:
        """Tags and blocks between elements as comments, which no tool moves."""
        parts: list[str] = []
        end = 0
        for match in _NOT_WORDS.finditer(hidden):
            parts += [self._commented(hidden[end : match.start()]), match.group()]
            end = match.end()
        return "".join([*parts, self._commented(hidden[end:])])

    def as_lines(self, hidden: str) -> str:
        """Tags and blocks that stand alone on a line of Markdown as comments."""
        return "".join(
            self._commented(line) if self._word.fullmatch(line.strip()) else line
            for line in hidden.splitlines(keepends=True)
        )

    def as_text(self, markup: str) -> str:
        """Markup with comments turned into words, so that they survive becoming plain text."""

        def word(match: re.Match[str]) -> str:
            number = match.group(1) or match.group(2)
            name = f"{self._key}{number}z"
            return f"<div>{name}</div>" if self._marks[int(number)].block else name

        return self._hidden.sub(word, markup)

    def show(
        self, text: str, *, block: Callable[[str], str], constants: Mapping[str, str]
    ) -> Restored:
        """The text with its Liquid again.

        `block` gives what stands for a content block, `constants` what stands for values that are the
        same in every mail.
        """
        restored = Restored("")
        parts: list[str] = []
        length = end = 0
        for match in self._hidden.finditer(text):
            mark = self._marks[int(match.group(1) or match.group(2))]
            value = _VALUE.fullmatch(mark.text)
            piece = constants.get(value.group(1), mark.text) if value else mark.text
            piece = block(mark.block) if mark.block else piece
            before = text[end : match.start()]
            length += len(before)
            restored.starts.append(length)
            restored.lines.append(mark.line)
            parts += [before, piece]
            length += len(piece)
            end = match.end()
        restored.text = "".join([*parts, text[end:]])
        return restored

    def blocks(self) -> list[tuple[str, int]]:
        """The content blocks asked for, with their lines."""
        return [(mark.block, mark.line) for mark in self._marks if mark.block]

    def _commented(self, words: str) -> str:
        def comment(match: re.Match[str]) -> str:
            is_structure = self._marks[int(match.group(1))].is_structure
            return f"<!--{match.group()}-->" if is_structure else match.group()

        return self._word.sub(comment, words)


def without_marks(source: str) -> str:
    """The source with its Liquid blanked out, every line where it was."""
    return _MARK.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), source)
