"""What a value of a custom attribute may be, for every door alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

STRING, NUMBER, BOOLEAN, DATE, LIST, CHOICE = (
    "string",
    "number",
    "boolean",
    "date",
    "list",
    "choice",
)
# The column that holds a value of each kind.
COLUMNS: Mapping[str, str] = {
    STRING: "text",
    NUMBER: "number",
    BOOLEAN: "boolean",
    DATE: "day",
    LIST: "items",
    CHOICE: "text",
}
LONGEST_TEXT = 500
LONGEST_ITEM = 100
MOST_ITEMS = 50
MOST_CHOICES = 100
DIGITS = 18
PLACES = 6
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TRUE = frozenset({"true", "yes", "1", "on"})
_FALSE = frozenset({"false", "no", "0", "off"})

Value: TypeAlias = str | Decimal | bool | date | list[str]


class NoSuchValue(ValueError):
    """The value does not fit the attribute; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Definition:
    """What one attribute wants."""

    key: str
    kind: str
    choices: Sequence[str] = ()


def clean(definition: Definition, raw: object) -> Value | None:
    """The value as it is kept; None when there is none (null, an empty text or list).

    Texts are taken for what they mean, so that forms, tables and programs are treated alike. Raises
    NoSuchValue.
    """
    if isinstance(raw, str):
        raw = raw.strip()
    if raw is None or raw in ("", []):
        return None
    found = _CLEANERS[definition.kind](raw)
    if definition.kind == CHOICE and found not in definition.choices:
        raise NoSuchValue("unknown_choice")
    return found


def plain(value: Value | None) -> object:
    """The value as JSON says it; numbers as text, so that no digit is lost."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.isoformat() if isinstance(value, date) else value


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise NoSuchValue("no_text")
    if len(raw) > LONGEST_TEXT:
        raise NoSuchValue("too_long")
    if "\0" in raw:
        raise NoSuchValue("no_text")
    return raw


def _number(raw: object) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, Decimal, str)):
        raise NoSuchValue("no_number")
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        raise NoSuchValue("no_number") from None
    if not number.is_finite():
        raise NoSuchValue("no_number")
    if number and number.adjusted() >= DIGITS:
        raise NoSuchValue("too_large")
    rounded = round(number, PLACES)
    if rounded != number:
        raise NoSuchValue("too_precise")
    return rounded


def _boolean(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.casefold() in _TRUE | _FALSE:
        return raw.casefold() in _TRUE
    raise NoSuchValue("no_boolean")


def _date(raw: object) -> date:
    if type(raw) is date:
        return raw
    try:
        return date.fromisoformat(str(raw))
    except ValueError:
        raise NoSuchValue("no_date") from None


def _list(raw: object) -> list[str]:
    items = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise NoSuchValue("no_list")
    found = list(dict.fromkeys(item.strip() for item in items if item.strip()))
    if len(found) > MOST_ITEMS:
        raise NoSuchValue("too_many")
    if any(len(item) > LONGEST_ITEM or "\0" in item for item in found):
        raise NoSuchValue("too_long")
    if not found:
        raise NoSuchValue("no_list")
    return found


_CLEANERS: Mapping[str, Callable[[object], Value]] = {
    STRING: _text,
    NUMBER: _number,
    BOOLEAN: _boolean,
    DATE: _date,
    LIST: _list,
    CHOICE: _text,
}
