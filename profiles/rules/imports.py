"""What the columns of a table of customers mean, and what a row of it says. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from profiles.rules import addresses, attributes, identity, policies, tags
from profiles.rules.imports_cells import (
    DAY_FIRST,
    TAG_SEPARATORS,
    Fault,
    country_of,
    currency_of,
    date_of,
    gender_of,
    locale_of,
    phone_typed,
    typed,
    yes_or_no,
)

COMPLETE, OVERWRITE, LEAVE = "complete", "overwrite", "leave"
KNOWN = (COMPLETE, OVERWRITE, LEAVE)
ATTRIBUTE = "attribute:"
CONSENT = "consent:"
CONSENTS = tuple(f"{CONSENT}{channel}" for channel in ("email", "sms", "phone", "post"))
IDENTIFYING = (identity.EMAIL, identity.PHONE, identity.CUSTOMER_ID)
_IN_ORDER = tuple(sorted(IDENTIFYING))
PLACE = ("company", "line1", "line2", "postcode", "city", "region")
DETAILS = (
    "first_name",
    "last_name",
    "locale",
    "country",
    "birthday",
    "gender",
    "timezone",
    "currency",
)
FIELDS = (*IDENTIFYING, *DETAILS, *PLACE, "tags", *CONSENTS)
# Several columns may tell these; of the others each row knows one.
REPEATABLE = frozenset({"tags"})
_NOTHING = frozenset(
    {"", "null", "none", "n/a", "na", "nan", "-", "--", "\\n", "(null)"}
    # What a spreadsheet shows where a formula failed.
    | {"#n/a", "#ref!", "#value!", "#div/0!", "#name?", "#num!", "#null!"}
)
_CUT = 120


@dataclass(frozen=True)
class Blocked:
    """Whether an identifier is nobody's: by the company's rules, or as the shop's own address."""

    policies: policies.Policies
    own_address: str | None

    def __call__(self, kind: str, value: str) -> bool:
        """True when the normalised value identifies nobody."""
        return value == self.own_address or self.policies[kind].blocks(value)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the rows of one table are to be understood.

    `columns` names the field of each column, empty for those to be left out; `custom` are the
    attributes they may name, by key. `blocks(kind, value)` says whether an identifier is nobody's.
    """

    columns: Sequence[str]
    shop_id: int
    country: str
    date_order: str = DAY_FIRST
    custom: Mapping[str, attributes.Definition] = field(default_factory=dict)
    blocks: Callable[[str, str], bool] = lambda _kind, _value: False


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """What one row says of a customer, as it will be kept."""

    row: int
    keys: tuple[identity.Key, ...]
    details: identity.Details
    place: addresses.Place | None = None
    values: Mapping[str, attributes.Value] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    consents: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a row names, without what it says of him."""

    row: int
    keys: tuple[identity.Key, ...]

    def __reduce__(self) -> tuple[type[Named], tuple[int, tuple[identity.Key, ...]]]:
        """Pickled by its parts, as its keys."""
        return Named, (self.row, self.keys)


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultyCell:
    """Where a row can't be understood: the column's number, or -1 for the row as a whole."""

    column: int
    code: str
    cell: str = ""


def understand(number: int, cells: Sequence[str], plan: Plan) -> Person | list[FaultyCell]:
    """What a row says, or everything that is wrong with it: a row is taken whole or not at all."""
    told: dict[str, str] = {}
    faults: list[FaultyCell] = []
    places: dict[str, int] = {}
    for column, (name, cell) in enumerate(zip(plan.columns, cells, strict=True)):
        if not name or cell.casefold() in _NOTHING:
            continue
        if "\0" in cell or "\ufffd" in cell:
            faults.append(FaultyCell(column=column, code="unreadable"))
        elif len(cell) > attributes.LONGEST_TEXT:
            faults.append(FaultyCell(column=column, code="too_long"))
        elif name in REPEATABLE:
            told[name] = f"{told[name]},{cell}" if name in told else cell
        elif name not in told:
            told[name], places[name] = cell, column
    return _Reading(number, told, places, faults, plan).person()


