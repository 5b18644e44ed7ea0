"""A mail whose blanks a provider fills: the words once, with a mark wherever recipients differ.

`merging` does the same for mails that we fill ourselves. Words of ours that the provider would take for a
mark of its own are handed over as what fills a blank, so that nothing of them is interpreted.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from messaging.mime import following, mass, merging
from messaging.rules.hits import CLICKS, OPENS

_CHANGED_BY_ESCAPING: Final = re.compile("[&<>\"']")


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """How a provider wants its marks: `mark` with KEY in it, and what else it would take for one.

    `is_verbatim` when what fills a blank is documented to arrive as it is, and is not escaped.
    """

    mark: str
    special: re.Pattern[str]
    is_verbatim: bool


@dataclass(frozen=True, slots=True)
class _Blank:
    """A place that differs: what fills it is a word of the data, the token, a link, or always the same."""

    kind: str
    source: merging.Gap | str = ""
    number: int = 0


class Form:
    """The words of a mail in a provider's dialect, prepared once for all who get them."""

    def __init__(self, words: mass.Words, *, dialect: Dialect, base: str, noted: int = 0) -> None:
        self._dialect, self._base = dialect, base
        self._way = following.Way(base)
        self._keys: dict[_Blank, str] = {}
        self.subject = self._written(merging.pieces(words.subject), "line")
        self.text = self._written(merging.pieces(words.text), "text")
        self.html = self._followed(words.html, noted) if words.html else ""

    @classmethod
    def finished(cls, words: mass.Words, *, dialect: Dialect) -> Form:
        """Of words without gaps: braces in them are nothing but braces."""
        form = cls(
            mass.Words(
                from_name=words.from_name,
                from_address=words.from_address,
                subject="",
                text="",
                html="",
            ),
            dialect=dialect,
            base="",
        )
        form.subject = form._written([words.subject], "line")
        form.text = form._written([words.text], "text")
        form.html = form._written([words.html], "html")
        return form

    def fill(self, data: Mapping[str, Any], *, token: str = "") -> dict[str, str]:
        """What fills the blanks for one recipient, by their keys. Raises merging.RenderingFailed."""
        return {key: self._value(blank, data, token) for blank, key in self._keys.items()}

    def arrives(self, values: Mapping[str, str]) -> bool:
        """Whether the provider surely writes these values as they are."""
        return self._dialect.is_verbatim or not any(
            _CHANGED_BY_ESCAPING.search(value) for value in values.values()
        )

    def _value(self, blank: _Blank, data: Mapping[str, Any], token: str) -> str:
        source = blank.source
        if blank.kind == "token":
            return token
        if isinstance(source, str):
            return source if blank.kind == "said" else self._link(blank, source, data, token)
        value = source.value(data)
        if blank.kind == "line":
            return " ".join(value.split())
        return html.escape(value) if blank.kind == "html" else value

    def _link(self, blank: _Blank, source: str, data: Mapping[str, Any], token: str) -> str:
        address = merging.Text(source).fill(data)
        if self._way.is_foreign(address):
            return f"{self._way.before}{token}/{blank.number}/"
        return html.escape(address)

    def _followed(self, source: str, noted: int) -> str:
        if not noted:
            return self._written(merging.pieces(source), "html")
        token = _Blank("token")
        parts: list[str | merging.Gap | _Blank] = []
        end = 0
        for anchor in following.followable(source, base=self._base) if noted & CLICKS else ():
            parts += merging.pieces(source[end : anchor.start])
            if "{{" in anchor.target:
                parts.append(_Blank("link", anchor.target, anchor.number))
            else:
                parts += [self._way.before, token, f"/{anchor.number}/"]
            end = anchor.end
        body, after = _split_for_picture(source[end:]) if noted & OPENS else (source[end:], "")
        parts += merging.pieces(body)
        if noted & OPENS:
            before, behind = following.picture(self._way, "\0").split("\0")
            parts += [before, token, behind, *merging.pieces(after)]
        return self._written(parts, "html")

    def _written(self, parts: Sequence[str | merging.Gap | _Blank], kind: str) -> str:
        out = []
        for part in parts:
            if isinstance(part, str):
                out.append(self._dialect.special.sub(self._said, part))
            else:
                out.append(
                    self._mark(_Blank(kind, part) if isinstance(part, merging.Gap) else part)
                )
        return "".join(out)

    @property
    def _said(self) -> Callable[[re.Match[str]], str]:
        return lambda match: self._mark(_Blank("said", match[0]))

    def _mark(self, blank: _Blank) -> str:
        key = self._keys.setdefault(blank, f"b{len(self._keys)}")
        return self._dialect.mark.replace("KEY", key)


def _split_for_picture(source: str) -> tuple[str, str]:
    at = following.picture_place(source)
    return source[:at], source[at:]
