"""The text part of a mail, made from its HTML once, with the Liquid still in it."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from messaging.mime import html

_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_HEAD: Final = re.compile(r"<head\b.*?</head\s*>", re.DOTALL | re.IGNORECASE)
_HIDDEN: Final = re.compile(r'<div style="display:none[^>]*>.*?</div>', re.DOTALL)
_LINK: Final = re.compile(
    r"""<a\b[^>]*?\bhref=["']([^"']*)["'][^>]*>(.*?)</a>""", re.DOTALL | re.IGNORECASE
)
_PICTURE: Final = re.compile(r"""<img\b[^>]*?\balt=["']([^"']*)["'][^>]*>""", re.IGNORECASE)
_ROW: Final = re.compile(r"<(/?)(?:table|thead|tbody|tfoot|tr)\b[^>]*>", re.IGNORECASE)
_CELL: Final = re.compile(r"<(/?)(?:td|th)\b[^>]*>", re.IGNORECASE)
_TAGS: Final = re.compile(r"<[^>]*>")
_BLANKS: Final = re.compile(r"\n{3,}")
_TRAILING: Final = re.compile(r"[ \t]+\n")


def text_of(markup: str) -> str:
    """The words of a whole mail, links written out after theirs."""
    words = _HIDDEN.sub("", _COMMENT.sub("", _HEAD.sub("", markup)))
    words = _LINK.sub(_written_out, _PICTURE.sub(r"\1", words))
    # Rows as lines: the columns of a layout are no table worth drawing.
    words = _CELL.sub(lambda cell: " " if cell.group(1) else "", words)
    return tidy(html.to_text(_ROW.sub(r"<\1div>", words)))


def tidy(text: str) -> str:
    """At most one empty line in a row, and none around."""
    return _BLANKS.sub("\n\n", _TRAILING.sub("\n", text)).strip() + "\n"


def closed_up(text: str) -> str:
    """The text of one mail without the gaps that conditions left; cheap, for it runs for each recipient."""
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip() + "\n"


def _written_out(match: re.Match[str]) -> str:
    target, label = unescape(match.group(1)), match.group(2)
    words = _TAGS.sub("", label).strip()
    if target.startswith(("mailto:", "tel:", "#")) or words == target:
        return words
    return f"{label} ({match.group(1)})" if words else match.group(1)
