"""The rule tree of a segment: reading it from JSON, and saying precisely what is wrong with it.

A node is `{"and": [...]}`, `{"or": [...]}`, `{"not": {...}}` or a condition
`{"criterion": key, "operator": key, ...}` with the values its criterion asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from django.utils.translation import gettext as _

DEEPEST = 8
MOST_LEAVES = 100
LONGEST_TEXT = 200
MOST_TEXTS = 100
GROUPS = ("and", "or")
MEMBER = "segment.member"
_WORDS = ("criterion", "operator")
_CURRENCY = re.compile(r"[A-Z]{3}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """A condition as it was checked: which criterion, asked how, with which values."""

    criterion: str
    operator: str
    values: Mapping[str, Any]
    pointer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Conditions that hold together: `kind` is and, or, not."""

    kind: str
    children: tuple[Node, ...]
    pointer: str


Node = Leaf | Group


class InputSpec(Protocol):
    """What the checks need to know of one input."""

    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def choices(self) -> Callable[[], Sequence[tuple[str, str]]] | None: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def is_optional(self) -> bool: ...
    @property
    def least(self) -> int: ...
    @property
    def most(self) -> int: ...


class OperatorSpec(Protocol):
    """What the checks need to know of one operator."""

    @property
    def key(self) -> str: ...
    @property
    def inputs(self) -> Sequence[InputSpec]: ...


class CriterionSpec(Protocol):
    """What the checks need to know of one criterion."""

    @property
    def operators(self) -> Sequence[OperatorSpec]: ...
    @property
    def inputs(self) -> Sequence[InputSpec]: ...


LookUp = Callable[[str], CriterionSpec | None]


@dataclass(kw_only=True, slots=True)
class Reading:
    """A document being read: the faults found so far, each under its JSON pointer."""

    look_up: LookUp
    is_stored: bool = False
    faults: dict[str, str] = field(default_factory=dict)
    leaves: int = 0

    def fault(self, pointer: str, text: str) -> None:
        """Note what is wrong; the first word about a place counts."""
        self.faults.setdefault(pointer, text)


def read_tree(
    document: Any, *, look_up: LookUp, is_stored: bool = False
) -> tuple[Node | None, dict[str, str]]:
    """The checked tree of a document, or None and the faults by JSON pointer.

    What is stored was checked once: it is not compared with today's choices again.
    """
    reading = Reading(look_up=look_up, is_stored=is_stored)
    node = _node(document, "", 1, reading)
    if reading.leaves > MOST_LEAVES:
        text = _("At most %(number)s conditions; these are %(count)s.")
        reading.fault("", text % {"number": MOST_LEAVES, "count": reading.leaves})
    return (None if reading.faults else node), reading.faults


def leaves(node: Node) -> Iterator[Leaf]:
    """Every condition of a tree, in reading order."""
    if isinstance(node, Leaf):
        yield node
        return
    for child in node.children:
        yield from leaves(child)


def references(node: Node) -> dict[str, int]:
    """The segments of which a tree speaks, by the pointer of the condition."""
    return {
        leaf.pointer: leaf.values["segment"]
        for leaf in leaves(node)
        if leaf.criterion == MEMBER and leaf.values.get("segment")
    }


def way_round(start: int, uses: Mapping[int, Iterable[int]]) -> list[int]:
    """The segments on a way from `start` back to itself; empty when there is none."""
    ways = [[start]]
    seen: set[int] = set()
    while ways:
        way = ways.pop()
        for following in uses.get(way[-1], ()):
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


def _node(document: Any, pointer: str, depth: int, reading: Reading) -> Node | None:
    if not isinstance(document, dict):
        reading.fault(pointer, _("This must be a group or a condition."))
        return None
    if depth > DEEPEST:
        text = _("Groups may be nested %(number)s deep at most.")
        reading.fault(pointer, text % {"number": DEEPEST})
        return None
    kind = next((word for word in (*GROUPS, "not") if word in document), None)
    if kind is None:
        return _leaf(document, pointer, reading)
    for key in document:
        if key != kind:
            reading.fault(
                f"{pointer}/{_token(key)}", _("A group has nothing beside its conditions.")
            )
    if kind == "not":
        child = _node(document["not"], f"{pointer}/not", depth + 1, reading)
        return Group(kind=kind, children=(child,), pointer=pointer) if child else None
    return _group(kind, document[kind], pointer, depth, reading)


def _group(kind: str, items: Any, pointer: str, depth: int, reading: Reading) -> Node | None:
    if not isinstance(items, list):
        reading.fault(f"{pointer}/{kind}", _("A group is a list of conditions."))
        return None
    if not items:
        reading.fault(f"{pointer}/{kind}", _("Add a condition to this group, or remove the group."))
        return None
    if len(items) > MOST_LEAVES:
        reading.leaves += len(items)
        return None
    children = [
        _node(item, f"{pointer}/{kind}/{number}", depth + 1, reading)
        for number, item in enumerate(items)
    ]
    found = tuple(child for child in children if child is not None)
    return Group(kind=kind, children=found, pointer=pointer) if found else None


