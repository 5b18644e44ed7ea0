"""Who was erased, and how his traces look in free text. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

from profiles.rules.identity import OF_MACHINES, STRONG, Key

# A file says nothing about the age of its lines: who was erased does not come back by one.
UNKNOWN_AGE = datetime(1900, 1, 1, tzinfo=UTC)
SHORTEST_NUMBER = 8
LEAST_NAME = 7
_COUNTRY_CODE = r"(?:\+?[0-9]{1,4}[ ./()-]*)?"


def is_replay(
    keys: Collection[Key], *, dead: Collection[Key], held: Collection[Key], is_proven: bool
) -> bool:
    """Whether a contact from before an erasure is the erased person's own.

    `dead` are the keys of somebody erased since, `held` those that lead to somebody living. It is his
    unless the living one is named as strongly, a visitor only typed it, or only a computer was his.
    """
    alive = [key for key in keys if key not in dead]
    if not alive:
        return True
    if all(key.kind in OF_MACHINES for key in dead):
        return False
    if not is_proven and any(key.kind in OF_MACHINES for key in alive):
        return False
    return not any(key.kind in STRONG and key in held for key in alive)


def patterns(
    *, addresses: Iterable[str], numbers: Iterable[str], names: Iterable[str]
) -> tuple[str, ...]:
    """Regular expressions which find a person in free text, however his number is written."""
    found = {_bounded(re.escape(address)) for address in addresses if "@" in address}
    found |= {_number(number) for number in numbers if len(_digits(number)) >= SHORTEST_NUMBER}
    found |= {
        _bounded(r"\s+".join(re.escape(word) for word in name.split()))
        for name in names
        if len(name) >= LEAST_NAME and " " in name.strip()
    }
    return tuple(sorted(found))


def _bounded(text: str) -> str:
    return rf"(^|[^[:alnum:]]){text}($|[^[:alnum:]])"


def _digits(number: str) -> str:
    return "".join(character for character in number if character.isdigit())


def _number(number: str) -> str:
    """The last nine digits with anything people put between them: the country code comes and goes."""
    tail = _digits(number)[-9:]
    return r"[ ./()-]*".join(tail)


def redacted(value: Any, patterns: Collection[str]) -> Any:
    """The JSON value with every text that one of the patterns finds replaced by a word."""
    if isinstance(value, dict):
        return {key: redacted(item, patterns) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item, patterns) for item in value]
    if isinstance(value, str) and any(_found(pattern, value) for pattern in patterns):
        return "erased"
    return value


def without(text: str, patterns: Collection[str]) -> str:
    """The text with whatever one of the patterns finds left out, so that one sees that it is."""
    for pattern in patterns:
        # The patterns of numbers begin behind the country code.
        before = "" if pattern.startswith("(") else _COUNTRY_CODE
        text = _in_python(before + pattern).sub(_left_out, text)
    return text


def _left_out(match: re.Match[str]) -> str:
    before, after = match.groups() if match.re.groups else ("", "")
    return f"{before}[…]{after}"


def _found(pattern: str, text: str) -> bool:
    return _in_python(pattern).search(text) is not None


def _in_python(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("[^[:alnum:]]", r"[\W_]"), re.IGNORECASE)
