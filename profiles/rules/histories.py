"""Reading purchase histories from a table: frequency, recency, T and, when it is there, monetary."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from profiles.rules import numerals

REQUIRED = ("frequency", "recency", "t")
MONETARY = "monetary"
_ALSO_MONETARY = "monetary_value"
DELIMITERS = ",;\t|"
MOST_FAULTS = 20
# Times are often divided numbers: the last digits of recency and T may disagree.
ROUNDING = 1e-6


class UnusableHistories(ValueError):
    """The table can't be understood; `faults` says which line and why."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class History:
    """One customer: repeat orders, age at the last one, age now, and what a repeat order was worth."""

    frequency: float
    recency: float
    age: float
    monetary: float = 0.0


@dataclass(frozen=True, slots=True)
class Table:
    """The histories of a file; `has_monetary` when it says what was spent."""

    histories: tuple[History, ...]
    has_monetary: bool


def read(lines: Iterable[str]) -> Table:
    """The histories of a CSV table with a head. Raises UnusableHistories naming each bad line."""
    filled = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    first = next(filled, None)
    if first is None:
        raise UnusableHistories("line 1: the file is empty")
    delimiter = max(DELIMITERS, key=first[1].count)
    columns = _columns(_cells(first[1].lstrip("\ufeff"), delimiter), first[0])
    found: list[History] = []
    faults: list[str] = []
    for number, line in filled:
        try:
            found.append(_history(_cells(line, delimiter), columns))
        except ValueError as fault:
            faults.append(f"line {number}: {fault}")
            if len(faults) == MOST_FAULTS:
                faults.append("and perhaps more")
                break
    if faults:
        raise UnusableHistories(*faults)
    if not found:
        raise UnusableHistories(f"line {first[0]}: there is no customer below the head")
    return Table(histories=tuple(found), has_monetary=MONETARY in columns)


def _cells(line: str, delimiter: str) -> list[str]:
    return next(iter(csv.reader([line], delimiter=delimiter)))


def _columns(head: list[str], number: int) -> dict[str, int]:
    columns = {name.strip().casefold(): index for index, name in enumerate(head)}
    if _ALSO_MONETARY in columns:
        columns.setdefault(MONETARY, columns[_ALSO_MONETARY])
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        names = ", ".join("T" if name == "t" else name for name in missing)
        raise UnusableHistories(f"line {number}: the head lacks the column {names}")
    return columns


def _history(cells: list[str], columns: Mapping[str, int]) -> History:
    values = dict(_values(cells, columns))
    frequency, recency, age = (values[name] for name in REQUIRED)
    if frequency != int(frequency):
        raise ValueError("frequency is no whole number")
    if recency > age + ROUNDING * max(age, 1):
        raise ValueError("recency is later than T")
    if not frequency and recency > ROUNDING:
        raise ValueError("who did not order again has recency 0 (the time of his last order)")
    return History(frequency, min(recency, age), age, values.get(MONETARY, 0.0))


def _values(cells: list[str], columns: Mapping[str, int]) -> Iterator[tuple[str, float]]:
    names = [*REQUIRED, *([MONETARY] if MONETARY in columns else [])]
    for name in names:
        word = "T" if name == "t" else name
        text = cells[columns[name]].strip() if columns[name] < len(cells) else ""
        if name == MONETARY and not text:
            yield name, 0.0
            continue
        yield name, _number(text, word)


def _number(text: str, word: str) -> float:
    if not text:
        raise ValueError(f"{word} is missing")
    try:
        number = float(text if text.isascii() and "," not in text else numerals.plain(text))
    except ValueError:
        raise ValueError(f"{word} is no number: {text[:40]}") from None
    if not math.isfinite(number):
        raise ValueError(f"{word} is no number: {text[:40]}")
    if number < 0:
        raise ValueError(f"{word} is negative")
    return number