class _Reading:
    """The reading of one row."""

    def __init__(
        self,
        number: int,
        told: Mapping[str, str],
        places: Mapping[str, int],
        faults: list[FaultyCell],
        plan: Plan,
    ) -> None:
        self._number, self._told, self._places = number, told, places
        self._faults, self._plan = faults, plan

    def person(self) -> Person | list[FaultyCell]:
        country = self._read("country", country_of)
        keys = self._keys(country or self._plan.country)
        details = self._details(country)
        person = Person(
            row=self._number,
            keys=keys,
            details=details,
            place=self._place(country),
            values=self._values(),
            tags=self._tags(),
            consents=self._consents(),
        )
        if not keys and not self._faults:
            self._faults.append(FaultyCell(column=-1, code="nobody"))
        return self._faults or person

    def _read(self, name: str, read: Callable[[str], str]) -> str:
        cell = self._told.get(name, "")
        if not cell:
            return ""
        try:
            return read(cell)
        except Fault as fault:
            self._note(name, fault.code, cell)
            return ""

    def _note(self, name: str, code: str, cell: str) -> None:
        column = self._places.get(name, -1)
        self._faults.append(FaultyCell(column=column, code=code, cell=cell[:60]))

    def _keys(self, region: str) -> tuple[identity.Key, ...]:
        """In the order of kinds, which is the one of keys."""
        found = []
        for kind in _IN_ORDER:
            cell = self._told.get(kind, "")
            if not cell:
                continue
            value = _identifier(kind, cell, region)
            if value is None:
                self._note(kind, f"no_{kind}", cell)
            elif self._plan.blocks(kind, value):
                self._note(kind, "blocked", cell)
            else:
                shop_id = self._plan.shop_id if kind == identity.CUSTOMER_ID else None
                found.append(identity.Key(kind, value, shop_id))
        return tuple(found)

    def _details(self, country: str) -> identity.Details:
        birthday = self._read(
            "birthday", lambda cell: date_of(cell, self._plan.date_order).isoformat()
        )
        return identity.Details(
            first_name=" ".join(self._told.get("first_name", "").split())[:_CUT],
            last_name=" ".join(self._told.get("last_name", "").split())[:_CUT],
            locale=self._read("locale", locale_of),
            country=country,
            city=" ".join(self._told.get("city", "").split())[:_CUT],
            birthday=date.fromisoformat(birthday) if birthday else None,
            gender=self._read("gender", gender_of),
            timezone=self._told.get("timezone", "")[:63],
            currency=self._read("currency", currency_of),
        )

    def _place(self, country: str) -> addresses.Place | None:
        if "line1" not in self._told:
            return None
        parts = {name: self._told.get(name, "") for name in PLACE}
        found = addresses.place(addresses.SHIPPING, country=country or self._plan.country, **parts)
        return found if found.is_usable else None

    def _values(self) -> dict[str, attributes.Value]:
        found: dict[str, attributes.Value] = {}
        for name, cell in self._told.items():
            if not name.startswith(ATTRIBUTE):
                continue
            definition = self._plan.custom[name.removeprefix(ATTRIBUTE)]
            try:
                value = attributes.clean(
                    definition, typed(definition.kind, cell, self._plan.date_order)
                )
            except (attributes.NoSuchValue, Fault) as fault:
                self._note(name, fault.code, cell)
                continue
            if value is not None:
                found[definition.key] = value
        return found

    def _tags(self) -> tuple[str, ...]:
        if "tags" not in self._told:
            return ()
        names = TAG_SEPARATORS.split(self._told.get("tags", ""))
        return tuple(tags.each_once(name for name in names if name.strip()))

    def _consents(self) -> tuple[tuple[str, bool], ...]:
        found = []
        for name in CONSENTS:
            if name in self._told:
                try:
                    found.append((name.removeprefix(CONSENT), yes_or_no(self._told[name])))
                except Fault as fault:
                    self._note(name, fault.code, self._told[name])
        return tuple(found)


def _identifier(kind: str, cell: str, region: str) -> str | None:
    if kind == identity.EMAIL:
        return identity.normalise_email(cell)
    if kind == identity.PHONE:
        return identity.normalise_phone(phone_typed(cell), region=region)
    return identity.normalise_opaque(cell)
