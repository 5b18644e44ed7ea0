"""What mail programs say by the structure of HTML: where the history begins, what is quoted or a signature.

The elements are marked by characters that no text has (Unicode calls them noncharacters), so that the marks
survive the turning into plain text. What is quoted gets the `>` that it would have in plain text.
"""

from __future__ import annotations

import re
from typing import Any, Final

HISTORY: Final = "\ufdd0"
_QUOTED, _UNQUOTED = "\ufdd1", "\ufdd2"
SIGNED: Final = "\ufdd3"
UNSIGNED: Final = "\ufdd4"
_ALL: Final = re.compile("[\ufdd0-\ufdd4]")
_OF_QUOTES: Final = dict.fromkeys(map(ord, _QUOTED + _UNQUOTED))
ATTRIBUTES: Final = {"*": {"class", "id", "name", "data-marker"}, "blockquote": {"type"}}
"""What the marks are set by."""
DEEPEST: Final = 9

_BEGINS_HISTORY: Final = frozenset(
    {
        "gmail_quote",
        "gmail_quote_container",
        "gmail_attr",
        "moz-cite-prefix",
        "yahoo_quoted",
        "protonmail_quote",
        "tutanota_quote",
        "divrplyfwdmsg",
        "appendonsend",
        "olk_src_body_section",
        "mail-editor-reference-message-container",
        "ms-outlook-mobile-reference-message",
        "reply-intro",
        "zwchr",
        "__divider__",
        "__headers__",
        "__quoted_text__",
        "quote",
    }
)
_QUOTES: Final = frozenset({"gmail_quote", "protonmail_quote", "tutanota_quote", "__quoted_text__"})
_SIGNS: Final = frozenset(
    {
        "gmail_signature",
        "moz-signature",
        "protonmail_signature_block",
        "applemailsignature",
        "ms-outlook-mobile-signature",
        "signature",
    }
)
_NUMBERED: Final = re.compile(r"\A(?:x_)+|(?<=\Ayahoo_quoted)_\d+\Z")
"""What Outlook puts before the names it finds, and Yahoo behind its own."""


def without(text: str) -> str:
    """The text without any mark."""
    return _ALL.sub("", text)


def put_into(tree: Any) -> None:
    """Mark what the mail program named in this tree of elements."""
    for element in list(tree.iter("*")):
        names = _names(element)
        if element.tag == "blockquote" and (element.get("type") == "cite" or names & _QUOTES):
            _surround(element, _QUOTED, _UNQUOTED)
        elif names & _BEGINS_HISTORY:
            _begin(element, HISTORY)
        elif names & _SIGNS:
            _surround(element, SIGNED, UNSIGNED)


def as_quotes(text: str) -> str:
    """The text with `>` before what is quoted; the other marks stay."""
    lines, depth = [], 0
    for line in text.split("\n"):
        opened, closed = line.count(_QUOTED), line.count(_UNQUOTED)
        depth += opened
        plain = line.translate(_OF_QUOTES)
        if plain.strip() or not (opened or closed):
            lines.append(f"{'>' * min(depth, DEEPEST)} {plain}".rstrip() if depth else plain)
        depth = max(depth - closed, 0)
    return "\n".join(lines)


def _names(element: Any) -> set[str]:
    given = (element.get(name) or "" for name in ("class", "id", "name", "data-marker"))
    return {_NUMBERED.sub("", name) for name in " ".join(given).lower().split()}


def _surround(element: Any, before: str, after: str) -> None:
    _begin(element, before)
    if len(element):
        element[-1].tail = (element[-1].tail or "") + after
    else:
        element.text = (element.text or "") + after


def _begin(element: Any, mark: str) -> None:
    if element.tag == "hr":
        element.tail = mark + (element.tail or "")
    else:
        element.text = mark + (element.text or "")
