"""One tag, however it is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LONGEST = 40
MOST = 50


def name_of(text: str) -> str:
    """The tag as it is shown: no double spaces, no control characters, composed letters."""
    composed = unicodedata.normalize("NFC", text)
    printable = "".join(c for c in composed if unicodedata.category(c)[0] != "C")
    return " ".join(printable.replace(",", " ").split())[:LONGEST].strip()


def key_of(text: str) -> str:
    """The same for “VIP”, “vip” and “ ViP ”."""
    return name_of(name_of(text).casefold())


def names_in(text: str) -> list[str]:
    """The tags of a typed list, divided by commas, each once."""
    return each_once(text.split(","))


def each_once(texts: Iterable[str]) -> list[str]:
    """The usable tags among these, each once, as it was written first."""
    found: dict[str, str] = {}
    for text in texts:
        if key := key_of(text):
            found.setdefault(key, name_of(text))
    return list(found.values())