def _leaf(document: dict[str, Any], pointer: str, reading: Reading) -> Leaf | None:
    reading.leaves += 1
    key = document.get("criterion")
    criterion = reading.look_up(key) if isinstance(key, str) else None
    if not isinstance(key, str) or criterion is None:
        text = (
            _("There is no such criterion. Choose another one.")
            if key
            else _("Choose a criterion.")
        )
        reading.fault(f"{pointer}/criterion", text)
        return None
    wanted = document.get("operator")
    operator = next((item for item in criterion.operators if item.key == wanted), None)
    if operator is None:
        known = ", ".join(item.key for item in criterion.operators)
        text = _("This criterion can be asked with: %(known)s.")
        reading.fault(f"{pointer}/operator", text % {"known": known})
        return None
    values = _values([*operator.inputs, *criterion.inputs], document, pointer, reading)
    return Leaf(criterion=key, operator=operator.key, values=values, pointer=pointer)


def _values(
    inputs: Sequence[InputSpec], document: dict[str, Any], pointer: str, reading: Reading
) -> dict[str, Any]:
    known = {item.key for item in inputs}
    for key in document:
        if key not in known and key not in _WORDS:
            reading.fault(f"{pointer}/{_token(key)}", _("Nobody asked for this."))
    found: dict[str, Any] = {}
    for item in inputs:
        place = f"{pointer}/{_token(item.key)}"
        given = document.get(item.key)
        if given is None or given in ("", []):
            found[item.key] = None
            if not item.is_optional:
                reading.fault(place, _("Fill in what is missing."))
            continue
        found[item.key] = _READERS[str(item.kind)](given, item, place, reading)
    return found


def _text(given: Any, _item: InputSpec, place: str, reading: Reading) -> str | None:
    if not isinstance(given, str):
        reading.fault(place, _("This must be text."))
        return None
    if len(given) > LONGEST_TEXT or _UNSTORABLE.search(given):
        text = _("This text is unusable or longer than %(number)s characters.")
        reading.fault(place, text % {"number": LONGEST_TEXT})
        return None
    return given


def _texts(given: Any, item: InputSpec, place: str, reading: Reading) -> list[str] | None:
    if not isinstance(given, list) or len(given) > MOST_TEXTS:
        text = _("This must be a list of at most %(number)s texts.")
        reading.fault(place, text % {"number": MOST_TEXTS})
        return None
    found = [
        _choice(entry, item, f"{place}/{number}", reading) for number, entry in enumerate(given)
    ]
    return [entry for entry in found if entry is not None]


def _number(given: Any, item: InputSpec, place: str, reading: Reading) -> Decimal | None:
    number = _decimal(given)
    if number is None:
        reading.fault(place, _("This must be a number."))
        return None
    if not item.least <= number <= item.most:
        text = _("This must lie between %(least)s and %(most)s.")
        reading.fault(place, text % {"least": item.least, "most": item.most})
        return None
    return number


def _integer(given: Any, item: InputSpec, place: str, reading: Reading) -> int | None:
    number = _number(given, item, place, reading)
    if number is None:
        return None
    if number != int(number):
        reading.fault(place, _("This must be a whole number."))
        return None
    return int(number)


def _money(given: Any, item: InputSpec, place: str, reading: Reading) -> tuple[Decimal, str] | None:
    if not isinstance(given, dict) or set(given) != {"amount", "currency"}:
        reading.fault(place, _('This must be an amount and its currency: {"amount", "currency"}.'))
        return None
    currency = given["currency"]
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        reading.fault(f"{place}/currency", _("A currency has three capital letters."))
        return None
    amount = _number(given["amount"], item, f"{place}/amount", reading)
    return None if amount is None else (amount, currency)


def _date(given: Any, _item: InputSpec, place: str, reading: Reading) -> date | None:
    try:
        day = date.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        day = None
    if day is None:
        reading.fault(place, _("This must be a date: YYYY-MM-DD."))
    return day


def _boolean(given: Any, _item: InputSpec, place: str, reading: Reading) -> bool | None:
    if not isinstance(given, bool):
        reading.fault(place, _("This must be true or false."))
        return None
    return given


def _choice(given: Any, item: InputSpec, place: str, reading: Reading) -> str | None:
    text = _text(given, item, place, reading)
    if text is None or item.is_open or item.choices is None or reading.is_stored:
        return text
    if text not in {key for key, _label in item.choices()}:
        reading.fault(place, _("This is none of the choices. Choose one of them."))
        return None
    return text


def _segment(given: Any, _item: InputSpec, place: str, reading: Reading) -> int | None:
    is_number = isinstance(given, int) and not isinstance(given, bool)
    is_digits = isinstance(given, str) and given.isascii() and given.isdigit()
    if (is_number or is_digits) and 0 < int(given) < 2**31:
        return int(given)
    reading.fault(place, _("This must be the id of a segment."))
    return None


def _decimal(given: Any) -> Decimal | None:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        number = Decimal(str(given))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _token(key: object) -> str:
    """A key as JSON pointers write it."""
    return str(key).replace("~", "~0").replace("/", "~1")


_Reader = Callable[[Any, InputSpec, str, Reading], Any]
_READERS: dict[str, _Reader] = {
    "text": _text,
    "texts": _texts,
    "number": _number,
    "integer": _integer,
    "money": _money,
    "date": _date,
    "boolean": _boolean,
    "choice": _choice,
    "product": _text,
    "segment": _segment,
}
